"""Which of the delivered tiles are wanted, and which of their assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import none_if_blank, parse_literal, safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.grid import is_cell_id
from airflow_provider_ard.api.orders.acquisitions import is_acquisition_id

if TYPE_CHECKING:
    from airflow_provider_ard.api.delivery.layout import TileLocation

_OPEN = {"", ".."}


@dataclass(frozen=True)
class TileFilter:
    """What a tile must be; None takes all. `dates`: pairs of first and last day, ISO 8601, None for no bound."""

    assets: tuple[str, ...] | None = None
    dates: tuple[tuple[str | None, str | None], ...] | None = None
    cells: frozenset[str] | None = None
    acquisitions: frozenset[str] | None = None

    @classmethod
    def of(
        cls, *, assets: object = None, dates: object = None, cells: object = None, acquisitions: object = None
    ) -> TileFilter:
        """Return the filter that the arguments describe; None, an empty text or the word None is not given.

        `assets`: one key or several, none of them for an empty list. `dates`: a day, an interval `first/last` (both
        days count; `..` or nothing for no bound), or several of these; a time of day does not count. Raises
        `ArdRequestError` naming the argument.
        """
        keys = _several(assets, "assets", "keys of assets such as visual", _key)
        days = _several(dates, "dates", "a day like 2026-06-03, an interval first/last, or a list of them", _interval)
        chosen = _several(cells, "cells", "cell ids like Z13-031133320203", _cell)
        wanted = _several(acquisitions, "acquisitions", "acquisition ids like 10300100B2B49700", _acquisition)
        return cls(
            assets=None if keys is None else tuple(dict.fromkeys(keys)),
            dates=None if days is None else tuple(days),
            cells=None if chosen is None else frozenset(chosen),
            acquisitions=None if wanted is None else frozenset(wanted),
        )

    def takes(self, tile: TileLocation) -> bool:
        """Tell whether a tile is wanted; its place tells all that counts."""
        return (
            self.takes_acquisition(tile.acquisition_id)
            and (self.cells is None or tile.cell_id in self.cells)
            and (self.dates is None or any(_within(tile.date, first, last) for first, last in self.dates))
        )

    def takes_acquisition(self, acquisition_id: str) -> bool:
        """Tell whether any tile of an acquisition can be wanted; of an unknown one, an empty text, it can."""
        return self.acquisitions is None or not acquisition_id or acquisition_id in self.acquisitions


def _several(value: object, argument: str, wish: str, read: Callable[[object], Any]) -> list[Any] | None:
    if (value := parse_literal(none_if_blank(value))) is None:
        return None
    one = isinstance(value, str | date) or not isinstance(value, Iterable)
    try:
        return [read(member) for member in ((value,) if one else to_list(value, argument, wish))]
    except (TypeError, ValueError) as error:
        # Each reader raises with what came.
        came = error.args[0] if error.args else value
        raise ArdRequestError(f"wanted {wish}, got {safe_repr(came)}", argument=argument) from None


def _checked(value: object, holds: bool) -> str:
    if not isinstance(value, str) or not holds:
        raise ValueError(value)
    return value


def _key(value: object) -> str:
    return _checked(value, isinstance(value, str) and bool(value.strip())).strip()


def _cell(value: object) -> str:
    value = value.strip() if isinstance(value, str) else value
    return _checked(value, is_cell_id(value))


def _acquisition(value: object) -> str:
    value = value.strip() if isinstance(value, str) else value
    return _checked(value, is_acquisition_id(value))


def _interval(value: object) -> tuple[str | None, str | None]:
    if isinstance(value, str) and "/" in value:
        ends = [end.strip() for end in value.split("/")]
        first, last = (None if end in _OPEN else _day(end) for end in ends) if len(ends) == 2 else (None, None)
        if (first is None and last is None) or (first and last and first > last):
            raise ValueError(value)
        return first, last
    return (day := _day(value)), day


def _day(value: object) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        raise ValueError(value)  # noqa: TRY004 -- both are told alike
    try:
        return datetime.fromisoformat(value.strip()).date().isoformat()
    except ValueError:
        raise ValueError(value) from None


def _within(day: str, first: str | None, last: str | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)
