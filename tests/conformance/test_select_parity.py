"""Select requests equal those of the SDK where it is correct; intended differences are listed.

Payloads are created twice: in this process by max-ard, and by running this file with the project's Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import shapely

A, B = "10300100B2B49700", "104001009F982A00"
BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
BBOX = [-105.2, 40.1, -105.1, 40.2]
QUERY = {"platform": {"eq": "worldview-02"}, "aoi:cloud_free_percentage": {"gte": 95}}
CASES: dict[str, dict[str, Any]] = {
    "bbox": {"bbox": BBOX},
    "geometry": {"intersects": BOX},
    "WKT": {"intersects": BOX.wkt},
    "GeoJSON": {"intersects": shapely.geometry.mapping(BOX)},
    "ids": {"acq_ids": [A, B]},
    "ids in a bbox": {"acq_ids": [A], "bbox": BBOX},
    "query": {"bbox": BBOX, "query": QUERY},
    "stack_depth": {"bbox": BBOX, "stack_depth": 3},
    "image_age_category": {"bbox": BBOX, "image_age_category": ["fresh", "standard"]},
    "date": {"bbox": BBOX, "datetime": "2026-01-01"},
    "date interval": {"bbox": BBOX, "datetime": "2026-01-01/2026-01-31"},
    "open interval": {"bbox": BBOX, "datetime": "2020-07-01T00:00:00Z/.."},
    "all arguments": {
        "acq_ids": [A],
        "intersects": BOX,
        "query": QUERY,
        "stack_depth": 2,
        "image_age_category": ["training"],
        "datetime": "2026-01-01",
    },
}
# Name: reason, arguments, payload of the SDK, result of the provider: a part of the payload or the rejected argument.
DIFFERENCES: dict[str, tuple[str, dict[str, Any], dict[str, Any], Any]] = {
    "time interval": (
        "the API includes both ends, so consecutive intervals would overlap",
        {"bbox": BBOX, "datetime": "2026-01-01T00:00:00Z/2026-01-02T00:00:00Z"},
        {"datetime": "2026-01-01T00:00:00Z/2026-01-02T00:00:00Z"},
        {"datetime": "2026-01-01T00:00:00Z/2026-01-01T23:59:59Z"},
    ),
    "rendered data interval": (
        "the API expects RFC 3339",
        {"bbox": BBOX, "datetime": "2026-01-01 00:00:00+00:00/2026-01-02 00:00:00+00:00"},
        {"datetime": "2026-01-01 00:00:00+00:00/2026-01-02 00:00:00+00:00"},
        {"datetime": "2026-01-01T00:00:00Z/2026-01-01T23:59:59Z"},
    ),
    "no AOI": ("the API rejects it", {"query": QUERY}, {"query": QUERY}, "intersects"),
    "bbox of three numbers": ("a bbox has four numbers", {"bbox": [1, 2, 3]}, {"bbox": [1, 2, 3]}, "bbox"),
    "empty ids": ("all acquisitions would match", {"acq_ids": [], "bbox": BBOX}, {"bbox": BBOX}, "ids"),
    "misspelled operator": (
        "the API rejects it",
        {"bbox": BBOX, "query": {"platform": {"equals": "worldview-02"}}},
        {"query": {"platform": {"equals": "worldview-02"}}},
        "query",
    ),
}


def provider_payload(arguments: dict[str, Any]) -> Any:
    from airflow_provider_ard.api.errors import ArdRequestError
    from airflow_provider_ard.api.selects.request import SelectRequest

    arguments = {"ids" if name == "acq_ids" else name: value for name, value in arguments.items()}
    try:
        return SelectRequest.of(**arguments).to_payload()
    except ArdRequestError as error:
        return error.argument


if __name__ == "__main__":
    cases = CASES | {name: arguments for name, (_, arguments, _, _) in DIFFERENCES.items()}
    sys.stdout.write(json.dumps({name: provider_payload(arguments) for name, arguments in cases.items()}))
    sys.exit()


import pytest  # noqa: E402 -- not needed where this file runs as a script


@pytest.fixture(scope="module")
def provider_payloads() -> dict[str, Any]:
    """Return the provider's payloads of all cases."""
    command = [os.environ["ARD_SANDBOX_PYTHON"], __file__]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def sdk_payload(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the body of the SDK's POST of a Select, captured before it is sent."""
    import requests
    from max_ard import Select

    bodies: list[bytes] = []

    class Capture(requests.adapters.BaseAdapter):
        def send(self, request: Any, **_: Any) -> requests.Response:
            bodies.append(request.body)
            response = requests.Response()
            response.status_code, response.request = 200, request
            response._content = b'{"id": "1", "status": "RUNNING", "request_details": {}}'
            return response

        def close(self) -> None: ...

    with requests.Session() as session:
        session.mount("https://", Capture())
        Select(session=session, **({"query": {}} | arguments)).submit()
    [body] = bodies
    return json.loads(body)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_payload_equals_that_of_the_sdk(name, provider_payloads):
    assert provider_payloads[name] == sdk_payload(CASES[name])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DIFFERENCES)
def test_intended_difference_to_the_sdk(name, provider_payloads):
    reason, arguments, expected_sdk, expected = DIFFERENCES[name]
    assert reason
    sdk_result, result = sdk_payload(arguments), provider_payloads[name]
    assert {key: sdk_result.get(key) for key in expected_sdk} == expected_sdk
    assert (result if isinstance(expected, str) else {key: result.get(key) for key in expected}) == expected
