"""What to order: acquisitions, whole or some of their cells, from any form that a user has them in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from airflow_provider_ard.api.arguments import parse_literal, safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError

# Every real id looked at; WorldView-4 acquisitions are named by a UUID.
_ACQUISITION_ID = re.compile(
    r"10[1-6][0-9A-F]{11}00|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-inv"
)
_CELL_ID = re.compile(r"Z(?:0[1-9]|[1-5][0-9]|60)-[0-3]{12}")
_KEYS = {"id", "cells", "cell_ids"}
# A dictionary is told much faster than the rest.
_MAPPINGS = (dict, Mapping)


class Acquisition(NamedTuple):
    """An acquisition and the cells wanted of it; no cells means all of them (that the AOI meets)."""

    id: str
    cells: tuple[str, ...] = ()


def is_acquisition_id(value: object) -> bool:
    """Whether this is a text of the form that acquisition ids have."""
    return isinstance(value, str) and bool(_ACQUISITION_ID.fullmatch(value))


def read_acquisitions(value: object) -> tuple[Acquisition, ...]:
    """Return the acquisitions to order, duplicates merged, in the order they came.

    Takes one id, any iterable of ids, dictionaries with `id` and `cells` or `cell_ids`, mappings `{id: cells}`, lists
    that mix these, anything with `as_order()`, what a Select or a metadata search answers (its GeoJSON, a feature a
    cell or a tile, or its `format=order`), and the text of any of them. Raises `ArdRequestError`.
    """
    basket = _Basket()
    try:
        basket.take(value)
    except RecursionError:
        raise _refusal("it is nested without end") from None
    if acquisitions := basket.acquisitions():
        return acquisitions
    raise _refusal("nothing to order: it is empty")


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
            value = parse_literal(value)
            if isinstance(value, str):
                self._add(value, ())
                return
        elif hasattr(value, "as_order"):
            value = _as_order(value)
        if isinstance(value, _MAPPINGS):
            self._take_mapping(value)
        else:
            for member in to_list(value, "acquisitions", "ids, or dictionaries with id and cells"):
                self.take(member)

    def _take_mapping(self, value: Mapping[Any, Any]) -> None:
        if "id" in value:
            if not value.keys() <= _KEYS:
                # A misspelt cell filter would buy whole acquisitions.
                unknown = next(key for key in value if key not in _KEYS)
                raise _refusal(f"unknown key {safe_repr(unknown)} beside id; wanted cells (or cell_ids)")
            if "cells" in value and "cell_ids" in value:
                raise _refusal("expected one of cells and cell_ids, got both")
            self._add(value["id"], value.get("cells", value.get("cell_ids", ())))
        elif value.get("type") == "FeatureCollection":
            features = to_list(value.get("features"), "acquisitions", "a FeatureCollection with a list of features")
            for feature in features:
                self._take_feature(feature)
        elif value.get("type") == "Feature":
            self._take_feature(value)
        else:
            for name, cells in value.items():
                self._add(name, cells)

    def _take_feature(self, feature: object) -> None:
        """Add the tiles of a feature: a Select's is a cell with its `best_matches`, a metadata search's is a tile."""
        properties = feature.get("properties") if isinstance(feature, Mapping) else None
        tiles = (properties,)
        if isinstance(properties, Mapping) and "best_matches" in properties:
            tiles = to_list(properties["best_matches"], "acquisitions", "a list as best_matches")  # type: ignore[assignment]
        for tile in tiles:
            try:
                name = tile["acquisition_id"]  # type: ignore[index]
                cell = f"Z{int(tile['tile:zone']):02d}-{tile['tile:quadkey']}"  # type: ignore[index]
            except (TypeError, KeyError, ValueError, OverflowError):
                raise _refusal(
                    "a feature is no tile of a search: it lacks acquisition_id, tile:zone or tile:quadkey (an AOI goes "
                    "into intersects)"
                ) from None
            self._add(name, (cell,))

    def _add(self, name: object, cells: object) -> None:
        if not isinstance(name, str) or not is_acquisition_id(name := name.strip()):
            raise _refusal(f"not an acquisition id: {safe_repr(name)}; wanted one like 10300100B2B49700")
        if cells is None or cells == "None":
            raise _refusal(f"the cells of {name} are None; omit them, or pass an empty list, to order all cells")
        wanted = self._checked_cells(name, cells) if cells != () else ()
        if name not in self._wanted or not wanted:
            # Once the whole acquisition is wanted, no cell of it adds to the order.
            self._wanted[name] = wanted
        elif self._wanted[name]:
            self._more.setdefault(name, []).extend(wanted)

    def _checked_cells(self, name: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            value = parse_literal(value)
            value = (value,) if isinstance(value, str) else value
        wish = f"a list of cell ids of {name}"
        cells = tuple(value if isinstance(value, list) else to_list(value, "acquisitions", wish))
        try:
            distinct = set(cells)
        except TypeError:  # a member that cannot even be hashed is no text
            self._check_each(name, cells)
            raise
        if not distinct <= self._known_cells:
            self._check_each(name, distinct - self._known_cells)
            self._known_cells |= distinct
        return cells if len(distinct) == len(cells) else tuple(dict.fromkeys(cells))

    @staticmethod
    def _check_each(name: str, cells: Iterable[object]) -> None:
        for cell in cells:
            if not isinstance(cell, str) or not _CELL_ID.fullmatch(cell):
                raise _refusal(
                    f"the cells of {name}: not a cell id: {safe_repr(cell)}; wanted one like Z13-031133320203"
                )


def _as_order(value: Any) -> object:
    try:
        return value.as_order()
    except Exception as error:  # noqa: BLE001 -- a search that has not run raises whatever its library raises
        raise _refusal(f"as_order() of {safe_repr(value)} raises {type(error).__name__}") from None


def _refusal(message: str) -> ArdRequestError:
    return ArdRequestError(message, argument="acquisitions")
