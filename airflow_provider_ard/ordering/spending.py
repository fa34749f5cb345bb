"""What the orders of a period have cost, computed from the API's list of orders.

A sum that is too low leads to an order above the budget, so it requires a complete list in the documented format. An
order whose amount cannot be read is never counted as 0, and one that is listed as failed counts until its own status
confirms that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.http.storable import storable_text
from airflow_provider_ard.api.orders.status import State
from airflow_provider_ard.ordering.budget import is_priced, read_estimate
from airflow_provider_ard.ordering.existing_orders import CLOCK_MARGIN, MAX_ROWS, get_listed_order
from airflow_provider_ard.ordering.idempotency import KEY_TAG
from airflow_provider_ard.ordering.order_key import ESTIMATED_AREA, ESTIMATED_COST, SUBMITTED_AT
from airflow_provider_ard.ordering.tags import (
    MAX_EXACT_INTEGER,
    normalize_tag,
    submission_tag,
    tag_digest,
    tag_value,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from airflow_provider_ard.api.budgets import Budget
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.order_key import OrderKey
    from airflow_provider_ard.ordering.reservations import Reservation

# Maximum number of orders to request one by one, if the list shows neither their usage nor their metadata.
MAX_SINGLE_REQUESTS = 500
# The tags that all orders of a budget's scope have, None for a tag that none of them has.
ScopeTags = dict[str, str | None]


@dataclass(frozen=True)
class Charge:
    """The cost or area of one order. `placed_at`: None if unknown."""

    amount: float
    placed_at: datetime | None


@dataclass
class Spending:
    """The orders that count against a budget.

    `spent`: have succeeded. `reserved`: are running. `uncertain`: listed as failed or without metadata, so that they
    may not count. `unreadable`: IDs of orders whose amount cannot be read.
    """

    spent: list[Charge] = field(default_factory=list)
    reserved: list[Charge] = field(default_factory=list)
    uncertain: dict[str, Charge] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


class OrderHistory:
    """All orders of the account since a time, proven complete.

        history = OrderHistory(client, budget.window_start(now))
        spending = history.spending(budget, "cost", tags, now)

    Raises `ArdUnavailableError` if the list is no proof.
    """

    def __init__(self, client: ArdClient, since: datetime) -> None:
        self._client = client
        self._confirmed: set[str] = set()
        self.orders: dict[str, OrderStatus] = {}
        # Unfiltered, as an index may lag behind.
        for page in client.search_orders(start_date=f"{since - CLOCK_MARGIN:%Y-%m-%d}"):
            self.orders |= {order.id: order for order in page}
            if len(self.orders) > MAX_ROWS:
                raise ArdUnavailableError(
                    f"the account has more than {MAX_ROWS:,} orders since {since:%Y-%m-%d}, too many to add up for the "
                    "budget, so nothing was bought; use a shorter period"
                )
        self._states_with_metadata = {order.state for order in self.orders.values() if order.metadata}

    def confirm(self, order_ids: Collection[str]) -> None:
        """Replace rows of the list, which may be incomplete, by the orders' individual statuses."""
        if len(order_ids) > MAX_SINGLE_REQUESTS:
            raise ArdUnavailableError(
                f"the order list contains {len(order_ids)} orders that have failed or have no usage or metadata; "
                "cannot determine whether they count against the budget, so nothing was bought"
            )
        for order_id in order_ids:
            self.orders[order_id] = get_listed_order(self._client, order_id)
            self._confirmed.add(order_id)

    def contains(self, reservation: Reservation) -> bool:
        """Return whether an order is the one that a task instance has reserved."""
        if reservation.order_id is not None:
            return reservation.order_id in self.orders
        # Its process may have died after the purchase. The tag has whole seconds.
        since = datetime.fromtimestamp(reservation.reserved_at - 1, UTC)
        orders = (order for order in self.orders.values() if tag_digest(order, KEY_TAG) == reservation.key)
        return any(placed_at >= since for order in orders if (placed_at := placed_at_of(order)) is not None)

    def spending(self, budget: Budget, unit: str, tags: ScopeTags, now: datetime) -> Spending:
        """Return the orders that count against a budget now. `unit`: `cost` or `area_sqkm`."""
        start, spending = budget.window_start(now), Spending()
        values = {tag: normalize_tag(value) for tag, value in tags.items()}
        for order in self.orders.values():
            placed_at = placed_at_of(order)
            is_outside = placed_at is not None and placed_at < start
            is_unclear = bool(tags) and self._may_have_tags(order)
            is_other = not is_unclear and any(tag_value(order, tag) != value for tag, value in values.items())
            is_confirmed_failure = order.has_failed and order.id in self._confirmed
            if is_outside or is_other or is_confirmed_failure:
                continue
            amount = read_amount(order, unit)
            if amount is None:
                spending.unreadable.append(order.id)
            elif is_unclear or order.has_failed:
                spending.uncertain[order.id] = Charge(amount, placed_at)
            elif order.state is State.SUCCEEDED:
                spending.spent.append(Charge(amount, placed_at))
            else:
                spending.reserved.append(Charge(amount, placed_at))
        return spending

    def _may_have_tags(self, order: OrderStatus) -> bool:
        """Return whether an order may have tags without showing them. Orders of other tools have no metadata."""
        if order.metadata:
            return False
        if order.id in self._confirmed:
            # An API that returns metadata of other orders returns that of this one if it has any.
            return not order.has_metadata and not self._states_with_metadata
        return not order.has_metadata or order.state not in self._states_with_metadata


