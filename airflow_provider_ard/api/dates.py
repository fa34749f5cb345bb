"""ISO 8601 dates of any precision: a day, week, month or year is all of its days."""

from __future__ import annotations

import re
from datetime import date, timedelta

_DAY = re.compile(r"[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|[0-9]{4}|-W[0-9]{2}-[1-7]|W[0-9]{3})")
_WEEK = re.compile(r"[0-9]{4}-?W[0-9]{2}")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_YEAR = re.compile(r"[0-9]{4}")
# Values such as `datetime.max`, which mean that there is no bound.
_SENTINEL_YEARS = {1, 9999}


def parse_period(value: object) -> tuple[date, date] | None:
    """Return the first and last day of a date without time, None for any other string.

    For example `2026-06-01`, `20260601`, `2026-W23`, `2026-06` or `2026`, or the number to which Airflow renders
    `{{ ds_nodash }}` with `render_template_as_native_obj`. Raises ValueError for one that does not exist, TypeError for
    a value that is neither a string nor a number.
    """
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise TypeError
    text = str(value).strip()
    if _DAY.fullmatch(text):
        return (day := date.fromisoformat(text)), day
    if _WEEK.fullmatch(text):
        return (monday := date.fromisoformat(text)), monday + timedelta(days=6)
    if _YEAR.fullmatch(text):
        return date(int(text), 1, 1), date(int(text), 12, 31)
    if month := _MONTH.fullmatch(text):
        first = date(int(month[1]), int(month[2]), 1)
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return None


def is_sentinel(day: date) -> bool:
    """Return whether a date stands for no bound, such as `date.max` and `date.min`."""
    return day.year in _SENTINEL_YEARS
