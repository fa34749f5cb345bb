from __future__ import annotations

import asyncio

import pytest

from airflow_provider_ard.triggers.order import ArdOrderTrigger
from tests.unit.triggers.order.conftest import event_of, polls, run, trigger, until

pytestmark = pytest.mark.usefixtures("fast_polling")


def test_failing_order_does_not_delay_others_and_is_logged_once(ard, place_order, log_text):
    bad, good = sorted([place_order(), place_order()])
    ard.faults.add("GET /order", kind="status", status=500)
    rule = ard.faults.add(f"GET /order/status/{bad}", kind="status", status=500)

    async def scenario():
        waits = [asyncio.create_task(event_of(trigger(order_id))) for order_id in (bad, good)]
        await until(lambda: rule.fired >= 3)
        ard.finish_order(good)
        first = await asyncio.wait_for(waits[1], 30)
        assert not waits[0].done()
        ard.faults.remove(rule)
        ard.finish_order(bad)
        return [first, await asyncio.wait_for(waits[0], 30)]

    assert [event["status"] for event in asyncio.run(scenario())] == ["succeeded", "succeeded"]
    assert log_text().count("Polling failed, will retry") == 1


def test_failing_order_with_its_own_interval_is_logged_once(ard, place_order, log_text):
    bad, good = place_order(), place_order()
    ard.faults.add("GET /order", kind="status", status=500)
    rule = ard.faults.add(f"GET /order/status/{bad}", kind="status", status=500)

    async def scenario():
        intervals = {bad: 1.0, good: 1.7}
        waits = [
            event_of(ArdOrderTrigger([order_id], "ard_default", interval)) for order_id, interval in intervals.items()
        ]
        tasks = [asyncio.create_task(wait) for wait in waits]
        await asyncio.wait_for(until(lambda: rule.fired >= 6), 30)
        ard.faults.remove(rule)
        for order_id in (bad, good):
            ard.finish_order(order_id)
        return await asyncio.wait_for(asyncio.gather(*tasks), 30)

    assert [event["status"] for event in asyncio.run(scenario())] == ["succeeded", "succeeded"]
    assert log_text().count("Polling failed, will retry") == 1


def test_wait_for_several_failing_orders_logs_one_outage(ard, place_order, log_text):
    *bad, good = sorted(place_order() for _ in range(3))
    ard.faults.add("GET /order", kind="status", status=500)
    rules = [ard.faults.add(f"GET /order/status/{order_id}", kind="status", status=500) for order_id in bad]

    def end_outage():
        for rule in rules:
            ard.faults.remove(rule)
        for order_id in (*bad, good):
            ard.finish_order(order_id)

    (event,) = run(event_of(trigger(*bad, good)), then=end_outage, when=lambda: min(rule.fired for rule in rules) >= 2)
    assert event["status"] == "succeeded"
    assert log_text().count("Polling failed, will retry") == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_before_accept"},
        {"kind": "status", "status": 503},
        {"kind": "gateway_html"},
        {"kind": "gateway_html", "status": 200},
    ],
)
def test_wait_survives_outage_and_logs_it_once(ard, place_order, fault, log_text):
    order_id = place_order()
    rule = ard.faults.add(None, **fault)

    def end_outage():
        ard.faults.remove(rule)
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=end_outage, when=lambda: rule.fired > 1)
    assert event["status"] == "succeeded"
    assert log_text().count("Polling failed, will retry") == 1


def test_wait_survives_restart_of_the_api(ard, place_order, log_text):
    order_id = place_order()
    ard.stop()

    def end_outage():
        ard.start()
        ard.finish_order(order_id)

    (event,) = run(
        event_of(trigger(order_id)), then=end_outage, when=lambda: "Polling failed, will retry" in log_text()
    )
    assert event["status"] == "succeeded"


def test_retry_after_is_honored(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    ard.faults.add("GET /order/status/*", kind="status", status=429, retry_after=2, nth=1)
    (event,) = run(event_of(trigger(order_id)))
    assert event["status"] == "succeeded"
    first, second = polls(ard)
    assert (second.time - first.time).total_seconds() >= 2
