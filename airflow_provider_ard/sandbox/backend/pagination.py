"""`GET /order/`: pages of orders, newest first, with the filters of the API."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from airflow_provider_ard.sandbox.backend.orders import Order
from airflow_provider_ard.sandbox.validation.errors import bad_request

MAX_LIMIT = 100
DEFAULT_LIMIT = 10
PARAMETERS = frozenset({"limit", "starting_after", "ending_before", "start_date", "end_date", "filter"})


def paginate_orders(orders: Sequence[Order], query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return `{"data", "has_more"}` with orders, given oldest first, and the query of a request.

    Newest first. `starting_after` an order's ID gives those placed before it, `ending_before` the page of
    those placed after it; `has_more` speaks of more in the same direction. `start_date` and `end_date` are
    inclusive and compared with the time of submission (UTC); a date as `end_date` takes in its whole day.
    `filter` may be repeated, and then all must hold. Empty values are ignored. Raises a 400.
    """
    given = [(key, value) for key, value in query if value != ""]
    unknown = sorted({key for key, _ in given} - PARAMETERS)
    if unknown:
        raise bad_request(f"Unknown parameters: {', '.join(unknown)}")
    one = dict(given)
    limit = parse_limit(one)
    start, end = parse_date(one, "start_date"), parse_date(one, "end_date")
    tests = [_test(value) for key, value in given if key == "filter"]
    after, before = one.get("starting_after"), one.get("ending_before")
    if after is not None and before is not None:
        raise bad_request("Give starting_after or ending_before, not both")
    # Cursors count among all orders, so that one which no longer passes a filter still marks its place.
    nearest: Iterator[Order]
    if before is not None:
        nearest = islice(orders, _position(orders, before, "ending_before") + 1, None)
    else:
        last = len(orders) if after is None else _position(orders, after, "starting_after")
        nearest = (orders[number] for number in range(last - 1, -1, -1))
    chosen = (
        order
        for order in nearest
        if (start is None or order.created >= start)
        and (end is None or order.created < end)
        and all(test(order) for test in tests)
    )
    found = list(islice(chosen, limit + 1))
    data = found[:limit]
    return {"data": data[::-1] if before is not None else data, "has_more": len(found) > limit}


def paginate(
    items: Iterable[dict[str, Any]], key: Callable[[dict[str, Any]], str], query: Mapping[str, str]
) -> dict[str, Any]:
    """Return `{"data", "has_more"}` for `limit` items after the one that `starting_after` names.

    Items come in the order of the list; `key` returns an item's ID. Raises a 400.
    """
    given = list(items)
    limit = parse_limit(query)
    after = query.get("starting_after")
    if after:
        ids = [key(item) for item in given]
        if after not in ids:
            raise bad_request(f"starting_after: there is no {after}")
        given = given[ids.index(after) + 1 :]
    return {"data": given[:limit], "has_more": len(given) > limit}


def parse_limit(query: Mapping[str, str]) -> int:
    """Return how many entries a page may have; raises a 400."""
    value = query.get("limit")
    if not value:
        return DEFAULT_LIMIT
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value[:9]) <= MAX_LIMIT:
        raise bad_request(f"limit must be a number from 1 to {MAX_LIMIT}")
    return int(value)


def _position(orders: Sequence[Order], order_id: str, parameter: str) -> int:
    for position, order in enumerate(orders):
        if order.id == order_id:
            return position
    raise bad_request(f"{parameter}: there is no order {order_id}")


def parse_date(query: Mapping[str, str], parameter: str) -> datetime | None:
    """Return the time of a `start_date` or `end_date`, None if there is none; an end is exclusive."""
    value = query.get(parameter)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        if parameter == "end_date":
            # The day after a date, the microsecond after a time.
            found += timedelta(days=1) if len(value) == len("2026-01-31") else timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise bad_request(f"{parameter} must be a date or time in ISO 8601") from error
    return found


def _test(filter_: str) -> Callable[[Order], bool]:
    # Values have colons of their own (times, URLs); keys do not.
    key, colon, value = filter_.partition(":")
    if colon and key == "status":
        return lambda order: order.status == value
    if colon and key.startswith("metadata."):
        path = key.removeprefix("metadata.")
        return lambda order: value in _texts(order.request.get("metadata") or {}, path)
    raise bad_request("filter must be metadata.KEY:VALUE or status:VALUE")


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
