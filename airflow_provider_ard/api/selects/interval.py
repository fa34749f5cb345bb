"""Search intervals: from Airflow's rendered data intervals to the RFC 3339 string of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow_provider_ard.api.arguments import none_if_blank, parse_literal, safe_repr, to_list
from airflow_provider_ard.api.dates import is_sentinel, parse_period
from airflow_provider_ard.api.errors import ArdRequestError

OPEN = ".."
# Python reads it as the Monday.
_WEEK_WITH_TIME = re.compile(r"[0-9]{4}-?W[0-9]{2}[^-0-9]")
_EXPECTED = "a date or time in ISO 8601, or two of them with a / between, such as 2026-01-01/2026-01-31"


def parse_interval(value: object, argument: str = "datetime") -> str | None:
    """Return the API's string for an interval.

    For example `2026-01-01`, `2026-01-01T00:00:00Z/2026-01-01T23:59:59Z` or `2026-01-01/..`.

    Accepts strings in ISO 8601, one or two with a slash between, `date` and `datetime` objects (pendulum's are
    subclasses) and pairs of any of these; `..` or an empty string leaves an end open. A time without an offset is in
    UTC. Dates include their complete days, at both ends; a week (`2026-W23`), month (`2026-06`) or year includes all of
    its days. Two times are half-open, `[start, end)`, like Airflow's data
    intervals: an acquisition at an interval's end belongs to the next one. The API includes both ends and stores whole
    seconds, so that the last second before the end is sent.

    Raises `ArdRequestError` for anything else, and for an empty interval.
    """
    if (value := none_if_blank(value)) is None:
        return None
    value = parse_literal(value)
    if isinstance(value, str) and "/" in value:
        value = value.split("/")
    elif isinstance(value, str | date | int):
        first, last = _parse_end(value, argument)
        return _format(first) if first == last else f"{_format(first)}/{_format(last)}"
    if isinstance(value, Mapping | Set):
        raise ArdRequestError(f"expected {_EXPECTED}, got {safe_repr(value)}", argument=argument)
    ends = to_list(value, argument, _EXPECTED)
    if len(ends) != 2:
        raise ArdRequestError(f"expected {_EXPECTED}, got {len(ends)} of them", argument=argument)
    start, end_ = (_parse_optional_end(end, argument, index) for index, end in enumerate(ends))
    if start is None and end_ is None:
        raise ArdRequestError("both ends are open; omit the argument to search all times", argument=argument)
    return _join(start, end_, argument)


def _parse_optional_end(value: object, argument: str, index: int) -> date | None:
    if isinstance(value, str) and value.strip() in {"", OPEN}:
        return None
    return _parse_end(value, argument)[index]


def _parse_end(value: object, argument: str) -> tuple[date, date]:
    """Return the first and last day of a date, or a time twice."""
    if value is None or value == "None":
        # A missing end would search, and order, the complete archive.
        raise ArdRequestError(
            f"an end is None; does this run have no data interval? {OPEN!r} leaves an end open", argument=argument
        )
    try:
        first, last = _first_and_last(value)
    except (ValueError, TypeError, OverflowError):
        # Dates that do not exist, and missing values such as the NaT of pandas.
        raise ArdRequestError(f"expected {_EXPECTED}, got {safe_repr(value)}", argument=argument) from None
    if is_sentinel(first) or is_sentinel(last):
        raise ArdRequestError(f"{_format(first)} is no date of imagery; {OPEN!r} leaves an end open", argument=argument)
    return first, last


def _first_and_last(value: object) -> tuple[date, date]:
    if isinstance(value, datetime):
        return (moment := _utc(value)), moment
    if isinstance(value, date):
        return value, value
    if period := parse_period(value):
        return period
    text = str(value).strip()
    if _WEEK_WITH_TIME.match(text):
        raise ValueError
    return (moment := _utc(datetime.fromisoformat(text))), moment


def _join(start: date | None, end_: date | None, argument: str) -> str:
    first, last = start, end_
    if isinstance(start, datetime) and start.microsecond:
        first = start.replace(microsecond=0) + timedelta(seconds=1)
    if isinstance(end_, datetime):
        # The last whole second before the end.
        last = (end_ - timedelta(microseconds=1)).replace(microsecond=0)
    if first and last and _key(first) > _key(last, end=True):
        raise ArdRequestError(_empty_message(start, end_), argument=argument)
    return f"{_format(first) if first else OPEN}/{_format(last) if last else OPEN}"


def _empty_message(start: Any, end_: Any) -> str:
    if start != end_ or not isinstance(end_, datetime):
        return f"it ends before it begins: {_format(start)}, {_format(end_)}"
    return (
        f"the interval from {_format(start)} to the same time is empty: a run of an Airflow 3 cron schedule has a data "
        "interval without length, unless the schedule is a CronDataIntervalTimetable or "
        "[scheduler] create_cron_data_intervals is on"
    )


def _key(moment: date, *, end: bool = False) -> datetime:
    """Return a datetime for comparisons: the first or last second of a date."""
    if isinstance(moment, datetime):
        return moment
    start = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return start.replace(hour=23, minute=59, second=59) if end else start


def _utc(moment: datetime) -> datetime:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    # Pendulum's own class loses its zone in arithmetic.
    return datetime.combine(moment.date(), moment.time(), UTC)


def _format(moment: date) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    return moment.replace(tzinfo=None).isoformat() + "Z"
