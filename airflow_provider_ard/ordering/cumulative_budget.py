"""Budgets of all orders in a period: checked, and reserved, before an order is placed.

The API has neither a lock nor a reservation, and no order can be canceled. So each task instance first stores a
reservation that the others see, then reads the others' reservations and the list of orders, and orders only if all
together fit. Of two concurrent task instances, at least one sees the other.
"""

from __future__ import annotations

import logging
import random
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_ard.api.budgets import UNITS
from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdError, ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.api.http.time_limit import time_limit
from airflow_provider_ard.ordering.budget import is_priced, read_estimate
from airflow_provider_ard.ordering.existing_orders import CLOCK_MARGIN
from airflow_provider_ard.ordering.reservations import NullReservationStore, Reservation
from airflow_provider_ard.ordering.shortfall import BudgetLimit, find_shortfall
from airflow_provider_ard.ordering.spending import OrderHistory, placed_at_of, read_amount, scope_tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_ard.api.budgets import Budget
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus, Usage
    from airflow_provider_ard.ordering.order_key import OrderKey
    from airflow_provider_ard.ordering.reservations import ReservationStore
    from airflow_provider_ard.ordering.shortfall import Shortfall

log = logging.getLogger(__name__)

# How long to wait for concurrent task instances to place their orders, or to release their reservations.
RESERVATION_WINDOW_S = 60.0
# A reservation without an order counts for this long: its process may have died before or after the purchase.
UNCONFIRMED_RESERVATION_S = 3600.0
# How long to wait until the list of orders shows a new order, and how old an order may be to be waited for.
LISTING_WINDOW_S = 30.0
# How long it may take to read the list once.
LISTING_TIMEOUT_S = 30.0
NEW_ORDER = timedelta(minutes=10)


