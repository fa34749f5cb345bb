from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    Asset,
    TaskDeferred,
)

from airflow_provider_ard.exceptions import ArdError, ArdNotFoundError, ArdOrderFailed, ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor
from airflow_provider_ard.triggers.order import ArdOrderTrigger


@pytest.fixture
def place_orders(ard, ard_connection, context, retry_pauses):
    def place_orders(count=1):
        ids = []
        for context["ti"].map_index in range(count):
            task = ArdOrderOperator(task_id="o", acquisitions=ard.acquisitions[0], destination="b/p")
            ids.append(task.execute(context))
        return ids

    return place_orders


def sensor(order_id, **options):
    return ArdOrderSensor(task_id="wait", order_id=order_id, **options)


def test_running_order_defers(place_orders, context):
    (order_id,) = place_orders()
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id, poke_interval=5).execute(context)
    trigger = deferred.value.trigger
    assert isinstance(trigger, ArdOrderTrigger)
    assert timedelta(days=3, hours=23) < deferred.value.timeout <= timedelta(days=4)
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_ard.triggers.order.ArdOrderTrigger"
    assert time.time() - 60 < arguments.pop("started_at") <= time.time()
    assert json.loads(json.dumps(arguments)) == {
        "order_ids": [order_id],
        "ard_conn_id": "ard_default",
        "poke_interval": 5.0,
        "exponential_backoff": False,
        "max_wait": None,
        "not_before": None,
    }


