"""The sensor without deferral: poke and reschedule mode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_ard.version_compat import AirflowSensorTimeout
from tests.unit.sensors.conftest import sensor


def test_poke_mode_survives_outage(ard, place_orders, context, retry_pauses):
    (order_id,) = place_orders()
    ard.faults.add("GET /order/status/*", kind="status", status=503, nth=1, times=4)
    ard.faults.add("GET /order/status/*", kind="gateway_html", nth=5, times=4)
    task = sensor(order_id, deferrable=False, poke_interval=2)
    pokes = []
    original = task.poke

    def poke(context):
        pokes.append(1)
        if len(pokes) == 9:
            ard.finish_order(order_id)
        return original(context)

    task.poke = poke
    assert task.execute(context)["status"] == "SUCCEEDED"
    assert retry_pauses == [2.0] * 8


def test_poke_mode_honors_retry_after(ard, place_orders, context, monkeypatch):
    (order_id,) = place_orders()
    now = [1000.0]
    monkeypatch.setattr("airflow_provider_ard.polling.order_wait.time.time", lambda: now[0])
    ard.faults.add("GET /order/status/*", kind="status", status=503, retry_after=300, nth=1)
    ard.finish_order(order_id)
    task = sensor(order_id, deferrable=False)
    before = sum("/order/status/" in r.path for r in ard.requests)
    results = []
    for now[0] in (1000.0, 1060.0, 1299.0, 1300.0):
        results.append(task.poke(context).is_done)
    assert results == [False, False, False, True]
    assert sum("/order/status/" in r.path for r in ard.requests) - before == 2


def time_until_next_poke(order_id, context, **options):
    """Return for how long a sensor in a new process is rescheduled."""
    from airflow.exceptions import AirflowRescheduleException

    with pytest.raises(AirflowRescheduleException) as caught:
        sensor(order_id, deferrable=False, mode="reschedule", **options).execute(context)
    return caught.value.reschedule_date - datetime.now(UTC)


@pytest.mark.parametrize("option", ["soft_fail", "never_fail", "silent_fail", "exponential_backoff"])
def test_reschedule_mode_honors_retry_after_in_its_next_process(
    ard, place_orders, context, first_rescheduled_at, option
):
    (order_id,) = place_orders()
    first_rescheduled_at(None)
    ard.faults.add("GET /order/status/*", kind="status", status=429, retry_after=300, nth=1)
    pause = time_until_next_poke(order_id, context, **{option: True})
    assert timedelta(seconds=290) < pause <= timedelta(seconds=300)


@pytest.mark.parametrize("status", [429, 503])
def test_lasting_retry_after_does_not_outlast_the_timeout(ard, place_orders, context, first_rescheduled_at, status):
    (order_id,) = place_orders()
    ard.faults.add("GET /order/status/*", kind="status", status=status, retry_after=3600)
    first_rescheduled_at(None)
    assert time_until_next_poke(order_id, context, timeout=100, poke_interval=10) <= timedelta(seconds=100)
    first_rescheduled_at(datetime.now(UTC) - timedelta(seconds=101))
    with pytest.raises(AirflowSensorTimeout):
        sensor(order_id, deferrable=False, mode="reschedule", timeout=100).execute(context)


def poke_rescheduled(order_id, context):
    """Poke like a rescheduled sensor in a new process; return whether it is done."""
    return sensor(order_id, deferrable=False, mode="reschedule").poke(context).is_done


def test_reschedule_mode_logs_each_status_once(ard, place_orders, context, store, log_text):
    # The store belongs to one task instance, so the orders are placed without it.
    del context["task_state_store"]
    first, second = place_orders(2)
    context["task_state_store"] = store
    assert not any(poke_rescheduled([first, second], context) for _ in range(3))
    ard.finish_order(second)
    assert not any(poke_rescheduled([first, second], context) for _ in range(3))
    store["ard_wait"]["started_at"] = (datetime.now(UTC) - timedelta(hours=27)).isoformat()
    ard.finish_order(first)
    assert poke_rescheduled([first, second], context)
    for line in (
        f"Order {first}: RUNNING\n",
        f"Order {second}: RUNNING\n",
        f"Order {first}: RUNNING -> SUCCEEDED after 1 d 3 h",
        "Wait finished after 1 d 3 h",
    ):
        assert log_text().count(line) == 1
    assert log_text().count(f"Order {second}: RUNNING -> SUCCEEDED") == 1


def test_reschedule_mode_logs_an_unchanged_status_once_an_hour(place_orders, context, store, log_text):
    (order_id,) = place_orders()
    poke_rescheduled(order_id, context)
    store["ard_wait"]["started_at"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    store["ard_wait_log_state"]["log_state"]["logged_at"] -= 3601
    for _ in range(3):
        poke_rescheduled(order_id, context)
    assert log_text().count(f"Order {order_id}: still RUNNING after 2 h 0 min") == 1


def test_reschedule_mode_logs_each_outage_once(ard, place_orders, context, store, log_text):
    (order_id,) = place_orders()
    for _ in range(2):
        ard.faults.add("GET /order/status/*", kind="status", status=503, times=3)
        for _ in range(5):
            poke_rescheduled(order_id, context)
    assert log_text("warning").count("Polling failed, will retry") == 2


def test_reschedule_mode_logs_a_failing_order_once(ard, place_orders, context, store, log_text):
    del context["task_state_store"]
    ids = sorted(place_orders(2))
    context["task_state_store"] = store
    ard.faults.add("GET /order", kind="status", status=500)
    ard.faults.add(f"GET /order/status/{ids[1]}", kind="status", status=503)
    for _ in range(4):
        poke_rescheduled(ids, context)
    assert log_text("warning").count("Polling failed, will retry") == 1


def test_reschedule_mode_logs_the_status_again_in_a_retry(place_orders, context, store, log_text):
    (order_id,) = place_orders()
    for context["ti"].try_number in (1, 2):
        poke_rescheduled(order_id, context)
    assert log_text().count(f"Order {order_id}: RUNNING") == 2


def test_reschedule_mode_counts_from_the_first_poke_without_a_store(ard, place_orders, context, log_text):
    (order_id,) = place_orders()
    context["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC) - timedelta(hours=27)
    ard.finish_order(order_id)
    assert poke_rescheduled(order_id, context)
    assert "Wait finished after 1 d 3 h" in log_text()