class BudgetGuard:
    """Checks the budgets of one order and reserves its amounts, from before the purchase until the list shows it.

        guard = BudgetGuard(client, (Budget(cost=5000.0, per="month"),), key, request)
        guard.reserve(placement.price())
        with guard.released_on_failure():
            order = placement.submit()
        guard.confirm(order)
        guard.wait_until_listed(order)

    Without budgets, it does nothing. `reservations`: shared with concurrent orders. Raises `ArdRequestError` if the
    request lacks the tag of a budget's scope.
    """

    def __init__(
        self,
        client: ArdClient,
        budgets: Sequence[Budget],
        key: OrderKey,
        request: OrderRequest,
        reservations: ReservationStore | None = None,
    ) -> None:
        self._client = client
        self._key = key
        self._reservations = reservations or NullReservationStore()
        self._limits = [
            BudgetLimit(budget, unit, limit, scope_tags(budget, key, request.metadata))
            for budget in budgets
            for unit in UNITS
            if (limit := budget.limit(unit)) is not None
        ]
        self._tags = {tag: value for limit in self._limits for tag, value in limit.tags.items()}
        self._own: Reservation | None = None

    def __bool__(self) -> bool:
        return bool(self._limits)

    def reserve(self, usage: Usage) -> None:
        """Reserve the amounts of an order. `usage`: its estimate.

        Raises `ArdBudgetExceeded` if the order does not fit, and `ArdUnavailableError` if that cannot be determined, or
        as long as concurrent orders have reserved what is left. Nothing remains reserved then.
        """
        if not self:
            return
        self._check_amounts(usage)
        cost, area_sqkm = read_estimate(usage.total_cost), read_estimate(usage.area_sqkm)
        try:
            self._reserve(Reservation(self._key.digest, time.time(), cost, area_sqkm, tags=self._tags))
        except ArdError:
            self._reservations.release()
            raise

    @contextmanager
    def released_on_failure(self) -> Iterator[None]:
        """Release the reservation if the order of this block was not placed. One in doubt remains reserved."""
        try:
            yield
        except ArdOrderInDoubtError:
            raise
        except ArdError:
            if self:
                self._reservations.release()
            raise

    def confirm(self, order: OrderStatus) -> None:
        """Record that the order exists; for an order of an earlier try, reserve it again. A failure is only logged."""
        if not self._is_new(order):
            return
        try:
            own = self._own or self._reservation_of(order)
            self._reservations.save(replace(own, order_id=order.id))
        except Exception:
            log.warning("Order %s was placed, but storing its reservation failed", order.id, exc_info=True)

    def wait_until_listed(self, order: OrderStatus) -> None:
        """Wait until the list of orders shows a new order: the next task counts it. A failure is only logged."""
        if not self._is_new(order):
            return
        deadline, pause = time.monotonic() + LISTING_WINDOW_S, 0.5
        while not self._is_listed(order.id):
            if time.monotonic() >= deadline:
                log.warning(
                    "Order %s is not in the list of orders yet; until it is, other DAG runs do not count it", order.id
                )
                return
            time.sleep(pause)
            pause = min(2 * pause, 5.0)

    def _is_new(self, order: OrderStatus) -> bool:
        """Return whether there are budgets and the list of orders may not show the order yet."""
        placed_at = placed_at_of(order)
        is_recent = placed_at is not None and _now() - placed_at <= NEW_ORDER
        return bool(self) and (self._own is not None or is_recent)

    def _is_listed(self, order_id: str) -> bool:
        client = self._client.single_attempt()
        try:
            pages = client.search_orders(start_date=f"{_now() - CLOCK_MARGIN:%Y-%m-%d}")
            with time_limit(LISTING_TIMEOUT_S):
                return any(order.id == order_id for page in pages for order in page)
        except ArdError as error:
            log.debug("Order %s: reading the list of orders failed: %s", order_id, error)
            return False

    def _reservation_of(self, order: OrderStatus) -> Reservation:
        reserved_at = (placed_at_of(order) or _now()).timestamp()
        cost, area_sqkm = (read_amount(order, unit) for unit in UNITS)
        return Reservation(self._key.digest, reserved_at, cost, area_sqkm, tags=self._tags)

    def _check_amounts(self, usage: Usage) -> None:
        amounts = {"cost": read_estimate(usage.total_cost), "area_sqkm": read_estimate(usage.area_sqkm)}
        for limit in self._limits:
            if amounts[limit.unit] is None or not is_priced(usage):
                reason = "returned no estimate" if is_priced(usage) else "has no price for this imagery"
                raise ArdBudgetExceeded(
                    f"{limit.budget.argument}: the API {reason}, so the order cannot be counted; nothing was bought",
                    limit=limit.limit,
                    budget=limit.budget.to_dict(),
                )

    def _reserve(self, own: Reservation) -> None:
        """Store a reservation, and return once it fits beside the others.

        If concurrent reservations prevent that, the one with the lowest key remains; the others are released, and
        stored again when they may fit.
        """
        deadline, is_stored = time.monotonic() + RESERVATION_WINDOW_S, True
        self._reservations.save(own)
        while True:
            # Before the list, which shows what was ordered in between.
            others = self._others()
            shortfall = self._shortfall(own, others)
            if shortfall is None and is_stored:
                self._own = own
                return
            if shortfall is None:
                own, is_stored = replace(own, reserved_at=time.time()), True
                self._reservations.save(own)
                continue
            if shortfall.error is not None:
                raise shortfall.error
            if time.monotonic() >= deadline:
                raise ArdUnavailableError(
                    "other task instances have reserved what is left of the budget and have not placed their orders "
                    "yet; nothing was bought, a retry checks again"
                )
            if is_stored and any(other.order_id is None and other.key < own.key for other in others):
                self._reservations.release()
                is_stored = False
            time.sleep(random.uniform(0.2, 1.0))  # noqa: S311 -- jitter

    def _others(self) -> list[Reservation]:
        """Return the reservations of other task instances that are orders, or may become one."""
        earliest = time.time() - UNCONFIRMED_RESERVATION_S
        return [
            other
            for other in self._reservations.load_all()
            if other.key != self._key.digest and (other.order_id is not None or other.reserved_at >= earliest)
        ]

    def _shortfall(self, own: Reservation, others: list[Reservation]) -> Shortfall | None:
        """Return why the order does not fit into one of the budgets, None if it fits into all of them."""
        now = _now()
        history = OrderHistory(self._client, min(limit.budget.window_start(now) for limit in self._limits))
        unlisted = [other for other in others if not history.contains(other)]
        shortfalls = [
            find_shortfall(history, limit, own.amount(limit.unit) or 0.0, unlisted, now) for limit in self._limits
        ]
        certain = [shortfall for shortfall in shortfalls if shortfall is not None and shortfall.error is not None]
        return next((shortfall for shortfall in (*certain, *shortfalls) if shortfall is not None), None)


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
