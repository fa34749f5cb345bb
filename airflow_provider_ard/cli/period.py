"""`Period`: the orders between `--start-date` and `--end-date`. Imports no Airflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

_DAY = timedelta(days=1)
_DATE_LENGTH = len("2026-01-31")


class Period(NamedTuple):
    """The times from `start` until before `end`; None is no bound."""

    start: datetime | None
    end: datetime | None

    @classmethod
    def of(cls, start_date: str | None, end_date: str | None) -> Self:
        """Return the period of ISO 8601 dates or times; it includes the day of an end without a time."""
        start, end = (None if text is None else _parse(text) for text in (start_date, end_date))
        if end_date is not None and end is not None:
            end += _DAY if len(end_date.strip()) == _DATE_LENGTH else timedelta(microseconds=1)
        return cls(start, end)

    @property
    def dates(self) -> dict[str, str]:
        """The filters of the API's list: dates that include the period even if the API excludes the days themselves."""
        bounds = {
            "start_date": None if self.start is None else self.start - _DAY,
            "end_date": None if self.end is None else self.end + _DAY,
        }
        return {name: f"{bound:%Y-%m-%d}" for name, bound in bounds.items() if bound is not None}

    def contains(self, time: datetime | None) -> bool:
        """Return whether a time is in the period; without a time, the API's filter decides."""
        if time is None:
            return True
        moment = _in_utc(time)
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)


def _parse(text: str) -> datetime:
    return _in_utc(datetime.fromisoformat(text.strip()))


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
