from __future__ import annotations

import asyncio
import json
import time

import pytest

from airflow_provider_ard.polling import outage
from airflow_provider_ard.polling.client_cache import SharedClient
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers.select import ArdSelectTrigger

SEARCH = {"bbox": [-105.13, 40.14, -105.06, 40.19]}


@pytest.fixture
def ard(monkeypatch):
    """A sandbox whose Selects run for a day of its clock."""
    with Sandbox(select_duration="1d") as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
        yield sandbox


@pytest.fixture
def submit(client):
    from airflow_provider_ard.api.selects.request import SelectRequest

    return lambda: client.submit_select(SelectRequest.of(**SEARCH)).id


def trigger(select_id, **arguments):
    defaults = {"ard_conn_id": "ard_default", "poke_interval": 1, "deadline": time.time() + 60}
    return ArdSelectTrigger(select_id, **(defaults | arguments))


async def events_of(trigger):
    return [event.payload async for event in trigger.run()]


def polls(ard):
    return [record for record in ard.requests if record.endpoint.startswith("GET /select/request/")]


def logins(ard):
    return [record for record in ard.requests if record.endpoint == "POST /auth/authenticate"]


def test_trigger_waits_until_the_select_has_succeeded(ard, submit, short_sleeps):
    select_id = submit()

    async def scenario():
        waiting = asyncio.create_task(events_of(trigger(select_id)))
        while len(polls(ard)) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        ard.clock.advance("2d")
        return await waiting

    assert asyncio.run(scenario()) == [{"status": "succeeded", "select_id": select_id}]


def test_failed_select_has_the_message_of_the_api(ard, submit, short_sleeps):
    ard.faults.add(kind="fail_select", message="too many tiles")
    select_id = submit()
    ard.clock.advance("2d")
    (event,) = asyncio.run(events_of(trigger(select_id)))
    assert (event["status"], event["error"]) == ("failed", "ArdSelectFailed")
    assert "too many tiles" in event["message"]


def test_wait_survives_outage_and_honors_retry_after(ard, submit, short_sleeps):
    select_id = submit()
    ard.clock.advance("2d")
    ard.faults.add("GET /select/request/*", kind="gateway_html", times=2)
    ard.faults.add("GET /select/request/*", kind="status", status=429, retry_after=30, nth=3)
    (event,) = asyncio.run(events_of(trigger(select_id)))
    assert event["status"] == "succeeded"
    assert short_sleeps == [1, 1, 30]


def test_deadline_and_not_before_are_honored(ard, submit, short_sleeps):
    now = time.time()
    (event,) = asyncio.run(events_of(trigger(submit(), deadline=now, not_before=now + 20)))
    assert (event["status"], event["error"]) == ("failed", "ArdError")
    assert "did not finish in time" in event["message"]
    assert short_sleeps == [pytest.approx(20, abs=5)]


def test_wrong_password_fails_without_being_shown(ard, submit, short_sleeps, monkeypatch, no_grace):
    wrong = json.loads(ard.connection_json) | {"password": "wr0ng-password"}
    select_id = submit()
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(wrong))
    (event,) = asyncio.run(events_of(trigger(select_id)))
    assert event["error"] == "ArdAuthError"
    assert event["message"]
    assert "wr0ng-password" not in json.dumps(event)


def test_unknown_select_fails(ard, short_sleeps, no_grace):
    (event,) = asyncio.run(events_of(trigger("404")))
    assert event["error"] == "ArdNotFoundError"
    assert short_sleeps == []


def test_waits_share_one_login_and_leave_no_client_behind(ard, submit, short_sleeps):
    ids = [submit() for _ in range(20)]
    ard.clock.advance("2d")
    before = len(logins(ard))

    async def scenario():
        return await asyncio.gather(*(events_of(trigger(select_id)) for select_id in ids))

    assert [event["select_id"] for (event,) in asyncio.run(scenario())] == ids
    assert len(logins(ard)) - before == 1
    assert SharedClient._instances == {}


def test_requests_do_not_block_the_event_loop(ard, submit):
    ard.faults.add("GET /select/request/*", kind="latency", seconds=2.0, times=1)
    select_id = submit()
    ard.clock.advance("2d")

    async def scenario():
        waiting = asyncio.create_task(events_of(trigger(select_id)))
        # A blocked event loop would not see a request before its response.
        while not any(request.status is None for request in polls(ard)):
            assert not waiting.done()
            await asyncio.sleep(0.01)
        return await waiting

    (event,) = asyncio.run(scenario())
    assert event["status"] == "succeeded"


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("kind", ["status", "gateway_json"])
def test_temporary_refusals_do_not_end_a_wait(ard, submit, short_sleeps, status, kind):
    select_id = submit()
    ard.clock.advance("2d")
    ard.faults.add("GET /select/request/*", kind=kind, status=status, times=4)
    (event,) = asyncio.run(events_of(trigger(select_id)))
    assert event["status"] == "succeeded"


def test_temporarily_refused_login_does_not_end_a_wait(ard, submit, short_sleeps):
    select_id = submit()
    ard.clock.advance("2d")
    ard.faults.add(kind="status", status=401, times=6)
    (event,) = asyncio.run(events_of(trigger(select_id)))
    assert event["status"] == "succeeded"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("usage", []),
        ("usage.area", None),
        ("unique_acquisitions", "many"),
        ("links", []),
        ("error_message", []),
        ("stack_depth_summary", "?"),
    ],
)
def test_malformed_fields_do_not_affect_the_status(ard, submit, short_sleeps, path, value):
    select_id = submit()
    ard.clock.advance("2d")
    ard.faults.add("GET /select/request/*", kind="set_json", path=path, value=value)
    (event,) = asyncio.run(events_of(trigger(select_id)))
    assert event["status"] == "succeeded"


def test_response_without_a_status_does_not_end_a_wait(ard, submit, short_sleeps):
    select_id = submit()
    ard.clock.advance("2d")
    ard.faults.add("GET /select/request/*", kind="drop_json", path="status", times=2)
    (event,) = asyncio.run(events_of(trigger(select_id)))
    assert event["status"] == "succeeded"


def test_id_with_leading_zeros_is_that_of_the_select(ard, submit, short_sleeps):
    select_id = submit()
    ard.clock.advance("2d")
    ard.faults.add("GET /select/request/*", kind="set_json", path="id", value=f"00{select_id}")
    assert asyncio.run(events_of(trigger(select_id))) == [{"status": "succeeded", "select_id": select_id}]


def test_long_retry_after_is_capped(ard, submit, short_sleeps, monkeypatch):
    monkeypatch.setattr(outage, "MAX_RETRY_AFTER_S", 50.0)
    select_id = submit()
    ard.clock.advance("2d")
    ard.faults.add("GET /select/request/*", kind="status", status=429, retry_after=7200, nth=1)
    (event,) = asyncio.run(events_of(trigger(select_id, deadline=time.time() + 86400)))
    assert event["status"] == "succeeded"
    assert short_sleeps == [outage.MAX_RETRY_AFTER_S]