def test_finished_order_does_not_defer(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.finish_order(order_id)
    result = sensor(order_id).execute(context)
    assert result["order_id"] == order_id
    assert result["status"] == "SUCCEEDED"
    assert result["output_uri"] == "s3://b/p"
    assert result["collection_uri"] == f"s3://b/p/order_collections/{order_id}_root_collection.json"


def test_list_of_orders_returns_a_list_of_results(ard, place_orders, context):
    ids = place_orders(3)
    ard.finish_order(ids[1])
    with pytest.raises(TaskDeferred) as deferred:
        sensor(ids).execute(context)
    assert deferred.value.trigger.order_ids == ids
    for order_id in ids:
        ard.finish_order(order_id)
    assert [result["order_id"] for result in sensor(json.dumps(ids)).execute(context)] == ids


@pytest.mark.parametrize("deferrable", [True, False])
def test_failed_order_fails_at_once_with_the_message_of_the_api(ard, place_orders, context, deferrable):
    (order_id,) = place_orders()
    ard.fail_order(order_id, "no imagery")
    with pytest.raises(ArdOrderFailed, match="no imagery") as caught:
        sensor(order_id, deferrable=deferrable).execute(context)
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("deferrable", [True, False])
def test_soft_fail_skips(ard, place_orders, context, deferrable):
    (order_id,) = place_orders()
    ard.fail_order(order_id)
    with pytest.raises(AirflowSkipException):
        sensor(order_id, soft_fail=True, deferrable=deferrable).execute(context)


def test_outage_at_the_first_poll_defers(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.stop()
    with pytest.raises(TaskDeferred):
        sensor(order_id).execute(context)


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


def test_unknown_order_fails_at_once(ard_connection, context):
    with pytest.raises(ArdNotFoundError):
        sensor("404404").execute(context)


def test_undocumented_status_is_an_error(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.set_order_status(order_id, "PAUSED", "?")
    with pytest.raises(ArdError, match="PAUSED"):
        sensor(order_id).execute(context)


@pytest.mark.parametrize("order_id", [None, "None", "", "a b", "../auth/self", {"id": 1}, [None], ["1", "x/y"], 1.5])
def test_invalid_order_id_sends_no_request(ard, ard_connection, context, order_id):
    with pytest.raises(ArdRequestError, match="order_id"):
        sensor(order_id).execute(context)
    assert ard.requests == []


def test_empty_list_returns_at_once(ard_connection, context):
    assert sensor([]).execute(context) == []


def test_empty_list_skips_a_task_with_outlets(ard_connection, context):
    with pytest.raises(AirflowSkipException, match="no orders"):
        sensor([], outlets=[Asset("s3://b/p")]).execute(context)


@pytest.mark.parametrize("event", [None, {}, {"status": "?"}, {"status": "succeeded"}, "succeeded", {"orders": []}])
def test_unknown_event_is_an_error(context, event):
    with pytest.raises(ArdError):
        sensor("1").execute_complete(context, event)


def test_error_of_the_trigger_is_raised_as_its_own_class(context):
    event = {"status": "failed", "error": "ArdOrderFailed", "message": "order 1 has failed: no", "order_id": "1"}
    with pytest.raises(ArdOrderFailed, match="no") as caught:
        sensor("1").execute_complete(context, event)
    assert caught.value.order_id == "1"
    assert isinstance(caught.value, AirflowFailException)


def test_reports_of_the_trigger_are_returned(context):
    report = {"order_id": "1", "status": "SUCCEEDED", "output_uri": "s3://b/p"}
    event = {"status": "succeeded", "orders": [report]}
    assert sensor("1").execute_complete(context, event) == report
    assert sensor(["1"]).execute_complete(context, event) == [report]


def test_poke_mode_honors_retry_after(ard, place_orders, context, monkeypatch):
    (order_id,) = place_orders()
    now = [1000.0]
    monkeypatch.setattr("airflow_provider_ard.sensors.order.time.time", lambda: now[0])
    ard.faults.add("GET /order/status/*", kind="status", status=503, retry_after=300, nth=1)
    ard.finish_order(order_id)
    task = sensor(order_id, deferrable=False)
    before = sum("/order/status/" in r.path for r in ard.requests)
    results = []
    for now[0] in (1000.0, 1060.0, 1299.0, 1300.0):
        results.append(task.poke(context).is_done)
    assert results == [False, False, False, True]
    assert sum("/order/status/" in r.path for r in ard.requests) - before == 2


def test_reschedule_mode_honors_retry_after_in_its_next_process(ard, place_orders, context):
    from airflow.exceptions import AirflowRescheduleException

    (order_id,) = place_orders()
    ard.faults.add("GET /order/status/*", kind="status", status=429, retry_after=300, nth=1)
    with pytest.raises(AirflowRescheduleException) as caught:
        sensor(order_id, deferrable=False, mode="reschedule").poke(context)
    assert caught.value.reschedule_date - datetime.now(UTC) > timedelta(seconds=290)


def rescheduled(order_id, context):
    """Poke as a rescheduled sensor does in a new process; return whether it is done."""
    return sensor(order_id, deferrable=False, mode="reschedule").poke(context).is_done


def test_reschedule_mode_logs_each_status_once(ard, place_orders, context, store, log_text):
    # The store of this context is that of one task instance: the orders are placed without it.
    del context["task_state_store"]
    first, second = place_orders(2)
    context["task_state_store"] = store
    assert not any(rescheduled([first, second], context) for _ in range(3))
    ard.finish_order(second)
    assert not any(rescheduled([first, second], context) for _ in range(3))
    store["ard_wait"]["started_at"] = (datetime.now(UTC) - timedelta(hours=27)).isoformat()
    ard.finish_order(first)
    assert rescheduled([first, second], context)
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
    rescheduled(order_id, context)
    store["ard_wait"]["started_at"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    store["ard_wait_log_state"]["log_state"]["logged_at"] -= 3601
    for _ in range(3):
        rescheduled(order_id, context)
    assert log_text().count(f"Order {order_id}: still RUNNING after 2 h 0 min") == 1


def test_reschedule_mode_logs_each_outage_once(ard, place_orders, context, store, log_text):
    (order_id,) = place_orders()
    for _ in range(2):
        ard.faults.add("GET /order/status/*", kind="status", status=503, times=3)
        for _ in range(5):
            rescheduled(order_id, context)
    assert log_text("warning").count("Polling failed, will retry") == 2


def test_reschedule_mode_logs_a_failing_order_once(ard, place_orders, context, store, log_text):
    del context["task_state_store"]
    ids = sorted(place_orders(2))
    context["task_state_store"] = store
    ard.faults.add("GET /order", kind="status", status=500)
    ard.faults.add(f"GET /order/status/{ids[1]}", kind="status", status=503)
    for _ in range(4):
        rescheduled(ids, context)
    assert log_text("warning").count("Polling failed, will retry") == 1


def test_reschedule_mode_logs_the_status_again_in_a_retry(place_orders, context, store, log_text):
    (order_id,) = place_orders()
    for context["ti"].try_number in (1, 2):
        rescheduled(order_id, context)
    assert log_text().count(f"Order {order_id}: RUNNING") == 2


def test_reschedule_mode_counts_from_the_first_poke_without_a_store(ard, place_orders, context, log_text):
    (order_id,) = place_orders()
    context["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC) - timedelta(hours=27)
    ard.finish_order(order_id)
    assert rescheduled(order_id, context)
    assert "Wait finished after 1 d 3 h" in log_text()


def test_retry_logs_the_duration_of_the_complete_wait(ard, place_orders, context, store, log_text):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(hours=27)).isoformat()}
    ard.finish_order(order_id)
    sensor(order_id).execute(context)
    assert "Wait finished after 1 d 3 h" in log_text()


def test_retry_after_is_passed_to_the_trigger(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.faults.add("GET /order/status/*", kind="status", status=503, retry_after=300, nth=1)
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert deferred.value.trigger.not_before > time.time() + 290


def test_retry_keeps_the_deadline_of_the_first_try(place_orders, context, store):
    (order_id,) = place_orders()
    started_at = datetime.now(UTC) - timedelta(days=3)
    store["ard_wait"] = {"first_try_number": 1, "started_at": started_at.isoformat()}
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert timedelta(hours=23) < deferred.value.timeout <= timedelta(days=1)


def test_restarting_timeout_is_logged_without_a_store(place_orders, context, log_text):
    (order_id,) = place_orders()
    for retries in (0, 2):
        with pytest.raises(TaskDeferred):
            sensor(order_id, retries=retries).execute(context)
    assert log_text().count("Before Airflow 3.3 a retry of this task restarts its timeout") == 1


def test_restarting_timeout_is_not_logged_with_a_store(place_orders, context, store, log_text):
    (order_id,) = place_orders()
    with pytest.raises(TaskDeferred):
        sensor(order_id, retries=2).execute(context)
    assert "Before Airflow 3.3" not in log_text()


def test_wait_beyond_its_deadline_times_out(place_orders, context, store):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(days=5)).isoformat()}
    with pytest.raises(AirflowSensorTimeout, match="Timed out"):
        sensor(order_id).execute(context)
    with pytest.raises(AirflowSkipException):
        sensor(order_id, soft_fail=True).execute(context)


def test_cleared_task_restarts_the_timeout(place_orders, context, store):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(days=5)).isoformat()}
    context["ti"].max_tries = 3
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert deferred.value.timeout > timedelta(days=3)
    assert store["ard_wait"]["first_try_number"] == 4


