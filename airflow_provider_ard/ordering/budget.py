"""Limits of the cost and area of an order, checked against the API's estimate before it is placed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_ard.api.account import UNLIMITED
from airflow_provider_ard.api.arguments import parse_limit
from airflow_provider_ard.api.errors import ArdBudgetExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import Usage

# The largest area of a tile: a cell of 5,000 m with a margin of 156.25 m, in UTM meters, which are 0.9996 m in the
# middle of a zone. The largest of 2,452 real tiles has 28.2452 km².
TILE_SQKM = (5.3125 / 0.9996) ** 2
# Tolerance for rounding, and for areas computed on another ellipsoid than WGS84.
ROUNDING = 1.01


@dataclass(frozen=True)
class BudgetLimits:
    """The maximum cost and area of an order: `max_cost` in the account's currency, `max_area_sqkm` in km².

        BudgetLimits.parse(max_cost="1000").check(client.dry_run(request), request)

    None is no limit. Imagery without a price exceeds every limit.
    """

    max_cost: float | None = None
    max_area_sqkm: float | None = None

    @classmethod
    def parse(cls, **limits: object) -> BudgetLimits:
        """Return the limits from numbers or numeric strings. Raises `ArdRequestError` for anything else, also None."""
        return cls(**{name: parse_limit(value, name) for name, value in limits.items()})

    def __bool__(self) -> bool:
        return self.max_cost is not None or self.max_area_sqkm is not None

    def check(self, usage: Usage, request: OrderRequest) -> None:
        """Raise `ArdBudgetExceeded` if an estimate exceeds a limit or the requested cells, or is unknown."""
        check_requested_cells(usage, request)
        self._check("max_cost", self.max_cost, usage.total_cost, format_cost, usage)
        self._check("max_area_sqkm", self.max_area_sqkm, usage.area_sqkm, format_area, usage)

    @staticmethod
    def _check(
        name: str, limit: float | None, value: float | None, format_value: Callable[[float], str], usage: Usage
    ) -> None:
        if limit is None:
            return
        estimate = read_estimate(value)
        if estimate is None or not is_priced(usage):
            reason = "the API returned no estimate" if is_priced(usage) else "the account has no price for this imagery"
            message = f"{name}: {reason}, the limit is {format_value(limit)}{_balance_text(usage)}; nothing was bought"
            raise _exceeded(message, usage, estimate, limit)
        # A computed limit such as 0.3 * 3 may be slightly below the intended amount.
        if estimate > limit and not math.isclose(estimate, limit, rel_tol=1e-12):
            message = (
                f"{name}: the estimate of {format_value(estimate)} exceeds the limit of {format_value(limit)}"
                f"{_balance_text(usage)}; nothing was bought"
            )
            raise _exceeded(message, usage, estimate, limit)


def check_requested_cells(usage: Usage, request: OrderRequest) -> None:
    """Raise `ArdBudgetExceeded` if an estimate is larger than all requested cells can be.

    The API has then ignored the cells and estimates complete acquisitions. Orders of complete acquisitions are not
    checked.
    """
    cells = sum(len(cells) for _, cells in request.acquisitions)
    estimate = read_estimate(usage.area_sqkm)
    if not cells or estimate is None or not all(cells for _, cells in request.acquisitions):
        return
    limit = cells * TILE_SQKM
    if estimate > limit * ROUNDING:
        message = (
            f"acquisitions: the API's estimate of {format_area(estimate)} exceeds the {cells} cells of the order, "
            f"{format_area(limit)} at most: the API ignored the cells; check the Connection's extra cells_key"
            f"{_balance_text(usage)}"
        )
        raise _exceeded(message, usage, estimate, limit)


def format_cost(cost: float) -> str:
    """Return a cost with two decimals."""
    return f"{cost:,.2f}"


def format_area(area_sqkm: float) -> str:
    """Return an area in km² with three decimals."""
    return f"{area_sqkm:,.3f} km²"


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]


def read_estimate(value: object) -> float | None:
    """Return an estimate. A negative one is unknown: elsewhere in this API, -1 means no limit."""
    estimate = _number(value)
    return estimate if estimate is not None and estimate >= 0 else None


def is_priced(usage: Usage) -> bool:
    """Return whether the order in total, and each class of imagery in it, has a price."""
    costs = {name: cost for name, cost in usage.cost.items() if name != "total_imagery_cost"}
    unpriced = [name for name, cost in costs.items() if cost is None]
    return usage.total_cost is not None and not any(usage.area.get(f"{name[:-5]}_sqkm") for name in unpriced)


def read_balance(usage: Usage) -> float | None:
    """Return the account's balance, `UNLIMITED` without a limit, None if it is unknown."""
    return _number((usage.available or {}).get("total_imagery_balance"))


def format_balance(usage: Usage) -> str:
    """Return the account's balance as text."""
    balance = read_balance(usage)
    if balance is None:
        return "unknown"
    return "no limit" if balance == UNLIMITED else format_cost(balance)


def _balance_text(usage: Usage) -> str:
    balance = read_balance(usage)
    if balance is None:
        return ""
    return (
        "; the account has no limit" if balance == UNLIMITED else f"; the account's balance is {format_cost(balance)}"
    )


def _exceeded(message: str, usage: Usage, estimate: float | None, limit: float) -> ArdBudgetExceeded:
    return ArdBudgetExceeded(message, estimate=estimate, limit=limit, balance=read_balance(usage))
