"""200 waits over 20 days with all faults at once: each ends as its order did, as soon as the API can be reached.

That is within one poll interval and the backoff, counted from the last outage or restart of the triggerer, although the
list of orders never shows an end.

`ARD_SOAK_WAITS` sets the number of waits (200 with `make chaos`, else 20 over two days), `ARD_SOAK_SEED` the seed of
faults, orders and outages. The days are virtual: time passes only while nothing runs.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_ard.api import refusal
from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.http import auth
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders import list_check, status_reader
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.polling import client_cache, order_poller, outage, progress
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers import order as order_trigger
from airflow_provider_ard.triggers.order import ArdOrderTrigger
from tests.chaos.conftest import FULL
from tests.chaos.virtual_time import VirtualLoop, VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR, DAY = 3600.0, 86400.0
WAITS = int(os.environ.get("ARD_SOAK_WAITS", "200" if FULL else "20"))
DAYS = WAITS / 10
SEED = int(os.environ.get("ARD_SOAK_SEED", "0")) or time.time_ns() % 2**32
INTERVAL = 900.0
# Sleeps of the poller that do not depend on the interval.
SLACK = 5.0
RESTART_EVERY = 1.5 * DAY
STATUSES = ["SUCCEEDED"] * 7 + ["FINISHED", "FAILED", "ERROR"]

# Always: they neither hide the end of an order nor keep the API from being reached.
LASTING = [
    {"endpoint": "GET *", "kind": "close_reused", "probability": 0.3},
    {"endpoint": "GET *", "kind": "expire_token", "probability": 0.02},
    {"endpoint": "GET *", "kind": "revoke_refresh_token", "probability": 0.02},
    # The list never shows that an order has ended.
    {"endpoint": "GET /order", "kind": "set_json", "path": "data[*].status", "value": "RUNNING"},
    *(
        {"endpoint": "GET /order/status/*", "kind": "set_json", "path": path, "value": value, "probability": 0.2}
        for path, value in [
            ("order.usage", []),
            ("order.usage.area", None),
            ("order.usage.cost.total_imagery_cost", "12.5"),
            ("order.output_config", "s3://b/p"),
            ("order.metadata", []),
            ("status_message", {"Error": "E", "Cause": "C"}),
        ]
    ),
]
# Outages of any length.
OUTAGES = [
    *({"kind": "gateway_json", "status": status} for status in (400, 401, 403, 404, 410)),
    {"kind": "gateway_html"},
    {"kind": "gateway_html", "status": 404},
    {"kind": "gateway_html", "status": 200},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429, "retry_after": 6 * 3600},
    {"kind": "reset_before_accept"},
    {"kind": "truncate_after_accept"},
    {"kind": "body", "body": ""},
    {"kind": "drop_json", "path": "status"},
    {"kind": "set_json", "path": "id", "value": "of-another-order"},
]
# Shorter than the time after which they end a wait.
REFUSALS = [{"kind": "status", "status": status} for status in (400, 401, 403, 404)]
# Endpoints that fail in an outage; the list and single statuses do not always fail together.
ENDPOINTS = ["GET *", "GET *", "GET *", "GET /order/status/*", "POST /auth/*"]


@dataclass
class Window:
    """A time in which the API cannot be reached or nothing waits, with the backoff that it may cause."""

    start: float
    end: float
    backoff: float


@dataclass
class Wait:
    """One wait: its order, how and when that ended, and how and when the wait did."""

    order_id: str
    status: str = ""
    ended_at: float = 0.0
    event: dict[str, Any] = field(default_factory=dict)
    event_at: float = 0.0

    @property
    def is_as_expected(self) -> bool:
        if self.status in {"SUCCEEDED", "FINISHED"}:
            reports = self.event.get("orders") or [{}]
            return self.event.get("status") == "succeeded" and reports[0].get("order_id") == self.order_id
        return self.event.get("error") == "ArdOrderFailed" and self.event.get("order_id") == self.order_id


class Soak:
    """Places orders, waits for them with triggers, restarts these, and breaks the API."""

    def __init__(self, ard: Sandbox, clock: VirtualTime) -> None:
        self.ard = ard
        self.clock = clock
        self.random = random.Random(SEED)
        self.waits: list[Wait] = []
        self.windows: list[Window] = []
        self.restarts = 0
        self.is_over = False
        self._triggers: dict[str, asyncio.Task[None]] = {}
        self._client = ArdClient(Login(ard.login, ard.password), host=ard.url, max_attempts=1)
        self._request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p")

    async def run(self) -> None:
        for fault in LASTING:
            self.ard.faults.add(**fault)
        background = [asyncio.create_task(self._break_api()), asyncio.create_task(self._restart_triggerer())]
        orders = []
        for number in range(WAITS):
            await asyncio.sleep(max(0.0, number * DAYS * DAY / WAITS - self.clock.elapsed))
            orders.append(asyncio.create_task(self._order()))
        await asyncio.gather(*orders)
        while any(not wait.event for wait in self.waits):
            assert self.clock.elapsed < (DAYS + 10) * DAY, "waits that do not end"
            await asyncio.sleep(HOUR)
        self.is_over = True
        for task in background:
            task.cancel()
        await asyncio.gather(*background, *self._triggers.values(), return_exceptions=True)

    async def _order(self) -> None:
        """Place an order, wait for it, and end it."""
        while True:
            try:
                wait = Wait((await asyncio.to_thread(self._client.submit_order, self._request)).id)
                break
            except ArdError:
                await asyncio.sleep(60.0)
        path = f"GET /order/status/{wait.order_id}"
        self.ard.faults.add(path, kind="set_json", path="id", value=f"00{wait.order_id}", probability=0.2)
        # Unknown for a moment after it was placed.
        self.ard.faults.add(path, kind="status", status=404, nth=1)
        self.waits.append(wait)
        self._start(wait, ArdOrderTrigger([wait.order_id], "ard_default", INTERVAL))
        await asyncio.sleep(self.random.uniform(0.1, min(3.0, DAYS)) * DAY)
        wait.status = self.random.choice(STATUSES)
        self.ard.set_order_status(wait.order_id, wait.status, "no imagery")
        wait.ended_at = self.clock.time()

    def _start(self, wait: Wait, trigger: ArdOrderTrigger) -> None:
        async def run() -> None:
            async for event in trigger.run():
                wait.event, wait.event_at = event.payload, self.clock.time()

        self._triggers[wait.order_id] = asyncio.create_task(run())

    async def _restart_triggerer(self) -> None:
        """Cancel all triggers now and then, and start them again from what Airflow has stored of them."""
        while not self.is_over:
            await asyncio.sleep(RESTART_EVERY)
            self.restarts += 1
            self.windows.append(Window(self.clock.time(), self.clock.time(), 0.0))
            pending = [wait for wait in self.waits if not wait.event]
            for wait in pending:
                self._triggers[wait.order_id].cancel()
            await asyncio.gather(*(self._triggers[wait.order_id] for wait in pending), return_exceptions=True)
            for wait in pending:
                arguments = ArdOrderTrigger([wait.order_id], "ard_default", INTERVAL).serialize()[1]
                self._start(wait, ArdOrderTrigger(**arguments, of_a_newer_version=True))

    async def _break_api(self) -> None:
        while not self.is_over:
            await asyncio.sleep(self.random.uniform(1.0, 8.0) * HOUR)
            is_refusal = self.random.random() < 0.5
            faults = self.random.sample(REFUSALS if is_refusal else OUTAGES, self.random.randint(1, 3))
            is_stopped = not is_refusal and self.random.random() < 0.15
            if is_stopped:
                await asyncio.to_thread(self.ard.stop)
            endpoint = self.random.choice(ENDPOINTS)
            rules = [self.ard.faults.add(endpoint, **fault) for fault in faults]
            has_retry_after = any("retry_after" in fault for fault in faults)
            backoff = outage.MAX_RETRY_AFTER_S if has_retry_after else outage.MAX_BACKOFF_S
            window = Window(self.clock.time(), float("inf"), backoff)
            self.windows.append(window)
            longest = refusal.REFUSAL_GRACE_S - SLACK if is_refusal else 6 * HOUR
            await asyncio.sleep(self.random.uniform(60.0, longest))
            for rule in rules:
                self.ard.faults.remove(rule)
            if is_stopped:
                await asyncio.to_thread(self.ard.start)
            window.end = self.clock.time()

    def latest_end(self, wait: Wait) -> float:
        """Return when a wait must have ended: a poll interval and the backoff after the API can be reached."""
        reachable_at = wait.ended_at
        for window in sorted(self.windows, key=lambda window: window.start):
            if window.start <= reachable_at + INTERVAL + SLACK and window.end + window.backoff > reachable_at:
                reachable_at = window.end + window.backoff
        return reachable_at + INTERVAL + SLACK


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> Iterator[Soak]:
    with Sandbox(order_duration="60d", clock_rate=0.0, token_lifetime="12h", seed=SEED) as ard:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
        clock = VirtualTime(ard.clock.advance)
        modules = (auth, client_cache, list_check, order_poller, order_trigger, progress, refusal, status_reader)
        for module in modules:
            monkeypatch.setattr(module, "time", clock)
        yield Soak(ard, clock)


@pytest.mark.timeout(3600)
def test_every_wait_ends_as_its_order_did(soak: Soak, capsys: pytest.CaptureFixture[str]) -> None:
    print(f"ARD_SOAK_SEED={SEED}")
    begin = time.monotonic()
    loop = VirtualLoop(soak.clock)
    try:
        loop.run_until_complete(soak.run())
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    late = {wait.order_id: wait.event_at - soak.latest_end(wait) for wait in soak.waits}
    fired = Counter(fault.rule.kind for fault in soak.ard.faults.fired)
    with capsys.disabled():
        print(
            f"\nsoak with seed {SEED}: {len(soak.waits)} waits, {soak.clock.elapsed / DAY:.1f} days in "
            f"{time.monotonic() - begin:.0f} s; {len(soak.ard.requests)} requests, {len(soak.windows) - soak.restarts} outages of "
            f"{sum(window.end - window.start for window in soak.windows) / HOUR:.0f} h, {soak.restarts} restarts\n"
            f"latest end {max(late.values()):.0f} s from its limit; faults: {dict(fired)}"
        )
    assert [wait for wait in soak.waits if not wait.is_as_expected] == []
    assert len(soak.waits) == WAITS
    assert {order_id: seconds for order_id, seconds in late.items() if seconds > 0} == {}
    assert fired.keys() >= {str(fault["kind"]) for fault in (*LASTING, *(OUTAGES if FULL else ()), *REFUSALS)}
