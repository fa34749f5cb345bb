"""Prices, spending limits and charges of the account."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from airflow_provider_ard.sandbox.backend import pricing
from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.pricing import CLASSES, UNLIMITED, describe

ANNUAL = "annual"


@dataclass(frozen=True)
class Charge:
    """The charge of one order: km² and cost in each age class."""

    order_id: str
    user_id: str
    when: datetime
    area: dict[str, float]
    cost: dict[str, float]


class Billing:
    """The account's prices, limits and charges.

    `prices` are per km²; None for a class that cannot be ordered. `limits` are the maximum cost per calendar year,
    by class and, as `annual`, of all classes together; no limit where missing. `today` returns the date from which
    the age of imagery is computed. Raises ValueError for a limit of an unknown name.
    """

    def __init__(
        self,
        prices: Mapping[str, float | None],
        limits: Mapping[str, float],
        today: Callable[[], date],
        clock: Clock,
    ) -> None:
        unknown = sorted(set(limits) - {*CLASSES, ANNUAL})
        if unknown:
            raise ValueError(f"limits: expected {', '.join(CLASSES)} or {ANNUAL}, got {', '.join(unknown)}")
        self.prices = prices
        self._limits = {name: limits.get(name, UNLIMITED) for name in (*CLASSES, ANNUAL)}
        self.today = today
        self._clock = clock
        self._charges: dict[str, Charge] = {}
        self._lock = threading.Lock()

    def age_class(self, tile: Tile) -> str:
        """Return the age class of a tile's imagery."""
        return pricing.age_class(tile.acquired_at.date(), self.today())

    def estimate(self, tiles: Iterable[Tile]) -> dict[str, Any]:
        """Return the `usage` block of an order before it is placed.

        Complete tiles are delivered, even where the AOI only touches one, so the billed area is the sum of their
        data footprints in km². A class with area but no price makes its cost, and the total, null.
        """
        area = dict.fromkeys(CLASSES, 0.0)
        for tile in tiles:
            area[self.age_class(tile)] += tile.area_sqkm
        cost: dict[str, float | None] = {}
        for name in CLASSES:
            price = self.prices.get(name)
            cost[name] = None if price is None else round(area[name] * price, 2)
        return self._describe(area, cost, estimate=True)

    def limit_problem(self, usage: Mapping[str, Any]) -> str | None:
        """Return why the account cannot place an order, which has no price or exceeds a limit; None if it can."""
        cost = usage["cost"]
        if cost["total_imagery_cost"] is None:
            return "The account has no price for imagery of this age class"
        for name, available in self.available().items():
            requested = cost["total_imagery_cost" if name == ANNUAL else f"{name}_imagery_cost"] or 0.0
            if available != UNLIMITED and requested > available:
                return _limit_exceeded(name, requested, available)
        return None

    def charge(self, order_id: str, user_id: str, when: datetime, usage: Mapping[str, Any]) -> None:
        """Charge an order."""
        area = {name: usage["area"][f"{name}_imagery_sqkm"] for name in CLASSES}
        cost = {name: usage["cost"][f"{name}_imagery_cost"] or 0.0 for name in CLASSES}
        with self._lock:
            self._charges[order_id] = Charge(order_id, user_id, when, area, cost)

    def refund(self, order_id: str) -> None:
        """Remove the charge of an order; failed orders cost nothing."""
        with self._lock:
            self._charges.pop(order_id, None)

    def available(self) -> dict[str, float]:
        """Return the balance of this year, by class and `annual`; -1 without a limit."""
        if all(limit == UNLIMITED for limit in self._limits.values()):
            return dict(self._limits)
        start = datetime(self._clock.now().year, 1, 1, tzinfo=UTC)
        _, spent = self._sums(start, None, None)
        spent[ANNUAL] = sum(spent.values())
        return {
            name: UNLIMITED if limit == UNLIMITED else round(max(0.0, limit - spent[name]), 2)
            for name, limit in self._limits.items()
        }

    def statement(self, start: datetime | None, end: datetime | None, user_id: str | None = None) -> dict[str, Any]:
        """Return the `usage` block of orders placed from `start` to `end` (exclusive), by one user or all."""
        area, cost = self._sums(start, end, user_id)
        costs = {name: None if self.prices.get(name) is None else round(cost[name], 2) for name in CLASSES}
        return self._describe(area, costs, estimate=False)

    def limits(self) -> dict[str, float]:
        """Return the limits in the form of the API."""
        fees = {f"{name}_imagery_fee_limit": self._limits[name] for name in CLASSES}
        return {**fees, "annual_subscription_fee_limit": self._limits[ANNUAL]}

    def _sums(
        self, start: datetime | None, end: datetime | None, user_id: str | None
    ) -> tuple[dict[str, float], dict[str, float]]:
        area, cost = dict.fromkeys(CLASSES, 0.0), dict.fromkeys(CLASSES, 0.0)
        with self._lock:
            charges = list(self._charges.values())
        for charge in charges:
            in_period = (start is None or charge.when >= start) and (end is None or charge.when < end)
            if in_period and user_id in (None, charge.user_id):
                for name in CLASSES:
                    area[name] += charge.area[name]
                    cost[name] += charge.cost[name]
        return area, cost

    def _describe(
        self, area: Mapping[str, float], cost: Mapping[str, float | None], *, estimate: bool
    ) -> dict[str, Any]:
        available_by_name = self.available()
        balances = {f"{name}_imagery_balance": available_by_name[name] for name in CLASSES}
        available = {**balances, "total_imagery_balance": available_by_name[ANNUAL]}
        return {**describe(area, cost, estimate=estimate), "limits": self.limits(), "available": available}


def _limit_exceeded(name: str, requested: float, available: float) -> str:
    limit = "annual subscription" if name == ANNUAL else f"{name} imagery"
    return f"The order's cost of {requested:g} exceeds the balance of the account's {limit} fee limit: {available:g}"
