"""``GET /order/``: pages of orders, newest first, with the filters of the API."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_ard.sandbox.errors import invalid
from airflow_provider_ard.sandbox.orders import Order

MAX_LIMIT = 100
DEFAULT_LIMIT = 10
PARAMETERS = frozenset({"limit", "starting_after", "ending_before", "start_date", "end_date", "filter"})


def page(orders: Sequence[Order], query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return ``{"data", "has_more"}`` for orders given oldest first and the query of a request.

    Newest first. ``starting_after`` an order's ID gives those placed before it, ``ending_before`` the page of
    those placed after it; ``has_more`` speaks of more in the same direction. ``start_date`` and ``end_date`` are
    inclusive and compared with the time of submission (UTC); a date as ``end_date`` takes in its whole day.
    ``filter`` may be repeated, and then all must hold. Empty values are ignored. Raises a 400.
    """
    given = [(key, value) for key, value in query if value != ""]
    unknown = sorted({key for key, _ in given} - PARAMETERS)
    if unknown:
        raise invalid(f"Unknown parameters: {', '.join(unknown)}")
    one = dict(given)
    limit = _limit(one.get("limit"))
    start, end = _moment(one, "start_date"), _moment(one, "end_date")
    tests = [_test(value) for key, value in given if key == "filter"]
    # Cursors count among all orders, so that one which no longer passes a filter still marks its place.
    newest = list(reversed(orders))
    after, before = one.get("starting_after"), one.get("ending_before")
    if after is not None and before is not None:
        raise invalid("Give starting_after or ending_before, not both")
    if after is not None:
        newest = newest[_position(newest, after, "starting_after") + 1 :]
    if before is not None:
        newest = newest[: _position(newest, before, "ending_before")]
    chosen = [
        order
        for order in newest
        if (start is None or order.created >= start)
        and (end is None or order.created < end)
        and all(test(order) for test in tests)
    ]
    data = chosen[-limit:] if before is not None else chosen[:limit]
    return {"data": [order.describe() for order in data], "has_more": len(chosen) > limit}


def _limit(value: str | None) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if not value.isdecimal() or not 1 <= int(value) <= MAX_LIMIT:
        raise invalid(f"limit must be a number from 1 to {MAX_LIMIT}")
    return int(value)


def _position(orders: Sequence[Order], order_id: str, parameter: str) -> int:
    for position, order in enumerate(orders):
        if order.id == order_id:
            return position
    raise invalid(f"{parameter}: there is no order {order_id}")


def _moment(query: dict[str, str], parameter: str) -> datetime | None:
    value = query.get(parameter)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise invalid(f"{parameter} must be a date or time in ISO 8601") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if parameter == "end_date":
        # The end is kept exclusive: the day after a date, the microsecond after a time.
        moment += timedelta(days=1) if len(value) == len("2026-01-31") else timedelta(microseconds=1)
    return moment


def _test(filter_: str) -> Callable[[Order], bool]:
    # Values have colons of their own (times, URLs); keys do not.
    key, colon, value = filter_.partition(":")
    if colon and key == "status":
        return lambda order: order.status == value
    if colon and key.startswith("metadata."):
        path = key.removeprefix("metadata.")
        return lambda order: value in _texts(order.request.get("metadata") or {}, path)
    raise invalid("filter must be metadata.KEY:VALUE or status:VALUE")


def _texts(metadata: dict[str, Any], path: str) -> list[str]:
    """Return the text of a metadata entry; of each member, if it is a list."""
    if path in metadata:
        value = metadata[path]
    else:
        outer, _, inner = path.partition(".")
        nested = metadata.get(outer)
        if not isinstance(nested, dict) or inner not in nested:
            return []
        value = nested[inner]
    return [_text(member) for member in value] if isinstance(value, list) else [_text(value)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
