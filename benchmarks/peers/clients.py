"""One client placing or awaiting one order, for `benchmarks.peers`: `python clients.py CLIENT order|wait`.

Runs in an environment with the peers installed. Environment variables configure it:

- PEER_URL: the server; PEER_TOKEN: for clients that cannot log in; AIRFLOW_CONN_*: for clients that use Connections
- PEER_TIMEOUT: read timeout in seconds
- PEER_RETRIES: number of retries of a failed task
- PEER_POKE, PEER_ORDER: poll interval in seconds, and ID of the order to wait for

The last line of output is JSON with the outcome, the number of tries and the ID of the order.
"""

# ruff: noqa: PLC0415 -- each process imports only its own client

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

URL = os.environ.get("PEER_URL", "")
TIMEOUT = float(os.environ.get("PEER_TIMEOUT", "2"))
POKE = float(os.environ.get("PEER_POKE", "1"))
ORDER_ID = os.environ.get("PEER_ORDER", "")
RETRY_DELAY_S = 1.0
ACQUISITION, CELL = "1040010060C9AD00", "Z13-031131111333"


@dataclass
class TaskInstance:
    """The task instance attributes that operators use; one object serves all tries."""

    dag_id: str = "peers"
    task_id: str = "task"
    run_id: str = "manual__2026-01-01"
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        """Store a value until the next try."""
        self.xcoms[key] = value


class Store(dict[str, Any]):
    """A task state store, which outlives a try."""

    def set(self, key: str, value: Any, **_: Any) -> None:
        """Store a value."""
        self[key] = value


# Planet ----------------------------------------------------------------------------------------------------------


async def planet_session(work: Callable[[Any], Any]) -> Any:
    """Return the result of the coroutine `work(client)` with an `OrdersClient`."""
    import httpx
    from planet import Session
    from planet.clients.orders import OrdersClient

    # The server does not check credentials; planet's own logins need Planet's servers.
    async with Session(auth=httpx.Auth(), read_timeout_secs=TIMEOUT) as session:
        return await work(OrdersClient(session, base_url=f"{URL}/api/v1"))


def planet_order(_: dict[str, Any]) -> str:
    """Order with Planet's client."""
    request = {"name": "peers", "products": [{"item_ids": ["1"], "item_type": "PSScene", "product_bundle": "visual"}]}
    return asyncio.run(planet_session(lambda client: client.create_order(request)))["id"]


def planet_wait(_: dict[str, Any]) -> None:
    """Wait with Planet's client."""
    asyncio.run(planet_session(lambda client: client.wait(ORDER_ID, delay=POKE, max_attempts=0)))


# max-ard ---------------------------------------------------------------------------------------------------------


def max_ard_order(_: dict[str, Any]) -> str:
    """Order with the SDK."""
    import max_ard.session
    from max_ard.order import Order

    max_ard.session.ARD_TIMEOUT = TIMEOUT
    order = Order(acquisitions={ACQUISITION: [CELL]}, destination="s3://peers/order", settings={})
    order.submit()
    return order.order_id


def max_ard_wait(_: dict[str, Any]) -> None:
    """Wait with the SDK in a loop as its users write it, because it has no wait function."""
    import max_ard.session
    from max_ard.order import Order

    max_ard.session.ARD_TIMEOUT = TIMEOUT
    while Order.from_id(ORDER_ID).running:
        time.sleep(POKE)


# Airflow's HTTP provider -----------------------------------------------------------------------------------------


def http_headers() -> dict[str, str]:
    """Return the headers that a user of the plain HTTP operators sets."""
    return {"Authorization": f"Bearer {os.environ['PEER_TOKEN']}", "Content-Type": "application/json"}


