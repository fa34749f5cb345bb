"""What to order: acquisitions, whole or some of their cells, from any form that a user has them in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.rendered import parsed

# Every real id looked at; WorldView-4 acquisitions are named by a UUID.
_ACQUISITION_ID = re.compile(
    r"10[1-6][0-9A-F]{11}00|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-inv"
)
_CELL_ID = re.compile(r"Z(?:0[1-9]|[1-5]\d|60)-[0-3]{12}")
_KEYS = {"id", "cells", "cell_ids"}


class Acquisition(NamedTuple):
    """An acquisition and the cells wanted of it; no cells means all of them (that the AOI meets)."""

    id: str
    cells: tuple[str, ...] = ()


def read_acquisitions(value: object) -> tuple[Acquisition, ...]:
    """Return the acquisitions to order, duplicates merged, in the order they came.

    Takes one id, any iterable of ids, dictionaries with `id` and `cells` or `cell_ids`, mappings `{id: cells}`, lists
    that mix these, anything with `as_order()`, a search's GeoJSON (a feature a tile), and JSON text of them.
    Raises `ArdRequestError`.
    """
    basket = _Basket()
    basket.take(value)
    if acquisitions := basket.acquisitions():
        return acquisitions
    raise ArdRequestError("nothing to order: it is empty", argument="acquisitions")


class _Basket:
    """What has been asked for so far."""

    def __init__(self) -> None:
        # An acquisition's cells, none for all of them; what a second mention of it adds stands apart until the end.
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._more: dict[str, list[str]] = {}
        # Orders of stacks name the same cells again and again: each is checked once.
        self._known_cells: set[str] = set()

    def acquisitions(self) -> tuple[Acquisition, ...]:
        """Return what has been asked for, each acquisition and each cell once."""
        for name, more in self._more.items():
            if cells := self._wanted[name]:
                self._wanted[name] = tuple(dict.fromkeys((*cells, *more)))
        return tuple(map(Acquisition._make, self._wanted.items()))

    def take(self, value: object) -> None:
        """Add whatever form of acquisitions this is."""
        if isinstance(value, str):
            value = parsed(value)
        elif hasattr(value, "as_order"):
            value = value.as_order()
        if isinstance(value, str):
            self._add(value, None)
        elif isinstance(value, dict | Mapping):
            self._take_mapping(value)
        elif isinstance(value, Iterable) and not isinstance(value, bytes):
            for member in value:
                self.take(member)
        else:
            raise ArdRequestError(
                f"wanted ids or dictionaries with id and cells, got a {type(value).__name__}", argument="acquisitions"
            )

    def _take_mapping(self, value: Mapping[Any, Any]) -> None:
        if "id" in value:
            if not value.keys() <= _KEYS:
                # A misspelt cell filter would buy whole acquisitions.
                unknown = min(str(key) for key in value.keys() - _KEYS)
                raise ArdRequestError(
                    f"unknown key {unknown[:60]!r} beside id; wanted cells (or cell_ids)", argument="acquisitions"
                )
            cells, cell_ids = value.get("cells"), value.get("cell_ids")
            if cells is not None and cell_ids is not None:
                raise ArdRequestError("give one of cells and cell_ids, not both", argument="acquisitions")
            self._add(value["id"], cells if cells is not None else cell_ids)
        elif value.get("type") == "FeatureCollection":
            self._take_tiles(value.get("features"))
        else:
            for name, cells in value.items():
                self._add(name, cells)

    def _take_tiles(self, features: object) -> None:
        """Add an acquisition with its one cell for each feature of a search's answer."""
        if not isinstance(features, list | tuple):
            raise ArdRequestError("the FeatureCollection has no list of features", argument="acquisitions")
        for feature in features:
            properties = feature.get("properties") if isinstance(feature, Mapping) else None
            try:
                name = properties["acquisition_id"]  # type: ignore[index]
                cell = f"Z{int(properties['tile:zone']):02d}-{properties['tile:quadkey']}"  # type: ignore[index]
            except (TypeError, KeyError, ValueError, OverflowError):
                raise ArdRequestError(
                    "a feature is no tile of a search: it lacks acquisition_id, tile:zone or tile:quadkey (an AOI goes "
                    "into intersects)",
                    argument="acquisitions",
                ) from None
            self._add(name, (cell,))

    def _add(self, name: object, cells: object) -> None:
        if not isinstance(name, str) or not _ACQUISITION_ID.fullmatch(name := name.strip()):
            shown = repr(name[:60]) if isinstance(name, str) else f"a {type(name).__name__}"
            raise ArdRequestError(
                f"not an acquisition id: {shown}; wanted one like 10300100B2B49700", argument="acquisitions"
            )
        given = self._checked_cells(name, cells) if cells is not None else ()
        if name not in self._wanted or not given:
            # Once the whole acquisition is wanted, no cell of it adds to the order.
            self._wanted[name] = given
        elif self._wanted[name]:
            self._more.setdefault(name, []).extend(given)

    def _checked_cells(self, name: str, value: object) -> tuple[str, ...]:
        cells = (value,) if isinstance(value, str) else value
        if not isinstance(cells, list | tuple) and (
            isinstance(cells, Mapping | bytes) or not isinstance(cells, Iterable)
        ):
            raise ArdRequestError(
                f"the cells of {name}: wanted a list of cell ids, got a {type(value).__name__}",
                argument="acquisitions",
            )
        given = tuple(cells)
        try:
            distinct = set(given)
        except TypeError:  # a member that cannot even be hashed is no text
            self._check_each(name, given)
            raise
        if not distinct <= self._known_cells:
            self._check_each(name, distinct - self._known_cells)
            self._known_cells |= distinct
        return given if len(distinct) == len(given) else tuple(dict.fromkeys(given))

    @staticmethod
    def _check_each(name: str, cells: Iterable[object]) -> None:
        for cell in cells:
            if not isinstance(cell, str) or not _CELL_ID.fullmatch(cell):
                shown = repr(cell[:60]) if isinstance(cell, str) else f"a {type(cell).__name__}"
                raise ArdRequestError(
                    f"the cells of {name}: not a cell id: {shown}; wanted one like Z13-031133320203",
                    argument="acquisitions",
                )
