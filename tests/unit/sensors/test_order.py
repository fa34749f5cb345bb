from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest

from airflow_provider_ard.exceptions import ArdError, ArdNotFoundError, ArdOrderFailed, ArdRequestError
from airflow_provider_ard.triggers.order import ArdOrderTrigger
from airflow_provider_ard.version_compat import AirflowFailException, AirflowSkipException, Asset
from tests.airflow_names import TaskDeferred
from tests.unit.sensors.conftest import sensor


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
def test_failed_order_fails_with_the_message_of_the_api(ard, place_orders, context, deferrable):
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


def test_unknown_order_fails(ard_connection, context, no_grace):
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


def test_empty_list_returns_immediately(ard_connection, context):
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


def test_reports_left_out_of_the_event_are_read_from_the_list(ard, place_orders, context, log_text):
    ids = place_orders(5)
    for order_id in ids:
        ard.finish_order(order_id)
    before = len(ard.requests)
    event = {"status": "succeeded", "orders": [], "started_at": time.time() - 7200}
    reports = sensor(ids).execute_complete(context, event)
    assert [report["collection_uri"] for report in reports] == [
        f"s3://b/p/order_collections/{order_id}_root_collection.json" for order_id in ids
    ]
    assert [request.path for request in ard.requests[before:] if "/auth/" not in request.path] == ["/api/v1/order/"]
    assert "Wait finished after 2 h" in log_text()


def test_reports_left_out_of_the_event_are_read_despite_a_lagging_list(ard, place_orders, context):
    ids = place_orders(3)
    for order_id in ids:
        ard.finish_order(order_id)
    ard.faults.add("GET /order", kind="set_json", path="$.data[0].status", value="RUNNING")
    reports = sensor(ids).execute_complete(context, {"status": "succeeded", "orders": [], "started_at": time.time()})
    assert {report["status"] for report in reports} == {"SUCCEEDED"}
    assert sum("/order/status/" in request.path for request in ard.requests) == 1


def test_outage_while_reports_are_read_defers_again_with_the_same_start(ard, place_orders, context):
    ids = place_orders(3)
    for order_id in ids:
        ard.finish_order(order_id)
    for endpoint in ("GET /order", "GET /order/status/*"):
        ard.faults.add(endpoint, kind="status", status=503)
    started_at = time.time() - 7200
    with pytest.raises(TaskDeferred) as deferred:
        sensor(ids).execute_complete(context, {"status": "succeeded", "orders": [], "started_at": started_at})
    assert deferred.value.trigger.order_ids == ids
    assert deferred.value.trigger.started_at == started_at
    assert deferred.value.timeout < timedelta(days=3, hours=22, minutes=1)


def test_retry_after_is_passed_to_the_trigger(ard, place_orders, context):
    (order_id,) = place_orders()
    ard.faults.add("GET /order/status/*", kind="status", status=503, retry_after=300, nth=1)
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert deferred.value.trigger.not_before > time.time() + 290


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
    # Airflow reads the XCom of each link when a task defers, and logs an error if there is none.
    assert [context["ti"].xcoms[key] for key in ("destination_url", "collection_url")] == ["", ""]
    with pytest.raises(TaskDeferred):
        sensor([first, second]).execute(context)
    assert context["ti"].xcoms["order_url"].endswith("/plugin/ard-orders?connection=ard_default")
