"""Orders: RUNNING until due and delivered, then SUCCEEDED, or FAILED with a message."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.rendering.defects import DeliveryDefect
from airflow_provider_ard.sandbox.rendering.storage import format_error
from airflow_provider_ard.sandbox.validation.errors import not_found
from airflow_provider_ard.sandbox.validation.orders import ValidatedOrder
from airflow_provider_ard.sandbox.validation.output_config import AZURE, expiry

RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"


@dataclass(frozen=True)
class PlannedOutcome:
    """The end of an order or Select other than success; `status` None means that it stays RUNNING."""

    status: str | None
    message: str | None = None


@dataclass(eq=False)
class Order:
    """One accepted order; times are of the sandbox's clock.

    `defects` are those of its delivery. `delivered_tiles` counts delivered tiles by acquisition; `notified` is set once
    the notifications of its end have been recorded.
    """

    id: str
    user_id: str
    validated: ValidatedOrder
    created: datetime
    usage: dict[str, Any]
    status: str = RUNNING
    status_message: str | None = None
    finished: datetime | None = None
    planned_outcome: PlannedOutcome | None = None
    defects: Sequence[DeliveryDefect] = ()
    status_calls: int = 0
    notified: bool = False
    delivered_tiles: Counter[str] = field(default_factory=Counter)
    delivery: "Future[datetime]" = field(default_factory=Future)

    @property
    def tiles(self) -> list[Tile]:
        """The tiles that the order delivers."""
        return self.validated.tiles

    @property
    def request(self) -> dict[str, Any]:
        """The request body without its secrets."""
        return self.validated.request

    def describe(self, share: float) -> dict[str, Any]:
        """Return the body of `GET /order/status/{id}`; `share` (0 to 1) is the elapsed part of its duration."""
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
        return {**body, "progress": self._progress(share), "order": {**self.request, "usage": parts}}

    def count_delivered(self, tile: Tile) -> None:
        """Count a tile as delivered."""
        self.delivered_tiles[tile.acquisition_id] += 1

    def _progress(self, share: float) -> dict[str, Any]:
        """Return the progress by acquisition: acquisitions are delivered in sequence, cell by cell."""
        total = Counter(tile.acquisition_id for tile in self.validated.tiles)
        due = int(share * len(self.validated.tiles) + 1e-9)
        entries = []
        for acquisition_id, cells in total.items():
            done = cells if self.status == SUCCEEDED else min(cells, self.delivered_tiles[acquisition_id], max(0, due))
            due -= cells
            status = SUCCEEDED if done == cells else self.status
            entries.append({"id": acquisition_id, "status": status, "cells": cells, "cells_delivered": done})
        return {"acquisitions": entries}


class OrderService:
    """Accepts orders and advances their status.

    `duration` is the minimum time an order runs, in seconds; with `status_calls` an order ends at that status call
    instead. `deliver` writes an order's tiles in another thread and results in the time of completion. `changed` is
    called with each order that is new or has changed.
    """

    def __init__(
        self,
        *,
        duration: float,
        status_calls: int | None,
        deliver: Callable[[Order], "Future[datetime]"],
        changed: Callable[[Order], None],
        clock: Clock,
        random: Random,
    ) -> None:
        self._duration = duration
        self._status_calls = status_calls
        self._deliver = deliver
        self._changed = changed
        self._clock = clock
        self._random = random
        self._orders: dict[str, Order] = {}
        self._running: dict[str, Order] = {}
        self._lock = threading.RLock()

    def submit(
        self,
        validated: ValidatedOrder,
        user_id: str,
        usage: dict[str, Any],
        planned_outcome: PlannedOutcome | None = None,
        defects: Sequence[DeliveryDefect] = (),
    ) -> Order:
        """Accept an order and start its delivery."""
        with self._lock:
            order_id, now = self._new_id(), self._clock.now()
            order = Order(order_id, user_id, validated, now, usage, planned_outcome=planned_outcome, defects=defects)
            self._add(order)
            # Saved before its delivery, which may complete immediately.
            self._changed(order)
            self._start(order)
        return order

    def restore(self, order: Order, delivered: datetime | None) -> None:
        """Add an order saved by an earlier process; delivery restarts unless it was `delivered`."""
        with self._lock:
            self._add(order)
            if order.status != RUNNING or delivered is not None:
                order.delivered_tiles.update(tile.acquisition_id for tile in order.tiles)
                order.delivery.set_result(delivered or order.created)
            else:
                self._start(order)

    def poll(self, order_id: str) -> dict[str, Any]:
        """Count a status call and return the order's status; raises a 404 for an unknown order."""
        with self._lock:
            order = self.find(order_id)
            order.status_calls += 1
            is_last_call = self._status_calls is not None and order.status_calls >= self._status_calls
            if self._status_calls is not None:
                self._changed(order)
        if is_last_call:
            # The Nth call reports the end even if delivery is slow, so only this call waits for it.
            wait([order.delivery])
        with self._lock:
            self._advance(order)
            return self.describe(order)

    def __contains__(self, order_id: str) -> bool:
        """Return whether there is an order of this ID."""
        with self._lock:
            return order_id in self._orders

    def describe(self, order: Order) -> dict[str, Any]:
        """Return the body of `GET /order/status/{id}` without counting a status call."""
        return order.describe(self._elapsed_share(order))

    def end(self, order_id: str, status: str, message: str | None = None) -> None:
        """End an order now; raises a 404 for an unknown order."""
        with self._lock:
            self._finish(self.find(order_id), status, message)

    def all(self) -> list[Order]:
        """Return every order with its current status, oldest first."""
        with self._lock:
            for order in list(self._running.values()):
                self._advance(order)
            return list(self._orders.values())

    def wait(self) -> None:
        """Wait until no delivery is queued or running."""
        wait([order.delivery for order in self.all()])

    def find(self, order_id: str) -> Order:
        """Return an order; raises a 404 for an unknown order."""
        with self._lock:
            if order_id not in self._orders:
                raise not_found(f"Unknown order {order_id}")
            return self._orders[order_id]

    def _new_id(self) -> str:
        while True:
            order_id = str(self._random.randrange(10**18, 9 * 10**18))
            if order_id not in self._orders:
                return order_id

    def _add(self, order: Order) -> None:
        self._orders[order.id] = order
        if order.status == RUNNING:
            self._running[order.id] = order

    def _start(self, order: Order) -> None:
        if order.planned_outcome is None:
            order.delivery = self._deliver(order)
            order.delivery.add_done_callback(lambda _: self._delivered(order))
        else:
            order.delivery.set_result(order.created)

    def _delivered(self, order: Order) -> None:
        # Under the lock, so an older state is never saved after a newer one.
        with self._lock:
            self._changed(order)

    def _advance(self, order: Order) -> None:
        if order.status != RUNNING or not order.delivery.done() or order.delivery.cancelled():
            return
        error = order.delivery.exception()
        if error is not None:
            self._finish(order, FAILED, f"Delivery failed: {format_error(error)}")
        elif self._elapsed_share(order) >= 1:
            end = self._end_time(order)
            outcome = self._sas_expiry(order, end) or order.planned_outcome or PlannedOutcome(SUCCEEDED)
            if outcome.status is not None:
                self._finish(order, outcome.status, outcome.message, end)

    def _elapsed_share(self, order: Order) -> float:
        if self._status_calls is not None:
            return min(1.0, order.status_calls / self._status_calls)
        elapsed = (self._clock.now() - order.created).total_seconds()
        return min(1.0, max(0.0, elapsed / self._duration)) if self._duration > 0 else 1.0

    def _end_time(self, order: Order) -> datetime:
        """Return the end time of a due order, which may lie before this call."""
        now = self._clock.now()
        if self._status_calls is not None:
            return now
        due = order.created + timedelta(seconds=self._duration)
        # Delivery takes real time; after the clock was set back, its end may lie in the future.
        return min(now, max(due, order.delivery.result()))

    def _sas_expiry(self, order: Order, end: datetime) -> PlannedOutcome | None:
        destination = order.validated.destination
        expires_at = expiry(destination.secret) if destination.platform == AZURE and destination.secret else None
        if expires_at is None or expires_at > end:
            return None
        return PlannedOutcome(FAILED, f"Delivery failed: the SAS URL expired at {expires_at.isoformat()}")

    def _finish(self, order: Order, status: str, message: str | None, when: datetime | None = None) -> None:
        order.status = status
        order.status_message = message
        order.finished = when or self._clock.now()
        self._running.pop(order.id, None)
        self._changed(order)