def http_order(context: dict[str, Any]) -> str:
    """Order with `HttpOperator`."""
    from airflow.providers.http.operators.http import HttpOperator

    body = {
        "acquisitions": [{"id": ACQUISITION, "cells": [CELL]}],
        "output_config": {"amazon_s3": {"bucket": "peers", "prefix": "order"}},
    }
    return HttpOperator(
        task_id="task",
        endpoint="api/v1/order/",
        data=json.dumps(body),
        headers=http_headers(),
        extra_options={"timeout": TIMEOUT},
        response_filter=lambda response: response.json()["id"],
    ).execute(context)


def http_sensor(**options: Any) -> Any:
    """Return an `HttpSensor` on the order."""
    from airflow.providers.http.sensors.http import HttpSensor

    return HttpSensor(
        task_id="task",
        endpoint=f"api/v1/order/status/{ORDER_ID}",
        headers=http_headers(),
        poke_interval=POKE,
        timeout=timedelta(days=4),
        **options,
    )


def http_wait(context: dict[str, Any]) -> None:
    """Wait with `HttpSensor` until the order has succeeded."""
    http_sensor(response_check=lambda response: response.json()["status"] == "SUCCEEDED").execute(context)


def http_deferred_wait(context: dict[str, Any]) -> None:
    """Wait with the deferrable `HttpSensor`, which treats any response but an error as success."""
    run_deferred(http_sensor(deferrable=True), context)


# This provider ---------------------------------------------------------------------------------------------------


def provider_order(context: dict[str, Any]) -> str:
    """Order with `ArdOrderOperator`."""
    from airflow_provider_ard.operators.order import ArdOrderOperator

    operator = ArdOrderOperator(task_id="task", acquisitions={ACQUISITION: [CELL]}, destination="s3://peers/order")
    return str(operator.execute(context))


def provider_wait(context: dict[str, Any]) -> None:
    """Wait with `ArdOrderSensor`, deferred."""
    from airflow_provider_ard.sensors.order import ArdOrderSensor

    run_deferred(ArdOrderSensor(task_id="task", order_id=ORDER_ID, poke_interval=POKE), context)


def run_deferred(sensor: Any, context: dict[str, Any]) -> None:
    """Run a deferrable sensor as worker and triggerer would."""
    from airflow.providers.common.compat.sdk import TaskDeferred

    async def first_event(trigger: Any) -> Any:
        async for event in trigger.run():
            return event.payload
        raise RuntimeError("the trigger ended without an event")

    try:
        sensor.execute(context)
    except TaskDeferred as deferred:
        payload = asyncio.run(first_event(deferred.trigger))
        getattr(sensor, deferred.method_name)(context, payload)


# -----------------------------------------------------------------------------------------------------------------

CLIENTS: dict[str, dict[str, Callable[[dict[str, Any]], Any]]] = {
    "planet": {"order": planet_order, "wait": planet_wait},
    "max-ard": {"order": max_ard_order, "wait": max_ard_wait},
    "http": {"order": http_order, "wait": http_wait},
    "http-deferred": {"wait": http_deferred_wait},
    "provider": {"order": provider_order, "wait": provider_wait},
}


def main() -> None:
    """Run the client, with retries after failures as Airflow does."""
    logging.disable(logging.CRITICAL)
    work = CLIENTS[sys.argv[1]][sys.argv[2]]
    retries = int(os.environ.get("PEER_RETRIES", "0"))
    ti = TaskInstance(max_tries=retries)
    task = type("Task", (), {"retries": retries})()
    context = {"ti": ti, "task_instance": ti, "task": task, "run_id": ti.run_id, "task_state_store": Store()}
    outcome, order_id = "not run", None
    for ti.try_number in range(1, retries + 2):
        ti.xcoms.clear()
        try:
            order_id = work(context)
        except Exception as error:  # noqa: BLE001 -- raised by any of the libraries
            outcome = type(error).__name__
            if ti.try_number <= retries:
                time.sleep(RETRY_DELAY_S)
            continue
        outcome = "success"
        break
    print(json.dumps({"outcome": outcome, "tries": ti.try_number, "order_id": order_id}))


if __name__ == "__main__":
    main()
