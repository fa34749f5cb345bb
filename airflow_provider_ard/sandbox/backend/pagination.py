"""Pages of lists: orders with the filters of `GET /order/`, and simple lists."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from airflow_provider_ard.sandbox.assumptions import Assumptions
from airflow_provider_ard.sandbox.backend.orders import Order
from airflow_provider_ard.sandbox.validation.errors import bad_request

MAX_LIMIT = 100
DEFAULT_LIMIT = 10
_DATE_LENGTH = len("2026-01-31")
PARAMETERS = frozenset({"limit", "starting_after", "ending_before", "start_date", "end_date", "filter"})


def paginate_orders(
    orders: Sequence[Order], query: Sequence[tuple[str, str]], assumptions: Assumptions
) -> dict[str, Any]:
    """Return a page of orders as `{"data", "has_more"}`; raises a 400 for an invalid query.

    `orders` are oldest first, `query` are the query parameters of the request. `starting_after` an order ID returns
    orders listed after it, `ending_before` the page of orders listed before it; `has_more` is about that direction.
    `start_date` and `end_date` are compared with the time of submission (UTC), see `parse_date`. Orders must match
    every `filter`. Empty values are ignored.
    """
    parameters = [(key, value) for key, value in query if value != ""]
    unknown = sorted({key for key, _ in parameters} - PARAMETERS)
    if unknown:
        raise bad_request(f"Unknown parameters: {', '.join(unknown)}")
    values = dict(parameters)
    limit = parse_limit(values)
    if assumptions.list_dates == "dates":
        _check_dates(values)
    start, end = parse_date(values, "start_date", assumptions), parse_date(values, "end_date", assumptions)
    predicates = [_filter_predicate(value, assumptions) for key, value in parameters if key == "filter"]
    after, before = values.get("starting_after"), values.get("ending_before")
    if after is not None and before is not None:
        raise bad_request("starting_after and ending_before are mutually exclusive")
    # Cursors are positions among all orders: an order that no longer matches the filter is still a valid cursor.
    listed = orders if assumptions.list_order == "oldest_first" else orders[::-1]
    candidates: Iterator[Order]
    if before is not None:
        candidates = reversed(listed[: _position(listed, before, "ending_before")])
    else:
        first = 0 if after is None else _position(listed, after, "starting_after") + 1
        candidates = islice(listed, first, None)
    matching = (
        order
        for order in candidates
        if (start is None or order.created >= start)
        and (end is None or order.created < end)
        and all(matches(order) for matches in predicates)
    )
    page = list(islice(matching, limit + 1))
    data = page[:limit]
    return {"data": data[::-1] if before is not None else data, "has_more": len(page) > limit}


def paginate(
    items: Iterable[dict[str, Any]], key: Callable[[dict[str, Any]], str], query: Mapping[str, str]
) -> dict[str, Any]:
    """Return a page of items as `{"data", "has_more"}`; raises a 400 for an invalid query.

    The page has `limit` items and begins after the item `starting_after`; `key` returns the ID of an item.
    """
    remaining = list(items)
    limit = parse_limit(query)
    after = query.get("starting_after")
    if after:
        ids = [key(item) for item in remaining]
        if after not in ids:
            raise bad_request(f"starting_after: unknown ID {after}")
        remaining = remaining[ids.index(after) + 1 :]
    return {"data": remaining[:limit], "has_more": len(remaining) > limit}


def parse_limit(query: Mapping[str, str]) -> int:
    """Return the page size; raises a 400."""
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
    raise bad_request(f"{parameter}: unknown order {order_id}")


def _check_dates(query: Mapping[str, str]) -> None:
    for parameter in ("start_date", "end_date"):
        value = query.get(parameter)
        if value and len(value) != _DATE_LENGTH:
            raise bad_request(f"{parameter} must be a date, YYYY-MM-DD")


def parse_date(query: Mapping[str, str], parameter: str, assumptions: Assumptions) -> datetime | None:
    """Return the first time that a `start_date` includes or an `end_date` excludes, None without one. Raises a 400.

    A date without a time is its complete day, from which an inclusive start and an exclusive end take the beginning.
    """
    value = query.get(parameter)
    if not value:
        return None
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        is_inclusive = getattr(assumptions, parameter) == "inclusive"
        if is_inclusive == (parameter == "end_date"):
            time += timedelta(days=1) if len(value) == _DATE_LENGTH else timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise bad_request(f"{parameter} must be a date or time in ISO 8601") from error
    return time


def _filter_predicate(filter_: str, assumptions: Assumptions) -> Callable[[Order], bool]:
    # Values may contain colons (times, URLs), keys do not.
    key, colon, value = filter_.partition(":")
    if colon and key == "status":
        return lambda order: assumptions.status(order.status) == value
    if colon and key.startswith("metadata."):
        path = key.removeprefix("metadata.")
        contains = assumptions.filter_match == "contains"
        return lambda order: any(
            value in item if contains else value == item
            for item in _metadata_values(order.request.get("metadata") or {}, path)
        )
    raise bad_request("filter must be metadata.KEY:VALUE or status:VALUE")


def _metadata_values(metadata: dict[str, Any], path: str) -> list[str]:
    """Return a metadata value as strings, one for each item of a list."""
    if path in metadata:
        value = metadata[path]
    else:
        outer, _, inner = path.partition(".")
        nested = metadata.get(outer)
        if not isinstance(nested, dict) or inner not in nested:
            return []
        value = nested[inner]
    return [_to_string(item) for item in value] if isinstance(value, list) else [_to_string(value)]


def _to_string(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
