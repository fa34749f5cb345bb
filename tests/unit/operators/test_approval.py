"""`ArdApproveOrderOperator`: the request for a person, and the effect of the response. Airflow 3.1 or newer."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_ard.exceptions import ArdBudgetExceeded, ArdError, ArdRequestError
from airflow_provider_ard.operators import approval
from airflow_provider_ard.operators.approval import IS_AVAILABLE, ArdApproveOrderOperator

needs_approvals = pytest.mark.skipif(not IS_AVAILABLE, reason="Airflow before 3.1 has no operators for approvals")
BBOX = [-105.10, 40.13, -105.03, 40.19]


@pytest.fixture
def approve(ard, ard_connection, retry_pauses):
    def make(**arguments):
        return ArdApproveOrderOperator(
            **{"task_id": "approve", "acquisitions": ard.acquisitions[:1], "destination": "s3://bkt/p", **arguments}
        )

    return make


@pytest.fixture
def approvals(monkeypatch):
    """Return the requests for an approval, which need an API server."""
    requests = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **request: requests.append(request)
    )
    return requests


def request_approval(task, context):
    """Execute a task until it waits for the response."""
    context["ti"].id = context["task_instance"].id = "id"
    with pytest.raises(BaseException) as caught:  # noqa: PT011 -- its class depends on the version of Airflow
        task.execute(context)
    assert type(caught.value).__name__ in {"TaskAwaitingInput", "TaskDeferred"}


def respond(task, context, *options):
    event = {
        "chosen_options": list(options),
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "1", "name": "admin"},
    }
    return task.execute_complete(context, event)


@needs_approvals
def test_request_shows_price_balance_imagery_and_map(ard, approve, context, approvals):
    request_approval(approve(bbox=BBOX, body="For the *rivers* project"), context)
    [request] = approvals
    cost = context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"]
    area = context["ti"].xcoms["usage"]["area"]["total_imagery_sqkm"]
    assert f"{cost:,.2f}" in request["subject"]
    assert request["body"].startswith("For the *rivers* project\n\n|")
    rows = dict(line.strip("| ").split(" | ", 1) for line in request["body"].splitlines()[4:])
    assert rows["Cost"] == f"{cost:,.2f}"
    assert rows["Area"] == f"{area:,.3f} km²"
    assert rows["Balance"]
    assert rows["Imagery"] == f"1 acquisition: {ard.acquisitions[0]}"
    assert rows["Destination"] == "`s3://bkt/p`"
    query = parse_qs(urlsplit(rows["AOI"].removeprefix("[map](").removesuffix(")")).query)
    assert [float(query[name][0]) for name in ("minlon", "minlat", "maxlon", "maxlat")] == BBOX
    assert ard.submissions == []


@needs_approvals
@pytest.mark.parametrize(
    ("arguments", "has_map"),
    [
        ({}, False),
        ({"intersects": "POLYGON ((-105.1 40.13, -105.03 40.13, -105.03 40.19, -105.1 40.13))"}, True),
        ({"acquisitions": {"1040010060C9AD00": ["Z13-031131111333"]}}, True),
    ],
    ids=["complete", "aoi", "cells"],
)
def test_map_shows_the_aoi_or_the_cells(ard, approve, context, approvals, arguments, has_map):
    request_approval(approve(**arguments), context)
    assert ("](https://www.openstreetmap.org/?" in approvals[0]["body"]) == has_map


@needs_approvals
def test_approval_returns_the_price(ard, approve, order, context, approvals):
    task = approve()
    request_approval(task, context)
    price = respond(approve(), context, "Approve")
    assert price == context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"]
    assert context["ti"].xcoms["response"]["responded_by_user"]["name"] == "admin"
    assert order(max_cost=price).execute(context)
    with pytest.raises(ArdBudgetExceeded):
        order(max_cost=price - 0.01, task_id="other").execute({**context, "ti": type(context["ti"])(task_id="other")})


@needs_approvals
def test_rejection_returns_no_price(approve, context, approvals):
    request_approval(approve(), context)
    # Nothing depends on the task, so that nothing is skipped.
    assert respond(approve(), context, "Reject") is None


@needs_approvals
def test_lost_price_is_an_error(approve, context):
    with pytest.raises(ArdError, match="usage"):
        respond(approve(), context, "Approve")


@needs_approvals
def test_imagery_without_a_price_requests_no_approval(ard, approve, context, approvals):
    ard.faults.add("POST /order", kind="set_json", path="$.usage.cost.total_imagery_cost", value=None)
    with pytest.raises(ArdBudgetExceeded, match="no price"):
        approve().execute(context)
    assert approvals == []


@needs_approvals
@pytest.mark.parametrize("arguments", [{"bbox": None}, {"intersects": ""}, {"bbox": [1, 2, 3]}, {"destination": None}])
def test_invalid_argument_sends_no_request(ard, approve, context, approvals, arguments):
    with pytest.raises(ArdRequestError):
        approve(**arguments).execute(context)
    assert ard.requests == approvals == []


def test_older_airflow_is_named(monkeypatch):
    monkeypatch.setattr(approval, "IS_AVAILABLE", False)
    with pytest.raises(ArdRequestError, match=r"needs Airflow 3\.1"):
        ArdApproveOrderOperator(task_id="approve", acquisitions="10400100E82CCE00", destination="b/p")


def test_module_is_importable_without_the_standard_provider():
    script = (
        "import sys; sys.modules['airflow.providers.standard.operators.hitl'] = None; "
        "from airflow_provider_ard.operators.approval import *; assert not IS_AVAILABLE\n"
        "try: ArdApproveOrderOperator(task_id='a')\n"
        "except ArdRequestError as error: print(error)"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert "needs Airflow 3.1" in process.stdout
