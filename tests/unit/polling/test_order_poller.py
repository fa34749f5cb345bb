"""The watch by itself: who is told of what, and when."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import pytest

from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.polling import order_poller as watch
from airflow_provider_ard.polling.order_poller import OrderPoller, PollSchedule, Subscription

pytestmark = pytest.mark.usefixtures("fast_polling")


@contextmanager
def following(*order_ids, every):
    subscription = OrderPoller.subscribe("ard_default", order_ids, PollSchedule(every))
    try:
        yield subscription
    finally:
        OrderPoller.leave("ard_default", subscription)


def test_exponential_backoff_doubles_the_pace_up_to_its_limit():
    pace = PollSchedule(10.0, exponential=True, max_wait=50.0)
    now, gaps = 1000.0, []
    for _ in range(6):
        then = pace.next_look(now, origin=0.0)
        gaps.append(then - now)
        now = then
    assert gaps == [10, 10, 20, 10, 50, 50]
    assert pace.interval == 50.0


def test_equal_paces_look_together_however_they_began():
    assert {PollSchedule(60.0).next_look(now, origin=7.0) for now in (67.0, 80.0, 126.9)} == {127.0}


def test_nothing_that_is_told_is_lost_between_two_looks_at_the_news():
    first, second, third = (OrderStatus(id="1", status=status) for status in ("QUEUED", "RUNNING", "SUCCEEDED"))
    subscription = Subscription({"1"}, PollSchedule(60.0))

    async def looks():
        given_up = subscription.news()
        given_up.cancel()
        subscription.tell(first)
        yield await subscription.news()
        waiting = subscription.news()
        assert not waiting.done()
        subscription.tell(second)
        # Before the trigger has had its turn.
        subscription.tell(third)
        yield await waiting
        yield await subscription.news()

    async def seen():
        return [look async for look in looks()]

    assert asyncio.run(seen()) == [[first], [second], [third]]


@pytest.mark.parametrize(("repeat_after", "told"), [(600.0, {1}), (0.0, {2, 3, 4, 5})])
@pytest.mark.parametrize("count", [1, 2])
def test_an_unchanged_status_is_told_again_only_now_and_then(ard, place_order, monkeypatch, count, repeat_after, told):
    monkeypatch.setattr(watch, "REPEAT_AFTER_S", repeat_after)
    ids = [place_order() for _ in range(count)]
    news = []

    async def rounds():
        monkeypatch.setattr(Subscription, "tell", lambda _, answer: news.append(answer))
        with following(*ids, every=1.0):
            await asyncio.sleep(3.5)

    asyncio.run(rounds())
    assert {len([one for one in news if one.id == order_id]) for order_id in ids} <= told


def test_who_comes_later_is_told_what_others_know_already(ard, place_order):
    order_id = place_order()

    async def second():
        with following(order_id, every=1.0) as first:
            await first.news()
            with following(order_id, every=60.0) as later:
                (told,) = await asyncio.wait_for(later.news(), 10)
        return told

    assert asyncio.run(second()).status == "RUNNING"


def test_who_comes_in_the_middle_of_an_outage_is_told_of_it_and_goes_on_after_it(ard, place_order):
    order_id, other_id = place_order(), place_order()
    ard.faults.add(None, kind="status", status=503, retry_after=2)

    async def waits():
        with following(order_id, every=1.0) as first:
            (outage,) = await asyncio.wait_for(first.news(), 10)
            with following(other_id, every=1.0) as later:
                (told,) = await asyncio.wait_for(later.news(), 10)
                ard.faults.clear()
                (after,) = await asyncio.wait_for(later.news(), 10)
        return outage, told, after

    outage, told, after = asyncio.run(waits())
    assert told is outage
    assert after.status == "RUNNING"


def test_what_one_wait_learns_is_told_to_those_that_would_have_asked_later(ard, place_order):
    order_id = place_order()

    async def slow():
        with following(order_id, every=3600.0) as one:
            await one.news()
            with following(order_id, every=1.0) as other:
                await other.news()
                ard.finish_order(order_id)
                while (told := await asyncio.wait_for(one.news(), 10))[-1].status == "RUNNING":
                    pass
        return told[-1].status

    assert asyncio.run(slow()) == "SUCCEEDED"


@pytest.mark.parametrize("turns", range(4))
def test_a_wait_that_ends_as_it_begins_leaves_nothing_behind(ard, place_order, turns):
    order_id = place_order()

    async def main():
        with following(order_id, every=60.0):
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert asyncio.run(main()) == []
