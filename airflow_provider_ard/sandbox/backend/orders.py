"""Orders and their lives: RUNNING until due and delivered, then SUCCEEDED, or FAILED with a format_error."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.rendering.storage import format_error
from airflow_provider_ard.sandbox.validation.errors import not_found
from airflow_provider_ard.sandbox.validation.orders import ValidatedOrder
from airflow_provider_ard.sandbox.validation.output_config import AZURE, expiry

RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"


@dataclass(frozen=True)
class PlannedOutcome:
    """What will become of an order instead of success; `status` None means that it never ends."""

    status: str | None
    message: str | None = None


@dataclass(eq=False)
class Order:
    """One accepted order. `request` is what was asked, without its secrets; times are by the sandbox's clock.

    `number` counts orders from 0. `arrived` counts the tiles delivered, by acquisition.
    `announced`: its end has been told to whom it should be.
    """

    id: str
    user_id: str
    checked: ValidatedOrder
    created: datetime
    usage: dict[str, Any]
    number: int = 0
    status: str = RUNNING
    status_message: str | None = None
    finished: datetime | None = None
    planned_outcome: PlannedOutcome | None = None
    status_calls: int = 0
    announced: bool = False
    arrived: Counter[str] = field(default_factory=Counter)
    delivery: "Future[datetime]" = field(default_factory=Future)

    @property
    def tiles(self) -> list[Tile]:
        """The tiles that the order delivers."""
        return self.checked.tiles

    @property
    def request(self) -> dict[str, Any]:
        """The request as it came, without its secrets."""
        return self.checked.request

    def describe(self, share: float) -> dict[str, Any]:
        """Return the body of `GET /order/status/{id}`; `share` (0 to 1) is how much of its time has passed."""
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

    def deliver(self, tile: Tile) -> None:
        """Count a tile as delivered."""
        self.arrived[tile.acquisition_id] += 1

    def _progress(self, share: float) -> dict[str, Any]:
        """Return how far each acquisition is: they come one after the other, each cell by cell."""
        total = Counter(tile.acquisition_id for tile in self.checked.tiles)
        due = int(share * len(self.checked.tiles) + 1e-9)
        entries = []
        for acquisition_id, cells in total.items():
            done = cells if self.status == SUCCEEDED else min(cells, self.arrived[acquisition_id], max(0, due))
            due -= cells
            status = SUCCEEDED if done == cells else self.status
            entries.append({"id": acquisition_id, "status": status, "cells": cells, "cells_delivered": done})
        return {"acquisitions": entries}


class OrderService:
    """All orders, oldest first inside.

    `duration` (s) is the least time an order runs; with `status_calls` it is instead the number of status
    calls, the last of which tells of its end. `deliver` writes an order's tiles off the event loop, and results
    in the time when it was done. `changed` is called with an order that is new or has changed.
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
        checked: ValidatedOrder,
        user_id: str,
        usage: dict[str, Any],
        planned_outcome: PlannedOutcome | None = None,
    ) -> Order:
        """Accept an order and start on its delivery."""
        with self._lock:
            order = Order(self._new_id(), user_id, checked, self._clock.now(), usage, planned_outcome=planned_outcome)
            self._add(order)
            # Written down before its delivery, which may be over at once.
            self._changed(order)
            self._start(order)
        return order

    def restore(self, order: Order, delivered: datetime | None) -> None:
        """Take an order over from an earlier life; one that was not `delivered` then is delivered again."""
        with self._lock:
            self._add(order)
            if order.status != RUNNING or delivered is not None:
                order.arrived.update(tile.acquisition_id for tile in order.tiles)
                order.delivery.set_result(delivered or order.created)
            else:
                self._start(order)

    def poll(self, order_id: str) -> dict[str, Any]:
        """Return an order's status and count the call; raises a 404 for an unknown order."""
        with self._lock:
            order = self.find(order_id)
            order.status_calls += 1
            last = self._status_calls is not None and order.status_calls >= self._status_calls
            if self._status_calls is not None:
                self._changed(order)
        if last:
            # The Nth call must tell the end, however slow the disk; waiting is right here and only here.
            wait([order.delivery])
        with self._lock:
            self._advance(order)
            return self.describe(order)

    def describe(self, order: Order) -> dict[str, Any]:
        """Return what `GET /order/status/{id}` tells of an order, without counting as a call."""
        return order.describe(self._share(order))

    def end(self, order_id: str, status: str, message: str | None = None) -> None:
        """Finish an order here and now; raises a 404 for an unknown order."""
        with self._lock:
            self._finish(self.find(order_id), status, message)

    def all(self) -> list[Order]:
        """Return every order, oldest first, each brought up to date."""
        with self._lock:
            for order in list(self._running.values()):
                self._advance(order)
            return list(self._orders.values())

    def wait(self) -> None:
        """Wait until nothing is being delivered any more."""
        wait([order.delivery for order in self.all()])

    def find(self, order_id: str) -> Order:
        """Return an order; raises a 404 for an unknown one."""
        with self._lock:
            if order_id not in self._orders:
                raise not_found(f"There is no order {order_id}")
            return self._orders[order_id]

    def _new_id(self) -> str:
        while True:
            order_id = str(self._random.randrange(10**18, 9 * 10**18))
            if order_id not in self._orders:
                return order_id

    def _add(self, order: Order) -> None:
        order.number = len(self._orders)
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
        # Not beside another change: the older of two must not be written down last.
        with self._lock:
            self._changed(order)

    def _advance(self, order: Order) -> None:
        if order.status != RUNNING or not order.delivery.done() or order.delivery.cancelled():
            return
        error = order.delivery.exception()
        if error is not None:
            self._finish(order, FAILED, f"Delivery failed: {format_error(error)}")
        elif self._share(order) >= 1:
            end = self._end(order)
            planned_outcome = self._expired(order, end) or order.planned_outcome or PlannedOutcome(SUCCEEDED)
            if planned_outcome.status is not None:
                self._finish(order, planned_outcome.status, planned_outcome.message, end)

    def _share(self, order: Order) -> float:
        if self._status_calls is not None:
            return min(1.0, order.status_calls / self._status_calls)
        passed = (self._clock.now() - order.created).total_seconds()
        return min(1.0, max(0.0, passed / self._duration)) if self._duration > 0 else 1.0

    def _end(self, order: Order) -> datetime:
        """Return when an order that is due ended, which may be some time before anybody asked."""
        now = self._clock.now()
        if self._status_calls is not None:
            return now
        due = order.created + timedelta(seconds=self._duration)
        # Tiles are written in real time; on a clock that was set meanwhile their end may lie in its future.
        return min(now, max(due, order.delivery.result()))

    def _expired(self, order: Order, end: datetime) -> PlannedOutcome | None:
        destination = order.checked.destination
        until = expiry(destination.secret) if destination.platform == AZURE and destination.secret else None
        if until is None or until > end:
            return None
        return PlannedOutcome(FAILED, f"Delivery failed: the SAS URL expired at {until.isoformat()}")

    def _finish(self, order: Order, status: str, message: str | None, when: datetime | None = None) -> None:
        order.status = status
        order.status_message = message
        order.finished = when or self._clock.now()
        self._running.pop(order.id, None)
        self._changed(order)
