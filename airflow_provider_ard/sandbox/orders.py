"""Orders and their lives: RUNNING until due and delivered, then SUCCEEDED, or FAILED with a reason."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from airflow_provider_ard.sandbox.checks import CheckedOrder
from airflow_provider_ard.sandbox.errors import not_found
from airflow_provider_ard.sandbox.pricing import usage

RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"


@dataclass(frozen=True)
class Fate:
    """What will become of an order instead of success; ``status`` None means that it never ends."""

    status: str | None
    message: str | None = None


@dataclass(eq=False)
class Order:
    """One accepted order. ``request`` is what was asked, without its secrets; times are UTC."""

    id: str
    checked: CheckedOrder
    created: datetime
    usage: dict[str, Any]
    status: str = RUNNING
    status_message: str | None = None
    finished: datetime | None = None
    fate: Fate | None = None
    status_calls: int = 0
    started: float = field(default_factory=time.monotonic)
    delivery: "Future[datetime]" = field(default_factory=Future)

    @property
    def request(self) -> dict[str, Any]:
        """The request as it came, without its secrets."""
        return self.checked.request

    def describe(self) -> dict[str, Any]:
        """Return the body of ``GET /order/status/{id}``, which is also an entry of the list."""
        estimate = self.status == RUNNING
        parts = {
            name: {**part, "estimate": estimate} if name in ("area", "cost") else part
            for name, part in self.usage.items()
        }
        body: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.status_message is not None:
            body["status_message"] = self.status_message
        body["created"] = self.created.isoformat()
        if self.finished is not None:
            body["finished"] = self.finished.isoformat()
        return {**body, "order": {**self.request, "usage": parts}}


class OrderBook:
    """All orders, oldest first inside.

    ``duration`` (s) is the least time an order runs; with ``status_calls`` it is instead the number of status
    calls, the last of which tells of its end. ``deliver`` writes an order's tiles off the event loop, and results
    in the time when it was done.
    """

    def __init__(
        self,
        *,
        duration: float,
        status_calls: int | None,
        deliver: Callable[[Order], "Future[datetime]"],
        today: Callable[[], date],
        prices: Mapping[str, float | None],
        random: Random,
    ) -> None:
        self._duration = duration
        self._status_calls = status_calls
        self._deliver = deliver
        self._today = today
        self._prices = prices
        self._random = random
        self._orders: dict[str, Order] = {}
        self._lock = threading.RLock()

    def estimate(self, checked: CheckedOrder) -> dict[str, Any]:
        """Return the usage that an order would come to."""
        return usage(checked.tiles, self._today(), self._prices, estimate=True)

    def submit(self, checked: CheckedOrder, fate: Fate | None = None) -> Order:
        """Accept an order and start on its delivery."""
        worth = self.estimate(checked)
        with self._lock:
            order_id = str(self._random.randrange(10**18, 9 * 10**18))
            order = Order(order_id, checked, datetime.now(UTC), worth, fate=fate)
            self._orders[order_id] = order
            if fate is None:
                order.delivery = self._deliver(order)
            else:
                order.delivery.set_result(order.created)
        return order

    def poll(self, order_id: str) -> dict[str, Any]:
        """Return an order's status and count the call; raises a 404 for an unknown order."""
        with self._lock:
            order = self._find(order_id)
            order.status_calls += 1
            last = self._status_calls is not None and order.status_calls >= self._status_calls
        if last:
            # The Nth call must tell the end, however slow the disk; waiting is right here and only here.
            wait([order.delivery])
        with self._lock:
            self._advance(order)
            return order.describe()

    def end(self, order_id: str, status: str, message: str | None = None) -> None:
        """Finish an order here and now; raises a 404 for an unknown order."""
        with self._lock:
            _finish(self._find(order_id), status, message)

    def all(self) -> list[Order]:
        """Return every order, oldest first, each brought up to date."""
        with self._lock:
            for order in self._orders.values():
                self._advance(order)
            return list(self._orders.values())

    def wait(self) -> None:
        """Wait until nothing is being delivered any more."""
        wait([order.delivery for order in self.all()])

    def _find(self, order_id: str) -> Order:
        if order_id not in self._orders:
            raise not_found(f"There is no order {order_id}")
        return self._orders[order_id]

    def _advance(self, order: Order) -> None:
        if order.status != RUNNING or not order.delivery.done() or order.delivery.cancelled():
            return
        error = order.delivery.exception()
        if error is not None:
            _finish(order, FAILED, f"Delivery failed: {type(error).__name__}: {error}")
        elif self._is_due(order):
            fate = order.fate or Fate(SUCCEEDED)
            if fate.status is not None:
                _finish(order, fate.status, fate.message, self._end(order))

    def _is_due(self, order: Order) -> bool:
        if self._status_calls is not None:
            return order.status_calls >= self._status_calls
        return time.monotonic() >= order.started + self._duration

    def _end(self, order: Order) -> datetime:
        """Return when an order that is due ended, which may be some time before anybody asked."""
        if self._status_calls is not None:
            return datetime.now(UTC)
        return max(order.created + timedelta(seconds=self._duration), order.delivery.result())


def _finish(order: Order, status: str, message: str | None, when: datetime | None = None) -> None:
    order.status = status
    order.status_message = message
    order.finished = when or datetime.now(UTC)