def test_exponential_backoff_is_passed_to_the_trigger(place_orders, context):
    (order_id,) = place_orders()
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id, exponential_backoff=True, max_wait=timedelta(minutes=10)).execute(context)
    assert deferred.value.trigger.exponential_backoff
    assert deferred.value.trigger.max_wait == 600


def test_end_of_a_wait_logs_result_and_duration(ard, place_orders, context, log_text, client):
    (order_id,) = place_orders()
    ard.finish_order(order_id)
    report = client.get_order(order_id).report()
    event = {"status": "succeeded", "orders": [report], "started_at": time.time() - 2 * 86400 - 3 * 3600}
    assert sensor(order_id).execute_complete(context, event) == report
    usage = client.get_order(order_id).usage
    assert (
        f"Order {order_id}: SUCCEEDED, {usage.area_sqkm:,.1f} km², cost {usage.total_cost:,.2f}; "
        f"root collection {report['collection_uri']}\nWait finished after 2 d 3 h" in log_text()
    )
    assert context["ti"].xcoms.keys() >= {"order_url", "destination_url", "collection_url"}


def test_links_are_pushed_before_the_order_finishes(place_orders, context, monkeypatch):
    import airflow

    monkeypatch.setattr(airflow, "__version__", "3.1.0")
    first, second = place_orders(2)
    with pytest.raises(TaskDeferred):
        sensor(first).execute(context)
    assert context["ti"].xcoms["order_url"].endswith(f"/plugin/ard-orders?connection=ard_default&order={first}")
    with pytest.raises(TaskDeferred):
        sensor([first, second]).execute(context)
    assert context["ti"].xcoms["order_url"].endswith("/plugin/ard-orders?connection=ard_default")
