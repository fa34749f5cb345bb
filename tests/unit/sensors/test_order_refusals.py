"""The sensor in each mode: refusals of the API, failing stores of Airflow, `soft_fail` and `never_fail`."""

from __future__ import annotations

import asyncio
import time

import pytest

from airflow_provider_ard.api import refusal
from airflow_provider_ard.exceptions import ArdAuthError, ArdError, ArdNotFoundError, ArdOrderFailed
from airflow_provider_ard.polling import order_wait, outage
from airflow_provider_ard.sensors.order import ArdOrderSensor
from airflow_provider_ard.version_compat import AirflowSensorTimeout, AirflowSkipException
from tests.airflow_names import TaskDeferred

MODES = {
    "deferrable": {"poke_interval": 0.1},
    "poke": {"deferrable": False, "poke_interval": 1},
    "reschedule": {"deferrable": False, "mode": "reschedule", "poke_interval": 1},
}


@pytest.fixture
def place_order(ard, ard_connection, place_order, fast_polling, first_rescheduled_at):
    first_rescheduled_at(None)
    return place_order


@pytest.fixture
def fast_sleeps(monkeypatch):
    """Shorten the sleeps of the sensor to a hundredth."""
    sleep = time.sleep
    monkeypatch.setattr(order_wait.time, "sleep", lambda seconds: sleep(seconds / 100))
    monkeypatch.setattr(outage, "MAX_BACKOFF_S", 0.1)


def wait(order_id, context, mode, **options):
    """Run a sensor to its end, as Airflow does: in the triggerer, or in a new process for each reschedule."""
    from airflow.exceptions import AirflowRescheduleException

    sensor = ArdOrderSensor(task_id="wait", order_id=order_id, **(MODES[mode] | options))
    while True:
        try:
            return sensor.execute(context)
        except AirflowRescheduleException:
            time.sleep(0.01)
            sensor = ArdOrderSensor(task_id="wait", order_id=order_id, **(MODES[mode] | options))
        except TaskDeferred as deferred:
            event = asyncio.run(first_event(deferred.trigger))
            return sensor.resume_execution(deferred.method_name, {"event": event}, context)


async def first_event(trigger):
    async for event in trigger.run():
        return event.payload
    return None


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_temporary_refusals_do_not_end_a_wait(ard, place_order, context, fast_sleeps, mode, status):
    order_id = place_order()
    ard.finish_order(order_id)
    # After a 401 a request is repeated twice with new tokens.
    ard.faults.add("GET /order/status/*", kind="status", status=status, times=6)
    assert wait(order_id, context, mode)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("mode", MODES)
def test_temporarily_refused_login_does_not_end_a_wait(ard, place_order, context, fast_sleeps, mode):
    order_id = place_order()
    ard.finish_order(order_id)
    ard.faults.add(kind="status", status=401, times=6)
    assert wait(order_id, context, mode)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("status", "error"), [(401, ArdAuthError), (403, ArdAuthError), (404, ArdNotFoundError)])
def test_lasting_refusal_ends_a_wait(ard, place_order, context, fast_sleeps, mode, status, error, monkeypatch):
    monkeypatch.setattr(refusal, "REFUSAL_GRACE_S", 1.0)
    order_id = place_order()
    ard.faults.add("GET /order/status/*", kind="status", status=status)
    started_at = time.monotonic()
    with pytest.raises(error):
        wait(order_id, context, mode)
    assert time.monotonic() - started_at >= refusal.REFUSAL_GRACE_S


def test_rescheduled_task_keeps_its_worker_for_a_refusal_until_the_timeout(ard, place_order, context):
    order_id = place_order()
    ard.faults.add("GET /order/status/*", kind="status", status=404)
    with pytest.raises(AirflowSensorTimeout):
        wait(order_id, context, "reschedule", poke_interval=60, timeout=0.5)


@pytest.mark.parametrize("mode", MODES)
def test_refused_order_does_not_delay_another(ard, place_order, context, fast_sleeps, mode):
    refused, failed = sorted([place_order(), place_order()])
    ard.fail_order(failed, "no imagery")
    ard.faults.add(f"GET /order/status/{refused}", kind="status", status=404)
    ard.faults.add("GET /order", kind="status", status=500)
    with pytest.raises(ArdOrderFailed):
        wait([refused, failed], context, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("status", ["FAILED", "PAUSED"])
@pytest.mark.parametrize("polls", [0, 1])
def test_failed_order_is_skipped_in_all_modes(ard, place_order, context, mode, option, status, polls):
    order_id = place_order()
    if polls:
        # The first poll does not see the end.
        ard.faults.add("GET /order/status/*", kind="set_json", path="status", value="RUNNING", nth=1)
    ard.set_order_status(order_id, status, "?")
    with pytest.raises(AirflowSkipException):
        wait(order_id, context, mode, **{option: True})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("status", "error"), [("FAILED", ArdOrderFailed), ("PAUSED", ArdError)])
