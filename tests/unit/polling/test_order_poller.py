"""Which subscription receives which updates, and when."""

from __future__ import annotations

import asyncio
import weakref
from contextlib import contextmanager

import pytest

from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.polling import order_poller
from airflow_provider_ard.polling.order_poller import OrderPoller, Subscription
from airflow_provider_ard.polling.schedule import PollSchedule

pytestmark = pytest.mark.usefixtures("fast_polling")


@contextmanager
def subscribed(*order_ids, interval):
    subscription = OrderPoller.subscribe("ard_default", order_ids, PollSchedule(interval))
    try:
        yield subscription
    finally:
        OrderPoller.unsubscribe("ard_default", subscription)


async def next_updates(subscription):
    return await asyncio.wait_for(subscription.next_updates(), 10)


def test_subscription_does_not_keep_the_order_of_an_update():
    subscription = Subscription(["1"], PollSchedule(60.0))

    async def receive():
        subscription.publish(OrderStatus(id="1", status="SUCCEEDED"))
        return weakref.ref((await subscription.next_updates())[0])

    assert asyncio.run(receive())() is None


def test_no_update_is_lost_between_calls_of_next_updates():
    first, second, third = (OrderStatus(id="1", status=status) for status in ("QUEUED", "RUNNING", "SUCCEEDED"))
    subscription = Subscription({"1"}, PollSchedule(60.0))

    async def batches():
        canceled = subscription.next_updates()
        canceled.cancel()
        subscription.publish(first)
        yield await subscription.next_updates()
        waiting = subscription.next_updates()
        assert not waiting.done()
        subscription.publish(second)
        # Before the subscriber runs again.
        subscription.publish(third)
        yield await waiting
        yield await subscription.next_updates()

    async def collect():
        return [batch async for batch in batches()]

    assert asyncio.run(collect()) == [[first], [second], [third]]


@pytest.mark.parametrize(("republish_after", "publications"), [(600.0, {1}), (0.0, {2, 3, 4, 5})])
@pytest.mark.parametrize("count", [1, 2])
def test_unchanged_status_is_published_again_after_an_interval(
    ard, place_order, monkeypatch, count, republish_after, publications
):
    monkeypatch.setattr(order_poller, "REPUBLISH_AFTER_S", republish_after)
    order_ids = [place_order() for _ in range(count)]
    updates = []

    async def scenario():
        monkeypatch.setattr(Subscription, "publish", lambda _, update: updates.append(update))
        with subscribed(*order_ids, interval=1.0):
            await asyncio.sleep(3.5)

    asyncio.run(scenario())
    assert {len([update for update in updates if update.id == order_id]) for order_id in order_ids} <= publications


def test_late_subscriber_receives_the_current_status(ard, place_order):
    order_id = place_order()

    async def scenario():
        with subscribed(order_id, interval=1.0) as first:
            await first.next_updates()
            with subscribed(order_id, interval=60.0) as late:
                (update,) = await next_updates(late)
        return update

    assert asyncio.run(scenario()).status == "RUNNING"


def test_subscriber_during_an_outage_receives_outage_then_status(ard, place_order):
    order_id, other_id = place_order(), place_order()
    ard.faults.add(None, kind="status", status=503, retry_after=2)

    async def scenario():
        with subscribed(order_id, interval=1.0) as first:
            (outage,) = await next_updates(first)
            with subscribed(other_id, interval=1.0) as late:
                (late_outage,) = await next_updates(late)
                ard.faults.clear()
                (update,) = await next_updates(late)
        return outage, late_outage, update

    outage, late_outage, update = asyncio.run(scenario())
    assert late_outage is outage
    assert update.status == "RUNNING"


def test_update_reaches_subscribers_that_are_not_due(ard, place_order):
    order_id = place_order()

    async def scenario():
        with subscribed(order_id, interval=3600.0) as slow:
            await slow.next_updates()
            with subscribed(order_id, interval=1.0) as fast:
                await fast.next_updates()
                ard.finish_order(order_id)
                while (updates := await next_updates(slow))[-1].status == "RUNNING":
                    pass
        return updates[-1].status

    assert asyncio.run(scenario()) == "SUCCEEDED"


@pytest.mark.parametrize("turns", range(4))
def test_unsubscribing_leaves_no_task_behind(ard, place_order, turns):
    order_id = place_order()

    async def scenario():
        with subscribed(order_id, interval=60.0):
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert asyncio.run(scenario()) == []
