"""Filters of delivered tiles and their assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import none_if_blank, parse_literal, safe_repr, to_list
from airflow_provider_ard.api.dates import parse_period
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.grid import is_cell_id
from airflow_provider_ard.api.orders.acquisitions import parse_acquisition_id

if TYPE_CHECKING:
    from airflow_provider_ard.api.delivery.layout import TileLocation

_OPEN = {"", ".."}


@dataclass(frozen=True)
class TileFilter:
    """Conditions of a tile; None matches all. `dates`: pairs of first and last day, ISO 8601, None for no bound."""

    assets: tuple[str, ...] | None = None
    dates: tuple[tuple[str | None, str | None], ...] | None = None
    cells: frozenset[str] | None = None
    acquisitions: frozenset[str] | None = None

    @classmethod
    def of(
        cls, *, assets: object = None, dates: object = None, cells: object = None, acquisitions: object = None
    ) -> TileFilter:
        """Return the filter that the arguments describe; None, an empty string or the string `None` is no filter.

        `assets`: one key or several, no assets for an empty list. `dates`: a day, an interval `first/last` (both days
        included; `..` or nothing for no bound), or several of these; the time of day is ignored. Raises
        `ArdRequestError` naming the argument.
        """
        keys = _parse_items(assets, "assets", "keys of assets such as visual", _key)
        days = _parse_items(
            dates, "dates", "a day like 2026-06-03, an interval first/last, or a list of them", _interval
        )
        cell_ids = _parse_items(cells, "cells", "cell IDs like Z13-031133320203", _cell)
        acquisition_ids = _parse_items(
            acquisitions,
            "acquisitions",
            "acquisition IDs like 10300100B2B49700",
            lambda value: parse_acquisition_id(value, "acquisitions"),
        )
        return cls(
            assets=None if keys is None else tuple(dict.fromkeys(keys)),
            dates=None if days is None else tuple(days),
            cells=None if cell_ids is None else frozenset(cell_ids),
            acquisitions=None if acquisition_ids is None else frozenset(acquisition_ids),
        )

    def matches(self, tile: TileLocation) -> bool:
        """Return whether a tile's location matches."""
        return (
            self.matches_acquisition(tile.acquisition_id)
            and (self.cells is None or tile.cell_id in self.cells)
            and (self.dates is None or any(_within(tile.date, first, last) for first, last in self.dates))
        )

    def matches_acquisition(self, acquisition_id: str) -> bool:
        """Return whether any tile of an acquisition can match; an unknown one, an empty string, can."""
        return self.acquisitions is None or not acquisition_id or acquisition_id in self.acquisitions


def _parse_items(value: object, argument: str, expected: str, parse: Callable[[object], Any]) -> list[Any] | None:
    if (value := parse_literal(none_if_blank(value))) is None:
        return None
    is_single = isinstance(value, str | date) or not isinstance(value, Iterable)
    try:
        return [parse(item) for item in ((value,) if is_single else to_list(value, argument, expected))]
    except (TypeError, ValueError) as error:
        # Each parser raises with the invalid item.
        received = error.args[0] if error.args else value
        raise ArdRequestError(f"expected {expected}, got {safe_repr(received)}", argument=argument) from None


def _validated(value: object, is_valid: bool) -> str:
    if not isinstance(value, str) or not is_valid:
        raise ValueError(value)
    return value


def _key(value: object) -> str:
    return _validated(value, isinstance(value, str) and bool(value.strip())).strip()


def _cell(value: object) -> str:
    value = value.strip() if isinstance(value, str) else value
    return _validated(value, is_cell_id(value))


def _interval(value: object) -> tuple[str | None, str | None]:
    if isinstance(value, str) and "/" in value:
        ends = [end.strip() for end in value.split("/")]
        if len(ends) != 2:
            raise ValueError(value)
        first, last = (None if end in _OPEN else _days(end)[index] for index, end in enumerate(ends))
        if (first is None and last is None) or (first and last and first > last):
            raise ValueError(value)
        return first, last
    return _days(value)


def _days(value: object) -> tuple[str, str]:
    """Return the first and last day of a date of any precision; the day of a time, twice."""
    try:
        first, last = _first_and_last(value)
    except (ValueError, TypeError):
        raise ValueError(value) from None
    return first.isoformat(), last.isoformat()


def _first_and_last(value: object) -> tuple[date, date]:
    if isinstance(value, date):
        # The NaT of pandas is a datetime without a year, which is a TypeError.
        return (day := date(value.year, value.month, value.day)), day
    if period := parse_period(value):
        return period
    return (day := datetime.fromisoformat(str(value).strip()).date()), day


def _within(day: str, first: str | None, last: str | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)
