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


def test_a_running_order_is_waited_for_in_the_triggerer(place_orders, context):
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


def test_a_finished_order_is_not_deferred(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.finish_order(order_id)
    result = sensor(order_id).execute(context)
    assert result["order_id"] == order_id
    assert result["status"] == "SUCCEEDED"
    assert result["output_uri"] == "s3://b/p"
    assert result["collection_uri"] == f"s3://b/p/order_collections/{order_id}_root_collection.json"


def test_a_list_of_orders_is_one_wait_and_a_list_of_results(ard, place_orders, context):
    ids = place_orders(3)
    ard.finish_order(ids[1])
    with pytest.raises(TaskDeferred) as deferred:
        sensor(ids).execute(context)
    assert deferred.value.trigger.order_ids == ids
    for order_id in ids:
        ard.finish_order(order_id)
    assert [result["order_id"] for result in sensor(json.dumps(ids)).execute(context)] == ids


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_failed_order_fails_at_once_with_the_words_of_the_api(ard, place_orders, context, deferrable):
    (order_id,) = place_orders()
    ard.fail_order(order_id, "the sky fell down")
    with pytest.raises(ArdOrderFailed, match="the sky fell down") as caught:
        sensor(order_id, deferrable=deferrable).execute(context)
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("deferrable", [True, False])
def test_soft_fail_skips(ard, place_orders, context, deferrable):
    (order_id,) = place_orders()
    ard.fail_order(order_id)
    with pytest.raises(AirflowSkipException):
        sensor(order_id, soft_fail=True, deferrable=deferrable).execute(context)


def test_an_outage_at_the_first_look_is_no_failure(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.stop()
    with pytest.raises(TaskDeferred):
        sensor(order_id).execute(context)


def test_poke_mode_waits_on_the_worker_through_an_outage(ard, place_orders, context, retry_pauses):
    (order_id,) = place_orders()
    ard.faults.add("GET /order/status/*", kind="status", status=503, nth=1, times=4)
    ard.faults.add("GET /order/status/*", kind="gateway_html", nth=5, times=4)
    task = sensor(order_id, deferrable=False, poke_interval=2)
    seen = []
    original = task.poke

    def poke(context):
        seen.append(1)
        if len(seen) == 9:
            ard.finish_order(order_id)
        return original(context)

    task.poke = poke
    assert task.execute(context)["status"] == "SUCCEEDED"
    assert retry_pauses == [2.0] * 8


def test_an_unknown_order_is_no_wait(ard_connection, context):
    with pytest.raises(ArdNotFoundError):
        sensor("404404").execute(context)


def test_an_unknown_status_is_an_error_not_a_success(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.set_order_status(order_id, "PAUSED", "?")
    with pytest.raises(ArdError, match="PAUSED"):
        sensor(order_id).execute(context)


@pytest.mark.parametrize("order_id", [None, "None", "", "a b", "../auth/self", {"id": 1}, [None], ["1", "x/y"], 1.5])
def test_what_is_no_order_id_is_refused_before_anything_is_sent(ard, ard_connection, context, order_id):
    with pytest.raises(ArdRequestError, match="order_id"):
        sensor(order_id).execute(context)
    assert ard.requests == []


def test_no_orders_is_no_wait(ard_connection, context):
    assert sensor([]).execute(context) == []


def test_no_orders_are_no_event_of_an_outlet(ard_connection, context):
    with pytest.raises(AirflowSkipException, match="no orders"):
        sensor([], outlets=[Asset("s3://b/p")]).execute(context)


@pytest.mark.parametrize("event", [None, {}, {"status": "?"}, {"status": "succeeded"}, "succeeded", {"orders": []}])
def test_an_unknown_event_is_an_error(context, event):
    with pytest.raises(ArdError):
        sensor("1").execute_complete(context, event)


def test_the_triggers_error_is_raised_as_its_own_class(context):
    event = {"status": "failed", "error": "ArdOrderFailed", "message": "order 1 has failed: no", "order_id": "1"}
    with pytest.raises(ArdOrderFailed, match="no") as caught:
        sensor("1").execute_complete(context, event)
    assert caught.value.order_id == "1"
    assert isinstance(caught.value, AirflowFailException)


def test_the_triggers_result_is_the_sensors(context):
    report = {"order_id": "1", "status": "SUCCEEDED", "output_uri": "s3://b/p"}
    event = {"status": "succeeded", "orders": [report]}
    assert sensor("1").execute_complete(context, event) == report
    assert sensor(["1"]).execute_complete(context, event) == [report]


def test_poke_mode_leaves_the_api_alone_for_as_long_as_it_asked(ard, place_orders, context, monkeypatch):
    (order_id,) = place_orders()
    now = [1000.0]
    monkeypatch.setattr("airflow_provider_ard.sensors.order.time.time", lambda: now[0])
    ard.faults.add("GET /order/status/*", kind="status", status=503, retry_after=300, nth=1)
    ard.finish_order(order_id)
    task = sensor(order_id, deferrable=False)
    before = sum("/order/status/" in r.path for r in ard.requests)
    looks = []
    for now[0] in (1000.0, 1060.0, 1299.0, 1300.0):
        looks.append(task.poke(context).is_done)
    assert looks == [False, False, False, True]
    assert sum("/order/status/" in r.path for r in ard.requests) - before == 2


def test_reschedule_mode_leaves_the_api_alone_in_its_next_process_too(ard, place_orders, context):
    from airflow.exceptions import AirflowRescheduleException

    (order_id,) = place_orders()
    ard.faults.add("GET /order/status/*", kind="status", status=429, retry_after=300, nth=1)
    with pytest.raises(AirflowRescheduleException) as caught:
        sensor(order_id, deferrable=False, mode="reschedule").poke(context)
    assert caught.value.reschedule_date - datetime.now(UTC) > timedelta(seconds=290)


def rescheduled(order_id, context):
    """Look as a rescheduled sensor does, in what would be a process of its own; return whether it is done."""
    return sensor(order_id, deferrable=False, mode="reschedule").poke(context).is_done


def test_reschedule_mode_tells_a_status_once_and_how_long_the_wait_was(ard, place_orders, context, store, log_text):
    # The store of this context is that of one task instance: the orders are placed without it.
    del context["task_state_store"]
    one, two = place_orders(2)
    context["task_state_store"] = store
    assert not any(rescheduled([one, two], context) for _ in range(3))
    ard.finish_order(two)
    assert not any(rescheduled([one, two], context) for _ in range(3))
    store["ard_wait"]["started_at"] = (datetime.now(UTC) - timedelta(hours=27)).isoformat()
    ard.finish_order(one)
    assert rescheduled([one, two], context)
    for line in (
        f"Order {one}: RUNNING\n",
        f"Order {two}: RUNNING\n",
        f"Order {one}: RUNNING -> SUCCEEDED after 1 d 3 h",
        "Wait finished after 1 d 3 h",
    ):
        assert log_text().count(line) == 1
    assert log_text().count(f"Order {two}: RUNNING -> SUCCEEDED") == 1


def test_reschedule_mode_gives_a_sign_of_life_once_an_hour(place_orders, context, store, log_text):
    (order_id,) = place_orders()
    rescheduled(order_id, context)
    store["ard_wait"]["started_at"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    store["ard_wait_log_state"]["log_state"]["logged_at"] -= 3601
    for _ in range(3):
        rescheduled(order_id, context)
    assert log_text().count(f"Order {order_id}: still RUNNING after 2 h 0 min") == 1


def test_reschedule_mode_tells_an_outage_once(ard, place_orders, context, store, log_text):
    (order_id,) = place_orders()
    for _ in range(2):
        ard.faults.add("GET /order/status/*", kind="status", status=503, times=3)
        for _ in range(5):
            rescheduled(order_id, context)
    assert log_text("warning").count("Polling failed, will retry") == 2


def test_reschedule_mode_tells_the_trouble_of_one_order_once(ard, place_orders, context, store, log_text):
    del context["task_state_store"]
    ids = sorted(place_orders(2))
    context["task_state_store"] = store
    ard.faults.add("GET /order", kind="status", status=500)
    ard.faults.add(f"GET /order/status/{ids[1]}", kind="status", status=503)
    for _ in range(4):
        rescheduled(ids, context)
    assert log_text("warning").count("Polling failed, will retry") == 1


def test_a_retry_in_reschedule_mode_has_a_log_of_its_own(place_orders, context, store, log_text):
    (order_id,) = place_orders()
    for context["ti"].try_number in (1, 2):
        rescheduled(order_id, context)
    assert log_text().count(f"Order {order_id}: RUNNING") == 2


def test_reschedule_mode_counts_from_the_first_look_without_a_store_too(ard, place_orders, context, log_text):
    (order_id,) = place_orders()
    context["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC) - timedelta(hours=27)
    ard.finish_order(order_id)
    assert rescheduled(order_id, context)
    assert "Wait finished after 1 d 3 h" in log_text()


def test_a_retry_that_finds_the_order_done_tells_the_whole_wait(ard, place_orders, context, store, log_text):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(hours=27)).isoformat()}
    ard.finish_order(order_id)
    sensor(order_id).execute(context)
    assert "Wait finished after 1 d 3 h" in log_text()


def test_the_trigger_leaves_the_api_alone_for_as_long_as_the_worker_was_told(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.faults.add("GET /order/status/*", kind="status", status=503, retry_after=300, nth=1)
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert deferred.value.trigger.not_before > time.time() + 290


def test_a_retry_keeps_the_deadline_of_the_first_try(place_orders, context, store):
    (order_id,) = place_orders()
    started_at = datetime.now(UTC) - timedelta(days=3)
    store["ard_wait"] = {"first_try_number": 1, "started_at": started_at.isoformat()}
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert timedelta(hours=23) < deferred.value.timeout <= timedelta(days=1)


def test_without_a_store_a_wait_with_retries_says_that_they_count_anew(place_orders, context, log_text):
    (order_id,) = place_orders()
    for retries in (0, 2):
        with pytest.raises(TaskDeferred):
            sensor(order_id, retries=retries).execute(context)
    assert log_text().count("Before Airflow 3.3 a retry of this task restarts its timeout") == 1


def test_with_a_store_there_is_nothing_to_say_of_retries(place_orders, context, store, log_text):
    (order_id,) = place_orders()
    with pytest.raises(TaskDeferred):
        sensor(order_id, retries=2).execute(context)
    assert "Before Airflow 3.3" not in log_text()


def test_a_wait_beyond_its_deadline_has_timed_out(place_orders, context, store):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(days=5)).isoformat()}
    with pytest.raises(AirflowSensorTimeout, match="Timed out"):
        sensor(order_id).execute(context)
    with pytest.raises(AirflowSkipException):
        sensor(order_id, soft_fail=True).execute(context)


def test_a_cleared_wait_begins_anew(place_orders, context, store):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(days=5)).isoformat()}
    context["ti"].max_tries = 3
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert deferred.value.timeout > timedelta(days=3)
    assert store["ard_wait"]["first_try_number"] == 4


def test_exponential_backoff_reaches_the_trigger(place_orders, context):
    (order_id,) = place_orders()
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id, exponential_backoff=True, max_wait=timedelta(minutes=10)).execute(context)
    assert deferred.value.trigger.exponential_backoff
    assert deferred.value.trigger.max_wait == 600


def test_the_end_of_a_wait_tells_what_it_came_to(ard, place_orders, context, log_text, client):
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


def test_the_link_to_an_order_is_there_before_its_end(place_orders, context, monkeypatch):
    import airflow

    monkeypatch.setattr(airflow, "__version__", "3.1.0")
    one, two = place_orders(2)
    with pytest.raises(TaskDeferred):
        sensor(one).execute(context)
    assert context["ti"].xcoms["order_url"].endswith(f"/plugin/ard-orders?connection=ard_default&order={one}")
    with pytest.raises(TaskDeferred):
        sensor([one, two]).execute(context)
    assert context["ti"].xcoms["order_url"].endswith("/plugin/ard-orders?connection=ard_default")
