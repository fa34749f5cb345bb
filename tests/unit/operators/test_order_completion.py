"""`wait_for_completion`: placing an order and waiting for it in one task."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta

import airflow
import pytest

from airflow_provider_ard.exceptions import ArdOrderFailed, ArdOrderInDoubtError, ArdRequestError
from airflow_provider_ard.triggers.budget import ArdBudgetTrigger
from airflow_provider_ard.triggers.order import ArdOrderTrigger
from airflow_provider_ard.version_compat import AirflowFailException, AirflowSensorTimeout, Asset
from tests.airflow_names import TaskDeferred


@pytest.fixture
def waiting(order, monkeypatch):
    # Without a store, a retry searches for an order that is not listed yet.
    monkeypatch.setattr("airflow_provider_ard.ordering.existing_orders.SEARCH_WINDOW_S", 0.1)

    def make(**arguments):
        return order(**{"wait_for_completion": True, "poke_interval": 0.1, **arguments})

    return make


def deferred(task, context):
    with pytest.raises(TaskDeferred) as caught:
        task.execute(context)
    return caught.value


async def first_event(trigger):
    async for event in trigger.run():
        return event.payload
    return None


def resume(task, deferral, context):
    """Run the trigger, and resume a copy of the task, as another worker does."""
    event = asyncio.run(first_event(deferral.trigger))
    return task.resume_execution(deferral.method_name, {"event": event}, context)


def test_orders_then_waits_in_the_triggerer(ard, waiting, context, fast_polling, log_text):
    deferral = deferred(waiting(), context)
    [placed] = ard.orders
    assert isinstance(deferral.trigger, ArdOrderTrigger)
    assert deferral.trigger.order_ids == [placed.id]
    assert timedelta(days=3, hours=23) < deferral.timeout <= timedelta(days=4)
    assert json.loads(json.dumps(deferral.trigger.serialize()[1]))["poke_interval"] == 0.1
    # Known before the end, and read by Airflow when the task defers.
    assert context["ti"].xcoms["destination_url"]
    assert context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"] > 0
    ard.finish_order(placed.id)
    report = resume(waiting(), deferral, context)
    assert report.keys() == {"order_id", "status", "status_message", "usage", "output_uri", "collection_uri"}
    assert (report["order_id"], report["status"]) == (placed.id, "SUCCEEDED")
    assert context["ti"].xcoms["order_id"] == placed.id
    assert len(ard.submissions) == 1
    assert "Wait finished after" in log_text()


def test_links_of_the_placed_order_are_kept(ard, waiting, context, fast_polling, monkeypatch):
    monkeypatch.setattr(airflow, "__version__", "3.0.6")
    deferral = deferred(waiting(), context)
    links = {key: value for key, value in context["ti"].xcoms.items() if key.endswith("_url")}
    assert ard.url in links["order_url"]
    ard.finish_order(ard.orders[0].id)
    resume(waiting(), deferral, context)
    assert links.items() <= context["ti"].xcoms.items()


def test_polls_on_the_worker(ard, waiting, context, fast_polling):
    ard.faults.add("GET /order/status/*", kind="status", status=503, nth=1, times=3)
    timer = threading.Timer(0.5, lambda: [ard.finish_order(placed.id) for placed in ard.orders])
    timer.start()
    assert waiting(deferrable=False).execute(context)["status"] == "SUCCEEDED"
    timer.join()
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("deferrable", [True, False])
def test_retry_after_the_delivery_does_not_wait(ard, waiting, context, deferrable):
    [order_id] = deferred(waiting(), context).trigger.order_ids
    ard.finish_order(order_id)
    context["ti"].try_number = 2
    assert waiting(deferrable=deferrable).execute(context)["order_id"] == order_id
    assert len(ard.submissions) == 1


def test_outage_after_the_purchase_defers(ard, waiting, context, fast_polling):
    ard.faults.add("GET /order/status/*", kind="status", status=503, retry_after=0.01)
    deferral = deferred(waiting(), context)
    ard.faults.clear()
    ard.finish_order(deferral.trigger.order_ids[0])
    assert resume(waiting(), deferral, context)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("deferrable", [True, False])
def test_failed_order_fails_without_a_second_one(ard, waiting, context, fast_polling, deferrable):
    deferral = deferred(waiting(), context)
    [order_id] = deferral.trigger.order_ids
    ard.fail_order(order_id, "no imagery")
    with pytest.raises(ArdOrderFailed, match="no imagery") as caught:
        resume(waiting(), deferral, context)
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.order_id == order_id
    # If the triggerer was killed instead, a retry finds the failed order.
    for context["ti"].try_number in (2, 3):
        with pytest.raises(ArdOrderFailed, match="no imagery"):
            waiting(deferrable=deferrable).execute(context)
    assert len(ard.submissions) == 1


def test_cleared_task_replaces_a_failed_order(ard, waiting, context, store, fast_polling):
    first = deferred(waiting(), context).trigger.order_ids
    ard.fail_order(first[0], "no imagery")
    with pytest.raises(ArdOrderFailed):
        waiting().execute(context)
    context["ti"].max_tries = 1
    second = deferred(waiting(), context).trigger.order_ids
    assert second != first
    assert len(ard.submissions) == 2


def test_adopted_order_that_fails_is_not_replaced_by_a_retry(ard, waiting, context, store, order, fast_polling):
    existing = order().execute(context)
    store.clear()
    context["ti"].run_id = "another"
    deferred(waiting(existing_order_id=existing), context)
    ard.fail_order(existing, "no imagery")
    with pytest.raises(ArdOrderFailed, match="no imagery"):
        waiting().execute(context)
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("with_store", [False, True])
def test_retry_after_a_crash_before_the_deferral_waits_for_the_order(
    ard, waiting, context, request, monkeypatch, with_store
):
    if with_store:
        request.getfixturevalue("store")
    with monkeypatch.context() as patch:
        patch.setattr("airflow_provider_ard.operators.order_xcoms.publish_order", interrupt)
        with pytest.raises(KeyboardInterrupt):
            waiting().execute(context)
    context["ti"].try_number = 2
    deferral = deferred(waiting(), context)
    assert deferral.trigger.order_ids == [placed.id for placed in ard.orders]
    assert len(ard.submissions) == 1


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_order_in_doubt_is_found_by_the_retry(ard, waiting, context, store):
    ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
    rule = ard.faults.add("GET /order", kind="status", status=503, nth=2, times=10_000)
    with pytest.raises(ArdOrderInDoubtError):
        waiting().execute(context)
    ard.faults.remove(rule)
    context["ti"].try_number = 2
    assert deferred(waiting(), context).trigger.order_ids == [ard.orders[0].id]
    assert len(ard.submissions) == 1


def test_ended_trigger_is_retried_and_a_timeout_is_final(ard, waiting, context, store, fast_polling):
    first = deferred(waiting(), context)
    with pytest.raises(Exception, match="gone") as caught:
        waiting().resume_execution("__fail__", {"error": "gone"}, context)
    assert not isinstance(caught.value, AirflowSensorTimeout | AirflowFailException)
    context["ti"].try_number = 2
    second = deferred(waiting(), context)
    assert second.trigger.order_ids == first.trigger.order_ids
    assert second.trigger.started_at == pytest.approx(first.trigger.started_at)
    for error in ("Trigger timeout", "Trigger/execution timeout"):
        with pytest.raises(AirflowSensorTimeout):
            waiting().resume_execution("__fail__", {"error": error}, context)
        with pytest.raises(Exception, match="imeout") as caught:
            waiting(wait_for_completion=False).resume_execution("__fail__", {"error": error}, context)
        assert not isinstance(caught.value, AirflowSensorTimeout)


@pytest.mark.parametrize("deferrable", [True, False])
def test_wait_beyond_its_timeout_is_final(ard, waiting, context, deferrable):
    with pytest.raises(AirflowSensorTimeout, match="Timed out"):
        waiting(timeout=1e-6, deferrable=deferrable).execute(context)
    assert len(ard.submissions) == 1


def test_budget_with_room_later_waits_twice(ard, waiting, context, store, fast_polling):
    assert waiting(dry_run=True).execute(context) is None
    cost = context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"]
    arguments = {"budget": {"cost": 1.5 * cost, "per": "day"}, "on_exceeded": "wait"}
    context["ti"].run_id = "earlier"
    earlier = deferred(waiting(**arguments), context).trigger.order_ids[0]
    store.clear()
    context["ti"].run_id = "later"
    budget = deferred(waiting(**arguments), context)
    assert isinstance(budget.trigger, ArdBudgetTrigger)
    ard.fail_order(earlier)
    with pytest.raises(TaskDeferred) as caught:
        waiting(**arguments).resume_execution(budget.method_name, {"event": {"status": "succeeded"}}, context)
    assert isinstance(caught.value.trigger, ArdOrderTrigger)
    assert caught.value.trigger.order_ids != [earlier]
    ard.finish_order(caught.value.trigger.order_ids[0])
    assert resume(waiting(**arguments), caught.value, context)["status"] == "SUCCEEDED"


def test_assets_get_the_events_of_the_sensor(ard, waiting, context, fast_polling):
    asset = Asset("s3://bkt/p")
    context["outlet_events"] = {asset: type("Event", (), {"extra": {}})()}
    deferral = deferred(waiting(outlets=[asset]), context)
    [order_id] = deferral.trigger.order_ids
    ard.finish_order(order_id)
    resume(waiting(outlets=[asset]), deferral, context)
    assert context["outlet_events"][asset].extra["order_id"] == order_id


def test_kill_of_a_resumed_task_names_the_order(ard, waiting, context, fast_polling, log_text):
    deferral = deferred(waiting(), context)
    ard.finish_order(deferral.trigger.order_ids[0])
    task = waiting()
    resume(task, deferral, context)
    task.on_kill()
    assert f"Order {deferral.trigger.order_ids[0]} cannot be canceled" in log_text()


@pytest.mark.parametrize("argument", ["poke_interval", "timeout"])
@pytest.mark.parametrize("value", [0, -1, "often", None])
def test_invalid_interval_fails_when_the_dag_is_parsed(waiting, argument, value):
    with pytest.raises(ArdRequestError, match=argument):
        waiting(**{argument: value})