def test_failed_order_fails_in_all_modes(ard, place_order, context, mode, status, error):
    order_id = place_order()
    ard.set_order_status(order_id, status, "?")
    with pytest.raises(error) as caught:
        wait(order_id, context, mode)
    assert type(caught.value).__name__ == error.__name__


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
def test_refused_login_is_skipped_in_all_modes(ard, place_order, context, no_grace, mode, option):
    order_id = place_order()
    ard.faults.add(kind="status", status=401)
    with pytest.raises(AirflowSkipException):
        wait(order_id, context, mode, **{option: True})


@pytest.mark.parametrize("mode", ["deferrable", "poke"])
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, AirflowSensorTimeout),
        ({"soft_fail": True}, AirflowSkipException),
        ({"never_fail": True}, AirflowSkipException),
    ],
)
def test_timeout_fails_or_is_skipped(place_order, context, mode, options, error):
    with pytest.raises(error):
        wait(place_order(), context, mode, timeout=0, **options)


class BrokenStore:
    """A task state store whose database is down."""

    def get(self, key):
        raise ConnectionError("no database")

    def set(self, key, value, *, retention=None):
        raise ConnectionError("no database")


class InvalidStore:
    """A task state store with values of another version."""

    def __init__(self, value):
        self.value = value

    def get(self, key):
        return self.value

    def set(self, key, value, *, retention=None):
        pass


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "store",
    [
        BrokenStore(),
        InvalidStore("?"),
        InvalidStore({"first_try_number": 1, "started_at": "?", "try_number": 1, "log_state": {}}),
        InvalidStore({"first_try_number": 1, "started_at": 5, "try_number": 1, "log_state": {"statuses": 1}}),
    ],
)
def test_failing_task_state_store_does_not_fail_a_wait(ard, place_order, context, log_text, mode, store):
    order_id = place_order()
    ard.faults.add("GET /order/status/*", kind="set_json", path="status", value="RUNNING", nth=1)
    ard.finish_order(order_id)
    context["task_state_store"] = store
    assert wait(order_id, context, mode)["status"] == "SUCCEEDED"
    assert isinstance(store, InvalidStore) or "the state of the wait failed" in log_text("warning")


@pytest.mark.parametrize("mode", MODES)
def test_failing_log_and_links_do_not_fail_a_wait(ard, place_order, context, mode, monkeypatch, log_text):
    def fail(*_, **__):
        raise RuntimeError("no display")

    order_id = place_order()
    ard.finish_order(order_id)
    monkeypatch.setattr(order_wait, "log_results", fail)
    monkeypatch.setattr(context["ti"], "xcom_push", fail)
    assert wait(order_id, context, mode)["status"] == "SUCCEEDED"
    assert {"Logging the results failed: no display", "Pushing the links failed: no display"} <= set(
        log_text("warning").splitlines()
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("order.usage", []),
        ("order.usage.area", None),
        ("order.usage.area.total_imagery_sqkm", "12.5"),
        ("order.usage.cost.total_imagery_cost", "free"),
        ("order.output_config", "s3://b/p"),
        ("order.metadata", []),
        ("order", []),
        ("status_message", {"Error": "E", "Cause": "C"}),
    ],
)
@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_malformed_fields_do_not_affect_the_status(ard, place_order, context, mode, path, value, status):
    order_id = place_order()
    ard.set_order_status(order_id, status, "?")
    ard.faults.add("GET /order/status/*", kind="set_json", path=path, value=value)
    if status == "FAILED":
        with pytest.raises(ArdOrderFailed):
            wait(order_id, context, mode)
    else:
        assert wait(order_id, context, mode)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1, 3])
def test_id_with_leading_zeros_is_that_of_the_order(ard, place_order, context, mode, count):
    order_ids = [place_order() for _ in range(count)]
    for order_id in order_ids:
        ard.finish_order(order_id)
        value = f"00{order_id}"
        ard.faults.add(f"GET /order/status/{order_id}", kind="set_json", path="id", value=value)
    ard.faults.add("GET /order", kind="set_json", path="data[*].id", value=f"00{order_ids[0]}")
    assert [report["order_id"] for report in wait(order_ids, context, mode)] == order_ids
