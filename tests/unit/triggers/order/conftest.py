"""Helpers that run order triggers and read their requests."""

from __future__ import annotations

import asyncio

from airflow_provider_ard.polling.order_poller import OrderPoller
from airflow_provider_ard.triggers.order import ArdOrderTrigger


def trigger(*order_ids):
    return ArdOrderTrigger(list(order_ids), "ard_default", 0.1)


async def event_of(trigger):
    async for event in trigger.run():
        return event.payload
    return None


def run(*coroutines, then=None, when=None):
    """Run triggers until they end; call `then` once `when` returns true."""

    async def main():
        tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
        if then:
            await asyncio.wait_for(until(when), 20)
            await asyncio.to_thread(then)
        results = await asyncio.wait_for(asyncio.gather(*tasks), 20)
        assert not OrderPoller._pollers
        return results

    return asyncio.run(main())


async def until(when):
    while not when():  # noqa: ASYNC110 -- the condition changes in another thread
        await asyncio.sleep(0.02)


def order_requests(ard):
    return [r for r in ard.requests if r.endpoint.startswith("GET /order")]


def polls(ard):
    return [r for r in ard.requests if "/order/status/" in r.path]


def logins(ard):
    return sum("/auth/authenticate" in r.path for r in ard.requests)
