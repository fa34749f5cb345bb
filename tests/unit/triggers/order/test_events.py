from __future__ import annotations

import asyncio
import json
import time

import pytest

from airflow_provider_ard.polling.order_poller import OrderPoller
from airflow_provider_ard.triggers.order import ArdOrderTrigger
from tests.unit.triggers.order.conftest import event_of, order_requests, polls, run, trigger, until

pytestmark = pytest.mark.usefixtures("fast_polling")


def test_succeeded_order_fires_one_event(ard, place_order):
    order_id = place_order()
    (event,) = run(
        event_of(trigger(order_id)), then=lambda: ard.finish_order(order_id), when=lambda: len(polls(ard)) >= 2
    )
    assert event["status"] == "succeeded"
    assert event["orders"][0]["order_id"] == order_id
    assert json.loads(json.dumps(event)) == event


def test_failed_order_ends_only_its_own_wait(ard, place_order):
    good, bad = place_order(), place_order()

    async def scenario():
        waits = [asyncio.create_task(event_of(trigger(order_id))) for order_id in (good, bad)]
        await asyncio.wait_for(until(lambda: order_requests(ard)), 20)
        ard.fail_order(bad, "no imagery")
        second = await asyncio.wait_for(waits[1], 20)
        assert not waits[0].done()
        ard.finish_order(good)
        return await asyncio.wait_for(waits[0], 20), second

    first, second = asyncio.run(scenario())
    assert first["status"] == "succeeded"
    assert second["status"] == "failed"
    assert second["error"] == "ArdOrderFailed"
    assert "no imagery" in second["message"]
    assert second["order_id"] == bad


def test_forbidden_order_ends_only_its_own_wait(ard, place_order, no_grace):
    good, bad = place_order(), place_order()
    ard.faults.add("GET /order", kind="status", status=403)
    ard.faults.add(f"GET /order/status/{bad}", kind="status", status=403)
    waits = [event_of(trigger(good)), event_of(trigger(bad))]
    first, second = run(*waits, then=lambda: ard.finish_order(good), when=lambda: len(polls(ard)) >= 2)
    assert first["status"] == "succeeded"
    assert (second["status"], second["error"]) == ("failed", "ArdAuthError")


def test_list_of_orders_succeeds_with_the_last_one(ard, place_order):
    ids = [place_order(), place_order()]
    ard.finish_order(ids[0])
    (event,) = run(event_of(trigger(*ids)), then=lambda: ard.finish_order(ids[1]), when=lambda: order_requests(ard))
    assert [report["order_id"] for report in event["orders"]] == ids


def test_event_of_many_orders_leaves_their_reports_out(ard, place_order, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.triggers.order.MAX_REPORTS_IN_EVENT", 1)
    ids = [place_order() for _ in range(2)]
    for order_id in ids:
        ard.finish_order(order_id)
    (event,) = run(event_of(trigger(*ids)))
    assert event["status"] == "succeeded"
    assert event["orders"] == []


def test_unknown_order_fails(ard_connection, no_grace):
    (event,) = run(event_of(trigger("404404")))
    assert event["error"] == "ArdNotFoundError"


def test_undocumented_status_is_an_error(ard, place_order):
    order_id = place_order()
    ard.set_order_status(order_id, "PAUSED", "?")
    (event,) = run(event_of(trigger(order_id)))
    assert event["error"] == "ArdError"
    assert "PAUSED" in event["message"]


def test_requests_do_not_block_the_event_loop(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    ard.faults.add("GET /order/status/*", kind="latency", seconds=2.0)

    async def scenario():
        waiting = asyncio.create_task(event_of(trigger(order_id)))
        # A blocked event loop would not see a request before its response.
        await asyncio.wait_for(until(lambda: any(request.status is None for request in polls(ard))), 20)
        return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(scenario())["status"] == "succeeded"


def test_canceled_trigger_leaves_no_task_behind(ard, place_order):
    order_id = place_order()

    async def main():
        task = asyncio.create_task(event_of(trigger(order_id)))
        await asyncio.wait_for(until(lambda: polls(ard)), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.2)
        assert not OrderPoller._pollers
        return [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    assert asyncio.run(main()) == []
    # The event loop has waited for the last request before it closed.
    poll_count = len(polls(ard))
    time.sleep(0.3)
    assert len(polls(ard)) == poll_count


def test_trigger_arguments_contain_no_secret(ard):
    assert ard.password not in repr(trigger("1"))


def test_first_poll_waits_for_not_before(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    not_before = time.time() + 1.0
    (event,) = run(event_of(ArdOrderTrigger([order_id], "ard_default", 0.1, not_before=not_before)))
    assert event["status"] == "succeeded"
    assert polls(ard)[0].time.timestamp() >= not_before