def scope_tags(budget: Budget, key: OrderKey, metadata: Mapping[str, Any]) -> ScopeTags:
    """Return the tags that the orders of a budget share with an order, none for the complete account.

    `metadata`: of the order. Raises `ArdRequestError` if it has no usable value for the tag of the budget.
    """
    if budget.tag is None:
        return key.scope_of_dag if budget.scope == "dag" else {}
    value = metadata.get(budget.tag)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ArdRequestError(
            f"the scope {budget.scope} of {budget.argument} needs a string or an integer named {budget.tag!r}, got "
            f"a {type(value).__name__}; add it",
            argument="metadata",
        )
    if isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER:
        raise ArdRequestError(
            f"the scope {budget.scope} of {budget.argument} needs a string or an integer up to 2**53 named "
            f"{budget.tag!r}, got {safe_repr(value)}; pass a string",
            argument="metadata",
        )
    # As the client reads it from a status.
    return {budget.tag: normalize_tag(storable_text(str(value)))}


def placed_at_of(order: OrderStatus) -> datetime | None:
    """Return when an order was placed: the later of the API's time and that of its tag, None without both."""
    times = [_utc(order.created), _utc(_parse_time(submission_tag(order, SUBMITTED_AT)))]
    return max((time for time in times if time is not None), default=None)


def _parse_time(value: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if value else None
    except ValueError:
        return None


def _utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def read_amount(order: OrderStatus, unit: str) -> float | None:
    """Return the cost or area of an order by its usage, or by the estimate in its tags; None if there is neither.

    The larger of both while the order is not finished: its usage may not be computed yet.
    """
    usage, estimate = None, None
    if order.usage is not None and unit == "cost" and is_priced(order.usage):
        usage = read_estimate(order.usage.total_cost)
    elif order.usage is not None and unit == "area_sqkm":
        usage = read_estimate(order.usage.area_sqkm)
    try:
        tag = ESTIMATED_COST if unit == "cost" else ESTIMATED_AREA
        estimate = read_estimate(float(submission_tag(order, tag) or math.nan))
    except ValueError:
        estimate = None
    if usage is None or estimate is None:
        return estimate if usage is None else usage
    return usage if order.state is State.SUCCEEDED else max(usage, estimate)
