"""Whether an order fits into a budget, with all that is counted against it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdUnavailableError
from airflow_provider_ard.ordering.budget import format_area, format_cost
from airflow_provider_ard.ordering.spending import Charge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_ard.api.budgets import Budget
    from airflow_provider_ard.ordering.reservations import Reservation
    from airflow_provider_ard.ordering.spending import OrderHistory, ScopeTags, Spending


@dataclass(frozen=True)
class BudgetLimit:
    """One limit of a budget. `unit`: `cost` or `area_sqkm`. `tags`: those that the orders of its scope share."""

    budget: Budget
    unit: str
    limit: float
    tags: ScopeTags

    def is_exceeded(self, amount: float) -> bool:
        """Return whether an amount exceeds the limit. The sum of several costs may differ by rounding."""
        return amount > self.limit and not math.isclose(amount, self.limit, rel_tol=1e-9)

    def includes(self, reservation: Reservation) -> bool:
        """Return whether a reservation counts. One whose tags are unknown does."""
        return all(reservation.tags.get(tag, value) == value for tag, value in self.tags.items())


@dataclass(frozen=True)
class Shortfall:
    """Why an order does not fit. `error`: None if only reservations of orders that are being placed prevent it."""

    error: ArdBudgetExceeded | None


def find_shortfall(
    history: OrderHistory, limit: BudgetLimit, requested: float, unlisted: Sequence[Reservation], now: datetime
) -> Shortfall | None:
    """Return why an order does not fit, None if it does.

    `unlisted`: reservations of other orders that the history does not contain. Raises `ArdUnavailableError` if an order
    matters whose amount or tags cannot be read. What would not change the result is not requested.
    """
    confirmed, pending = _charges_of_reservations(limit, unlisted, now)
    spending = history.spending(limit.budget, limit.unit, limit.tags, now)
    is_certain = limit.is_exceeded(_total([*spending.spent, *spending.reserved, *confirmed]) + requested)
    additional = requested + _total(confirmed) + _total(pending)
    if not is_certain and _is_undecided(limit, spending, additional):
        history.confirm([*spending.unreadable, *spending.uncertain])
        spending = history.spending(limit.budget, limit.unit, limit.tags, now)
    counted = [*spending.spent, *spending.reserved, *confirmed]
    if limit.is_exceeded(_total(counted) + requested):
        return Shortfall(_exceeded(limit, spending, confirmed, requested, now))
    if _is_undecided(limit, spending, additional):
        order_id = next(iter((*spending.unreadable, *spending.uncertain)))
        missing = "usage" if spending.unreadable else "metadata"
        raise ArdUnavailableError(
            f"the API returns order {order_id} without {missing}; cannot determine how it counts against the "
            f"{limit.budget.argument}, so nothing was bought",
            order_id=order_id,
        )
    return Shortfall(None) if limit.is_exceeded(_total(counted) + _total(pending) + requested) else None


def _is_undecided(limit: BudgetLimit, spending: Spending, additional: float) -> bool:
    """Return whether the result depends on an order that may not count, or whose amount cannot be read.

    `additional`: what is counted beside the orders of the list.
    """
    counted = _total(spending.spent) + _total(spending.reserved)
    return bool(spending.unreadable) or (
        bool(spending.uncertain) and limit.is_exceeded(additional + counted + _total(spending.uncertain.values()))
    )


def _charges_of_reservations(
    limit: BudgetLimit, reservations: Sequence[Reservation], now: datetime
) -> tuple[list[Charge], list[Charge]]:
    """Return the charges of orders that exist, and of those that are being placed."""
    confirmed: list[Charge] = []
    pending: list[Charge] = []
    start = limit.budget.window_start(now)
    for reservation in reservations:
        reserved_at = datetime.fromtimestamp(reservation.reserved_at, UTC)
        if not limit.includes(reservation) or reserved_at < start:
            continue
        amount = reservation.amount(limit.unit)
        if amount is None:
            raise ArdUnavailableError(
                f"the amount of order {reservation.order_id}, which is not in the order list yet, is unknown; nothing "
                "was bought",
                order_id=reservation.order_id,
            )
        (pending if reservation.order_id is None else confirmed).append(Charge(amount, reserved_at))
    return confirmed, pending


def _total(charges: Iterable[Charge]) -> float:
    return math.fsum(charge.amount for charge in charges)


def _exceeded(
    limit: BudgetLimit, spending: Spending, confirmed: list[Charge], requested: float, now: datetime
) -> ArdBudgetExceeded:
    budget, format_amount = limit.budget, format_cost if limit.unit == "cost" else format_area
    spent, reserved = _total(spending.spent), _total(spending.reserved) + _total(confirmed)
    resets_at = _resets_at(limit, [*spending.spent, *spending.reserved, *confirmed], requested, now)
    when = "the order alone exceeds it" if resets_at is None else f"it has room at {resets_at:%Y-%m-%d %H:%M} UTC"
    return ArdBudgetExceeded(
        f"{budget.argument}: {format_amount(requested)} would exceed {format_amount(limit.limit)} per {budget.per} for "
        f"{_scope_text(limit)} ({format_amount(spent)} spent, {format_amount(reserved)} reserved by running orders); "
        f"{when}; nothing was bought",
        estimate=requested,
        limit=limit.limit,
        budget=budget.to_dict(),
        spent=spent,
        reserved=reserved,
        requested=requested,
        resets_at=resets_at,
    )


def _scope_text(limit: BudgetLimit) -> str:
    if limit.budget.tag is not None:
        return f"orders with {limit.budget.tag} {safe_repr(limit.tags[limit.budget.tag])}"
    return "this DAG" if limit.budget.scope == "dag" else "the account"


def _resets_at(limit: BudgetLimit, charges: list[Charge], requested: float, now: datetime) -> datetime | None:
    """Return when the order fits if nothing else is ordered, None if it never does."""
    if limit.is_exceeded(requested):
        return None
    window = limit.budget.rolling_window
    if window is None:
        return limit.budget.window_end(now)
    remaining = _total(charges)
    for charge in sorted(charges, key=lambda charge: charge.placed_at or now):
        remaining -= charge.amount
        if not limit.is_exceeded(remaining + requested):
            return (charge.placed_at or now) + window
    return now + window
