"""How many orders clients place for one request."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from airflow_provider_ard.sandbox.proxy import Proxy
from benchmarks.peers.processes import environment, outcome, start
from benchmarks.peers.servers import access_token, count_orders, create_server, place_order

RETRIES, SLOW_RESPONSE_S = 2, 4.0
# Longer than any client takes that does not hang.
ORDER_LIMIT_S = 200.0
# More than one page of the list.
OTHER_ORDERS = 150
RESET = {"kind": "reset_after_accept", "nth": 1}
# The first list is well-formed, or nothing would be bought.
MALFORMED = {"kind": "body", "body": '{"data": null, "has_more": false}', "nth": 2, "times": 10}


@dataclass(frozen=True)
class Scenario:
    """What happens while one or more deployments of Airflow place one order each.

    order_fault, list_fault: fault rules of the endpoints that place and list orders. retries: of the task.
    other_orders: orders of other tasks that the account has. is_behind_proxy: requests pass a proxy.
    """

    order_fault: dict[str, Any]
    list_fault: dict[str, Any] | None = None
    retries: int = RETRIES
    other_orders: int = 0
    is_behind_proxy: bool = False
    deployments: tuple[str, ...] = ("",)


SCENARIOS = {
    "orders per request: slow response": Scenario({"kind": "latency", "seconds": SLOW_RESPONSE_S, "nth": 1}),
    "orders per request: every response slow, one attempt": Scenario(
        {"kind": "latency", "seconds": SLOW_RESPONSE_S}, retries=0
    ),
    "orders per request: 500 after accept": Scenario({"kind": "error_after_accept", "status": 500, "nth": 1}),
    "orders per request: reset after accept": Scenario(RESET),
    "orders per request: proxy reset": Scenario(RESET, is_behind_proxy=True),
    "orders per request: reset, then list malformed": Scenario(RESET, MALFORMED),
    "orders per request: reset, filter ignored": Scenario(RESET, {"kind": "ignore_filter"}, other_orders=OTHER_ORDERS),
    "orders per request: 503": Scenario({"kind": "status", "status": 503, "nth": 1}),
    "orders of two deployments, the second's response reset": Scenario(
        {"kind": "reset_after_accept", "nth": 2}, deployments=("dev", "prod")
    ),
}


def measure_orders(client: str, scenario: Scenario) -> str:
    """Return how many orders exist after each deployment requested one, and whether its task has the order's ID."""
    server, endpoints = create_server(client)
    results = []
    with ExitStack() as stack:
        stack.enter_context(server)
        proxy = stack.enter_context(Proxy()) if scenario.is_behind_proxy else None
        token = access_token(server)
        for _ in range(scenario.other_orders):
            place_order(server, endpoints, token)
        server.faults.add(endpoints.order, **scenario.order_fault)
        if scenario.list_fault:
            server.faults.add(endpoints.list, **scenario.list_fault)
        for namespace in scenario.deployments:
            home = stack.enter_context(tempfile.TemporaryDirectory())
            env = environment(server, home, token, namespace=namespace, proxy_url=proxy.url if proxy else None)
            process = start(client, "order", env | {"PEER_RETRIES": str(scenario.retries)})
            results.append(outcome(process, env, ORDER_LIMIT_S))
        # A request that timed out may still be accepted.
        time.sleep(SLOW_RESPONSE_S if scenario.order_fault["kind"] == "latency" else 0)
        count = count_orders(server) - scenario.other_orders
        if proxy and not proxy.targets:
            raise RuntimeError(f"{client} did not use the proxy")
    return f"{count}{_remark(results)}"


def _remark(results: list[dict[str, Any] | None]) -> str:
    """Return what is wrong beside the number of orders."""
    completed = [result for result in results if result is not None]
    if len(completed) < len(results):
        return ", hangs"
    if any(result["outcome"] != "success" for result in completed):
        return ", order ID unknown to the task"
    return ", one ID for both" if len({result["order_id"] for result in completed}) < len(completed) else ""
