"""A period of time, from what templates make of Airflow's data intervals to the RFC 3339 text that the API takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow_provider_ard.api.arguments import none_if_blank, parse_literal, safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError

OPEN = ".."
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WISH = "a date or time in ISO 8601, or two of them with a / between, such as 2026-01-01/2026-01-31"


def read_period(value: object, argument: str = "datetime") -> str | None:
    """Return the API's text for a period: `2026-01-01`, `2026-01-01T00:00:00Z/2026-01-01T23:59:59Z`, `2026-01-01/..`.

    Takes texts in ISO 8601, one or two with a slash between, `date` and `datetime` objects (those of pendulum are such)
    and pairs of any of these; `..` or nothing leaves an end open. A time without an offset is in UTC. Dates take in
    their whole days, at both ends. Two times are half-open, `[start, end)`, as the data intervals of Airflow are: what
    was taken at an interval's end belongs to the next one. The API takes in both ends, and its catalogue knows whole
    seconds: the last of them before the end is what is sent.

    Raises `ArdRequestError` for anything else, and for a period that nothing can lie in.
    """
    if (value := none_if_blank(value)) is None:
        return None
    value = parse_literal(value)
    if isinstance(value, str) and "/" in value:
        value = value.split("/")
    elif isinstance(value, str | date):
        return _text(_moment(value, argument))
    if isinstance(value, Mapping | Set):
        raise ArdRequestError(f"wanted {_WISH}, got {safe_repr(value)}", argument=argument)
    ends = to_list(value, argument, _WISH)
    if len(ends) != 2:
        raise ArdRequestError(f"wanted {_WISH}, got {len(ends)} of them", argument=argument)
    since, until = (_end(one, argument) for one in ends)
    if since is None and until is None:
        raise ArdRequestError("both ends are open: leave it out to search all times", argument=argument)
    return _joined(since, until, argument)


def _end(value: object, argument: str) -> date | None:
    if isinstance(value, str) and value.strip() in {"", OPEN}:
        return None
    return _moment(value, argument)


def _moment(value: object, argument: str) -> date:
    if value is None or value == "None":
        # An end that is missing would search, and order, all of the archive.
        raise ArdRequestError(
            f"an end of it is None: has this run no data interval? {OPEN!r} leaves an end open", argument=argument
        )
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        text = value.strip()
        try:
            return date.fromisoformat(text) if _DATE.fullmatch(text) else _utc(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            pass
    raise ArdRequestError(f"wanted {_WISH}, got {safe_repr(value)}", argument=argument)


def _joined(since: date | None, until: date | None, argument: str) -> str:
    first, last = since, until
    if isinstance(since, datetime) and since.microsecond:
        first = since.replace(microsecond=0) + timedelta(seconds=1)
    if isinstance(until, datetime):
        # The last whole second before the end.
        last = (until - timedelta(microseconds=1)).replace(microsecond=0)
    if first and last and _key(first) > _key(last, end=True):
        raise ArdRequestError(_empty(since, until), argument=argument)
    return f"{_text(first) if first else OPEN}/{_text(last) if last else OPEN}"


def _empty(since: Any, until: Any) -> str:
    if since != until or not isinstance(until, datetime):
        return f"it ends before it begins: {_text(since)}, {_text(until)}"
    return (
        f"nothing can lie between {_text(since)} and the same time: a run of an Airflow 3 cron schedule has a data "
        "interval without length, unless the schedule is a CronDataIntervalTimetable or "
        "[scheduler] create_cron_data_intervals is on"
    )


def _key(moment: date, *, end: bool = False) -> datetime:
    """Return a moment for comparisons: of a date, its first or last second."""
    if isinstance(moment, datetime):
        return moment
    start = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return start.replace(hour=23, minute=59, second=59) if end else start


def _utc(moment: datetime) -> datetime:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    # Pendulum's own class loses its zone in arithmetic.
    return datetime.combine(moment.date(), moment.time(), UTC)


def _text(moment: date) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    return moment.replace(tzinfo=None).isoformat() + "Z"
