"""The most that an order may cost or cover."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_ard.api.orders.acquisitions import Acquisition
    from airflow_provider_ard.api.orders.status import Usage

# The most that a tile covers: a cell of 5,000 m and an apron of 156.25 m around it, in UTM metres, which are 0.9996 of
# a metre in the middle of a zone. The greatest of 2,452 real tiles has 28.2452 km².
TILE_SQKM = (5.3125 / 0.9996) ** 2
# What an API may add by rounding, and by reckoning on another body than the WGS84 ellipsoid.
ROUNDING = 1.01
UNLIMITED = -1


def read_limit(value: object, argument: str) -> float:
    """Return a limit from a number or the text of one; `ArdRequestError` for anything else.

    A template that has rendered to nothing is no limit that anybody has chosen: it must not buy without one.
    """
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        raise ArdRequestError(
            f"came to {value!r}, which is no limit. To order without one, leave it out", argument=argument
        )
    try:
        limit = float("nan") if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        limit = float("nan")
    if not limit >= 0:
        shown = repr(value) if isinstance(value, int | float | str) else f"a {type(value).__name__}"
        raise ArdRequestError(f"wanted a number of at least 0, got {shown}", argument=argument)
    return limit


def check_budget(usage: Usage, max_cost: float | None, max_area_sqkm: float | None) -> None:
    """Raise `ArdBudgetExceeded` if an order's estimate is over a limit, or unknown where a limit is set.

    `max_cost` is in the account's currency, `max_area_sqkm` in km². Imagery without a price is over any limit.
    """
    for name, limit, written in (("max_cost", max_cost, cost_text), ("max_area_sqkm", max_area_sqkm, area_text)):
        if limit is None:
            continue
        estimate = _number(usage.total_cost if name == "max_cost" else usage.area_sqkm)
        if estimate is None or not _is_priced(usage):
            lacks = "the API gave no estimate" if _is_priced(usage) else "the account has no price for this imagery"
            message = f"{name} is {written(limit)}, but {lacks}{_balance_text(usage)}; nothing was bought"
            raise _exceeded(message, usage, estimate, limit)
        if _is_over(estimate, limit):
            over = f"{written(estimate)}, over {name} of {written(limit)}"
            message = f"the order is estimated at {over}{_balance_text(usage)}; nothing was bought"
            raise _exceeded(message, usage, estimate, limit)


def check_cells(usage: Usage, acquisitions: Sequence[Acquisition]) -> None:
    """Raise `ArdBudgetExceeded` if an estimate is more than all the cells asked for can come to.

    It means that the API ignored the cells and prices whole acquisitions. Nothing is said of an order in which any
    acquisition is wanted whole.
    """
    cells = sum(len(cells) for _, cells in acquisitions)
    estimate = _number(usage.area_sqkm)
    if not cells or estimate is None or not all(cells for _, cells in acquisitions):
        return
    limit = cells * TILE_SQKM
    if estimate > limit * ROUNDING:
        raise _exceeded(
            f"the order is for {cells} cells, {area_text(limit)} at most, but the API comes to {area_text(estimate)}: "
            f"it has ignored the cells. Does its filter have another name (the connection's extra cells_key)?"
            f"{_balance_text(usage)}",
            usage,
            estimate,
            limit,
        )


def cost_text(cost: float) -> str:
    """Return a cost to the cent."""
    return f"{cost:,.2f}"


def area_text(area_sqkm: float) -> str:
    """Return an area, km², to a thousand square metres."""
    return f"{area_sqkm:,.3f} km²"


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]


def _is_over(estimate: float, limit: float) -> bool:
    # A limit that was computed, such as 0.3 * 3, may be a hair's breadth below the amount that it means.
    return estimate > limit and not math.isclose(estimate, limit, rel_tol=1e-12)


def _is_priced(usage: Usage) -> bool:
    """Tell whether the order as a whole, and each class of imagery that it has, has a price."""
    costs = {name: cost for name, cost in usage.cost.items() if name != "total_imagery_cost"}
    unpriced = [name for name, cost in costs.items() if cost is None]
    return usage.total_cost is not None and not any(usage.area.get(f"{name[:-5]}_sqkm") for name in unpriced)


def _balance(usage: Usage) -> float | None:
    return _number((usage.available or {}).get("total_imagery_balance"))


def _balance_text(usage: Usage) -> str:
    balance = _balance(usage)
    if balance is None:
        return ""
    return "; the account has no limit" if balance == UNLIMITED else f"; the account's balance is {cost_text(balance)}"


def _exceeded(message: str, usage: Usage, estimate: float | None, limit: float) -> ArdBudgetExceeded:
    return ArdBudgetExceeded(message, estimate=estimate, limit=limit, balance=_balance(usage))
