"""Parse the acquisitions of an order: complete acquisitions or some of their cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

from airflow_provider_ard.api.arguments import MAPPING_TYPES, parse_literal, safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError

# Matches all 192 real IDs that were examined; WorldView-4 acquisitions have UUIDs.
_ACQUISITION_ID = re.compile(
    r"10[1-6][0-9A-F]{11}00|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-inv"
)
_CELL_ID = re.compile(r"Z(?:0[1-9]|[1-5][0-9]|60)-[0-3]{12}")
_KEYS = {"id", "cells", "cell_ids"}


class Acquisition(NamedTuple):
    """An acquisition and its cells to order; no cells means all that intersect the AOI."""

    id: str
    cells: tuple[str, ...] = ()


def is_acquisition_id(value: object) -> bool:
    """Return whether a value has the form of an acquisition ID."""
    return isinstance(value, str) and bool(_ACQUISITION_ID.fullmatch(value))


def parse_acquisition_id(value: object, argument: str) -> str:
    """Return an acquisition ID, also from the integer that native rendering makes of one that has digits only.

    Raises `ArdRequestError` for anything else. A float is refused: native rendering reads
    `104001009697E900` as infinity.
    """
    # A string first: `isinstance` is much slower for an abstract number.
    text = value if isinstance(value, str) else str(value) if isinstance(value, Integral) else ""
    if is_acquisition_id(text := text.strip()):
        return text
    message = f"expected an acquisition ID like 10300100B2B49700, got {safe_repr(value)}"
    if isinstance(value, Real) and not isinstance(value, Integral):
        message += (
            "; with render_template_as_native_obj, Airflow converts IDs of digits and one E, such as 1040010030544E00, "
            """to numbers: pass a list in a string, '["1040010030544E00"]', or the output of a task"""
        )
    elif isinstance(value, str) and _CELL_ID.fullmatch(value.strip()):
        message += (
            ", a cell ID; .expand() over a dictionary passes pairs of ID and cells to the tasks: map over a list "
            '[{"id": …, "cells": […]}, …]'
        )
    raise ArdRequestError(message, argument=argument)


def parse_acquisitions(value: object) -> tuple[Acquisition, ...]:
    """Return the acquisitions to order, deduplicated, in their original sequence.

    Accepts one ID, any iterable of IDs, dictionaries with `id` and `cells` or `cell_ids`, mappings `{id: cells}`, lists
    that mix these, anything with `as_order()`, the response of a Select or a metadata search (GeoJSON with one feature
    per cell or tile, or `format=order`), and the string form of any of them. Raises `ArdRequestError`.
    """
    collector = _AcquisitionCollector()
    try:
        collector.add(value)
    except RecursionError:
        raise _error("the value is nested too deeply") from None
    if acquisitions := collector.acquisitions():
        return acquisitions
    raise _error("is empty; expected at least one acquisition")


class _AcquisitionCollector:
    """Collects acquisitions and deduplicates them."""

    def __init__(self) -> None:
        # Cells by acquisition, none for all; those of a second mention are merged at the end.
        self._cells: dict[str, tuple[str, ...]] = {}
        self._extra_cells: dict[str, list[str]] = {}
        # Orders of stacks repeat the same cells: each is validated once.
        self._valid_cells: set[str] = set()

    def acquisitions(self) -> tuple[Acquisition, ...]:
        """Return the collected acquisitions, without duplicates."""
        for acquisition_id, extra in self._extra_cells.items():
            if cells := self._cells[acquisition_id]:
                self._cells[acquisition_id] = tuple(dict.fromkeys((*cells, *extra)))
        return tuple(map(Acquisition._make, self._cells.items()))

    def add(self, value: object) -> None:
        """Add acquisitions in any form."""
        if isinstance(value, str):
            value = parse_literal(value)
        elif hasattr(value, "as_order"):
            value = _as_order(value)
        if isinstance(value, MAPPING_TYPES):
            self._add_mapping(value)
        elif isinstance(value, str | Real):
            self._add_acquisition(value, ())
        else:
            for item in to_list(value, "acquisitions", "IDs, or dictionaries with id and cells"):
                self.add(item)

    def _add_mapping(self, value: Mapping[Any, Any]) -> None:
        if "id" in value:
            if not value.keys() <= _KEYS:
                # A misspelled cell filter would buy complete acquisitions.
                unknown = next(key for key in value if key not in _KEYS)
                raise _error(f"unknown key {safe_repr(unknown)} beside id; expected cells (or cell_ids)")
            if "cells" in value and "cell_ids" in value:
                raise _error("expected one of cells and cell_ids, got both")
            self._add_acquisition(value["id"], value.get("cells", value.get("cell_ids", ())))
        elif value.get("type") == "FeatureCollection":
            features = to_list(value.get("features"), "acquisitions", "a FeatureCollection with a list of features")
            for feature in features:
                self._add_feature(feature)
        elif value.get("type") == "Feature":
            self._add_feature(value)
        else:
            for acquisition_id, cells in value.items():
                self._add_acquisition(acquisition_id, cells)

    def _add_feature(self, feature: object) -> None:
        """Add the tiles of a feature: a cell with its `best_matches` (Select), or one tile (metadata search)."""
        properties = feature.get("properties") if isinstance(feature, Mapping) else None
        tiles = (properties,)
        if isinstance(properties, Mapping) and "best_matches" in properties:
            tiles = to_list(properties["best_matches"], "acquisitions", "a list as best_matches")  # type: ignore[assignment]
        for tile in tiles:
            try:
                acquisition_id = tile["acquisition_id"]  # type: ignore[index]
                cell = f"Z{int(tile['tile:zone']):02d}-{tile['tile:quadkey']}"  # type: ignore[index]
            except (TypeError, KeyError, ValueError, OverflowError):
                raise _error(
                    "a feature has no acquisition_id, tile:zone or tile:quadkey; pass an AOI as intersects"
                ) from None
            self._add_acquisition(acquisition_id, (cell,))

    def _add_acquisition(self, acquisition_id: object, cells: object) -> None:
        acquisition_id = parse_acquisition_id(acquisition_id, "acquisitions")
        if cells is None or cells == "None":
            raise _error(f"the cells of {acquisition_id} are None; omit them, or pass an empty list, to order all")
        selected = self._parse_cells(acquisition_id, cells) if cells != () else ()
        if acquisition_id not in self._cells or not selected:
            # A complete acquisition includes each of its cells.
            self._cells[acquisition_id] = selected
        elif self._cells[acquisition_id]:
            self._extra_cells.setdefault(acquisition_id, []).extend(selected)

    def _parse_cells(self, acquisition_id: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            value = parse_literal(value)
            value = (value,) if isinstance(value, str) else value
        expected = f"a list of cell IDs of {acquisition_id}"
        cells = tuple(value if isinstance(value, list) else to_list(value, "acquisitions", expected))
        try:
            # One pass, in the sequence of the list, whose strings are mostly next to each other in memory.
            if len(self._valid_cells.intersection(cells)) == len(cells):
                return cells
            distinct = dict.fromkeys(cells)
        except TypeError:  # an unhashable item is no string
            self._check_each(acquisition_id, cells)
            raise
        self._check_each(acquisition_id, distinct.keys() - self._valid_cells)
        self._valid_cells.update(distinct)
        return tuple(distinct)

    @staticmethod
    def _check_each(acquisition_id: str, cells: Iterable[object]) -> None:
        for cell in cells:
            if not isinstance(cell, str) or not _CELL_ID.fullmatch(cell):
                raise _error(
                    f"the cells of {acquisition_id}: expected a cell ID like Z13-031133320203, got {safe_repr(cell)}"
                )


def _as_order(value: Any) -> object:
    try:
        return value.as_order()
    except Exception as error:  # noqa: BLE001 -- a search that has not run raises whatever its library raises
        raise _error(f"as_order() of {safe_repr(value)} raises {type(error).__name__}") from None


def _error(message: str) -> ArdRequestError:
    return ArdRequestError(message, argument="acquisitions")
