"""Fifty deferred waits while the API refuses the login or an order, or sends a long Retry-After."""

from __future__ import annotations

import asyncio
import itertools
import json
import time

import pytest

from airflow_provider_ard.api import refusal
from airflow_provider_ard.polling import outage
from airflow_provider_ard.triggers.order import ArdOrderTrigger

pytestmark = pytest.mark.usefixtures("fast_polling")
WAITS = 50


async def event_of(order_id):
    async for event in ArdOrderTrigger([order_id], "ard_default", 0.2).run():
        return event.payload
    return None


def run(order_ids, *, when, then):
    """Run a trigger for each order; call `then` in a thread once `when` returns true."""

    async def main():
        tasks = [asyncio.create_task(event_of(order_id)) for order_id in order_ids]
        async with asyncio.timeout(40):
            while not when():  # noqa: ASYNC110 -- the condition changes in another thread
                await asyncio.sleep(0.02)
            await asyncio.to_thread(then)
            return await asyncio.gather(*tasks)

    return asyncio.run(main())


@pytest.fixture
def orders(place_order):
    return [place_order() for _ in range(WAITS)]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_temporarily_refused_login_ends_no_wait(ard, orders, status, log_text):
    rule = ard.faults.add("POST /auth/authenticate", kind="status", status=status)
    tokens = ard.faults.add("GET *", kind="status", status=401)
    begin = time.monotonic()

    def end():
        for each in (rule, tokens):
            ard.faults.remove(each)
        for order_id in orders:
            ard.finish_order(order_id)

    events = run(orders, when=lambda: time.monotonic() - begin >= 2, then=end)
    assert [event["status"] for event in events] == ["succeeded"] * WAITS
    # Each wait logs the outage once.
    assert log_text().count("Polling failed, will retry") == WAITS


def test_lastingly_refused_login_ends_all_waits(ard, orders, monkeypatch):
    monkeypatch.setattr(refusal, "REFUSAL_GRACE_S", 1.0)
    ard.faults.add(kind="status", status=401)
    events = run(orders, when=lambda: True, then=lambda: None)
    assert [event["error"] for event in events] == ["ArdAuthError"] * WAITS


def test_wrong_password_is_not_sent_with_each_poll(ard, orders, monkeypatch):
    monkeypatch.setattr(outage, "MAX_BACKOFF_S", 60.0)
    monkeypatch.setattr(outage.random, "uniform", lambda _, longest: longest)
    monkeypatch.setattr(refusal, "REFUSAL_GRACE_S", 6.0)
    wrong = json.loads(ard.connection_json) | {"password": "wr0ng"}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(wrong))
    seen = len(ard.requests)
    events = run(orders, when=lambda: True, then=lambda: None)
    assert {event["error"] for event in events} == {"ArdAuthError"}
    # After 0, 1, 3 and 7 s.
    assert len(ard.requests) - seen <= 5


def test_temporarily_unknown_order_ends_no_wait(ard, orders):
    rules = [
        ard.faults.add("GET /order", kind="status", status=404),
        ard.faults.add("GET /order/status/*", kind="status", status=404),
    ]

    def end():
        for rule in rules:
            ard.faults.remove(rule)
        for order_id in orders:
            ard.finish_order(order_id)

    events = run(orders, when=lambda: rules[1].fired >= 2 * WAITS, then=end)
    assert [event["status"] for event in events] == ["succeeded"] * WAITS


def test_retry_after_of_hours_is_capped(ard, orders, monkeypatch):
    monkeypatch.setattr(outage, "MAX_RETRY_AFTER_S", 1.0)
    rule = ard.faults.add("GET /order*", kind="status", status=429, retry_after=6 * 3600, times=3)
    seen = len(ard.requests)

    def end():
        for order_id in orders:
            ard.finish_order(order_id)

    events = run(orders, when=lambda: rule.fired >= 3, then=end)
    assert [event["status"] for event in events] == ["succeeded"] * WAITS
    polls = [request for request in ard.requests[seen:] if request.endpoint.startswith("GET /order")]
    # One request at a time shows whether the API is back.
    assert [request.status for request in polls[:3]] == [429] * 3
    pauses = [(later.time - earlier.time).total_seconds() for earlier, later in itertools.pairwise(polls)]
    assert min(pauses[:3]) >= 1
