"""Orders equal those of the SDK where it is correct; intended differences are listed.

Payloads are created twice: in this process by max-ard, and by running `provider_payloads.py` with the project's Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import requests
from max_ard import Order
from max_ard.select import SelectResult
from order_cases import DIFFERENCES, canonical, cases, with_defaults


def sdk_payload(arguments: dict[str, Any]) -> str:
    """Return the body of the SDK's POST of an order, captured before it is sent."""
    bodies: list[bytes] = []

    class Capture(requests.adapters.BaseAdapter):
        def send(self, request: Any, **_: Any) -> requests.Response:
            bodies.append(request.body)
            response = requests.Response()
            response.status_code, response.request, response._content = 200, request, b'{"id": "1", "usage": {}}'
            return response

        def close(self) -> None: ...

    arguments = {"settings": {}} | arguments
    emails, topics = arguments.pop("emails", ()), arguments.pop("topics", ())
    with requests.Session() as session:
        session.mount("https://", Capture())
        order = Order(session=session, **arguments)
        for address in emails:
            order.add_email_notification(address)
        for topic in topics:
            order.add_sns_notification(topic)
        order.submit()
    [body] = bodies
    return canonical(body)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parity")


@pytest.fixture(scope="module")
def provider_payloads(folder: Path) -> dict[str, str]:
    """Return the provider's payloads of all cases."""
    script = Path(__file__).with_name("provider_payloads.py")
    command = [os.environ["ARD_SANDBOX_PYTHON"], str(script), str(folder)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def sdk_cases(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the cases with search results as objects of the SDK."""
    return cases(folder, SelectResult.from_geojson)


def names() -> list[str]:
    with tempfile.TemporaryDirectory() as somewhere:
        return list(sdk_cases(Path(somewhere)))


NAMES = names()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_payload_equals_that_of_the_sdk(name, folder, provider_payloads):
    assert provider_payloads[name] == sdk_payload(with_defaults(sdk_cases(folder)[name], folder))


def test_number_of_combinations():
    assert len(NAMES) >= 60


@pytest.mark.parametrize("name", DIFFERENCES)
def test_intended_difference_to_the_sdk(name, folder, provider_payloads):
    reason, arguments, expected_sdk, expected = DIFFERENCES[name]
    assert reason
    sdk_cases(folder)
    if isinstance(expected_sdk, str):
        with pytest.raises((ValueError, AttributeError)) as caught:
            sdk_payload(with_defaults(arguments, folder))
        assert type(caught.value).__name__ == expected_sdk
    else:
        assert_contains(json.loads(sdk_payload(with_defaults(arguments, folder))), expected_sdk)
    result = json.loads(provider_payloads[name])
    if isinstance(expected, str):
        assert result == expected
    else:
        assert_contains(result, expected)


def assert_contains(payload: dict[str, Any], part: dict[str, Any]) -> None:
    assert {key: payload.get(key) for key in part} == part
