"""Compare a delivery with its order: tiles, assets, and the stored objects by their size and header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from airflow_provider_ard.api.arguments import pluralize
from airflow_provider_ard.api.delivery.headers import find_defect
from airflow_provider_ard.api.delivery.ordered import OrderedCells, required_assets
from airflow_provider_ard.api.delivery.stac import DocumentStore, Tile, asset_hrefs, tile_of
from airflow_provider_ard.api.errors import ArdDeliveryIncomplete, ArdError, ArdRequestError

if TYPE_CHECKING:
    from airflow_provider_ard.api.delivery.filters import TileFilter
    from airflow_provider_ard.api.delivery.layout import TileLocation
    from airflow_provider_ard.api.orders.status import EchoedRequest

# Of the report, which is an XCom; the counts are complete.
MAX_LISTED = 100
_MAX_IN_MESSAGE = 5
# Tiles that are checked concurrently; their requests are small, and wait for the storage.
_CONCURRENT_TILES = 16


class ObjectStore(DocumentStore, Protocol):
    """Reads the documents and objects of a storage, see `DocumentStore`."""

    def list_sizes(self, folder_uri: str) -> dict[str, int]:
        """Return the sizes in bytes of the objects in a folder by their names; empty if there is no such folder."""

    def read_range(self, uri: str, start: int, end: int) -> bytes:
        """Return some bytes of an object."""


@dataclass(frozen=True)
class DeliveryProblem:
    """What is missing or damaged in a delivery.

    `problem`: `missing_tile` (no STAC item), `unreadable_item`, `missing_asset` (not in the STAC item),
    `missing_object`, `empty_object` or `unreadable_object`. Fields that do not apply are None.
    """

    problem: str
    order_id: str
    acquisition_id: str
    cell_id: str | None = None
    asset: str | None = None
    uri: str | None = None
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the problem as plain JSON, without the fields that do not apply."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        """Return the problem as text."""
        subject = self.uri or " ".join(part for part in (self.acquisition_id, self.cell_id, self.asset) if part)
        return f"{self.problem} {subject}" + (f" ({self.detail})" if self.detail else "")


class Verification:
    """The result of verifying orders: counts of problems, and the first 100 of them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.problems: list[DeliveryProblem] = []
        self.order_ids: list[str] = []
        self.tiles = 0
        self.non_intersecting: list[dict[str, Any]] = []
        self.unknown_cells: list[str] = []

    def add(self, problem: DeliveryProblem) -> None:
        """Count a problem."""
        self.counts[problem.problem] += 1
        if len(self.problems) < MAX_LISTED:
            self.problems.append(problem)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            "order_ids": self.order_ids,
            "complete": not self.counts,
            "tiles": self.tiles,
            "counts": dict(self.counts),
            "problems": [problem.to_json() for problem in self.problems],
            "non_intersecting": self.non_intersecting[:MAX_LISTED],
            "unknown_cells": self.unknown_cells[:MAX_LISTED],
        }

    def __str__(self) -> str:
        """Return the counts and the first problems as text."""
        if not self.counts:
            return f"complete, {pluralize(self.tiles, 'tile')}"
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        listed = "; ".join(str(problem) for problem in self.problems[:_MAX_IN_MESSAGE])
        more = sum(self.counts.values()) - _MAX_IN_MESSAGE
        return f"incomplete: {counts}: {listed}" + (f"; and {more:,} more" if more > 0 else "")

    def raise_if_incomplete(self) -> None:
        """Raise `ArdDeliveryIncomplete` if there is any problem."""
        if self.counts:
            orders = ", ".join(self.order_ids)
            raise ArdDeliveryIncomplete(
                f"verify: the delivery of order {orders} is {self}; "
                'verify="report" continues with the tiles that exist',
                counts=dict(self.counts),
                problems=[problem.to_json() for problem in self.problems],
                order_id=self.order_ids[0] if len(self.order_ids) == 1 else None,
            )


class DeliveredOrder(NamedTuple):
    """An order to verify: its ID, the request that its status echoes, and the STAC items of its delivery."""

    order_id: str
    echo: EchoedRequest | None
    items: Mapping[str, TileLocation]


def check_cells(
    order: DeliveredOrder,
    ordered: OrderedCells,
    non_intersecting: Mapping[str, frozenset[str]],
    tile_filter: TileFilter,
) -> Iterator[DeliveryProblem]:
    """Yield a problem for each ordered cell without a STAC item, and for each acquisition of unknown cells without any.

    `non_intersecting`: cells by acquisition as the API reports them, no cells for all; these are no problem.
    """
    delivered: dict[str, set[str]] = {}
    for location in order.items.values():
        delivered.setdefault(location.acquisition_id, set()).add(location.cell_id)
    for acquisition_id, cells in ordered.items():
        excluded = non_intersecting.get(acquisition_id)
        if not tile_filter.matches_acquisition(acquisition_id) or excluded == frozenset():
            continue
        if cells is not None:
            missing = cells - delivered.get(acquisition_id, set()) - (excluded or set())
            for cell_id in sorted(missing if tile_filter.cells is None else missing & tile_filter.cells):
                yield DeliveryProblem("missing_tile", order.order_id, acquisition_id, cell_id)
        elif acquisition_id not in delivered and tile_filter.cells is None:
            yield DeliveryProblem("missing_tile", order.order_id, acquisition_id)


def parse_non_intersecting(report: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the cells of a report of non-intersecting tiles by acquisition; no cells means all of the acquisition."""
    entries = report.get("acquisitions")
    return {
        str(entry["id"]): frozenset(str(cell) for cell in entry.get("cell_ids") or ())
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, Mapping) and entry.get("id")
    }


class TileCheck(NamedTuple):
    """A tile, None if its STAC item cannot be read; the keys of all assets in the item; and the tile's problems."""

    tile: Tile | None
    keys: Collection[str]
    problems: Sequence[DeliveryProblem]


def check_tiles(order: DeliveredOrder, store: ObjectStore, assets: tuple[str, ...] | None) -> Iterator[TileCheck]:
    """Yield each tile of an order with the selected assets, None for all, and its problems.

    Requests per tile: its item, a list of its folder, and one read of up to 64 KiB for each selected GeoTIFF and
    GeoPackage. Nothing is read if no asset is selected.
    """
    if assets == ():
        for uri, location in order.items.items():
            yield TileCheck(tile_of(uri, location, {}), (), ())
        return
    reader = _TileReader(order, store, assets)
    with ThreadPoolExecutor(_CONCURRENT_TILES) as readers:
        yield from readers.map(reader.check, order.items)


class _TileReader:
    """Reads one tile of an order and checks its objects."""

    def __init__(self, order: DeliveredOrder, store: ObjectStore, assets: tuple[str, ...] | None) -> None:
        self._order = order
        self._store = store
        self._assets = assets

    def check(self, uri: str) -> TileCheck:
        """Return the tile of a STAC item and its problems."""
        location = self._order.items[uri]
        try:
            item = self._store.read_json(uri)
        except ArdRequestError:
            raise
        except ArdError as error:
            detail = error.message.removeprefix(f"{uri}: ")
            return TileCheck(None, (), [self._problem("unreadable_item", location, uri=uri, detail=detail)])
        try:
            hrefs = asset_hrefs(item)
        except (AttributeError, KeyError, TypeError):
            return TileCheck(None, (), [self._problem("unreadable_item", location, uri=uri, detail="not a STAC item")])
        tile = tile_of(uri, location, hrefs, self._assets)
        required = required_assets(self._order.echo, item, self._assets)
        problems = [self._problem("missing_asset", location, asset=key) for key in required if key not in hrefs]
        return TileCheck(tile, hrefs.keys(), [*problems, *self._object_problems(tile, location)])

    def _object_problems(self, tile: Tile, location: TileLocation) -> Iterator[DeliveryProblem]:
        sizes: dict[str, dict[str, int]] = {}
        for key, uri in tile.assets.items():
            folder, _, name = uri.rpartition("/")
            if folder not in sizes:
                sizes[folder] = self._store.list_sizes(folder)
            size = sizes[folder].get(name)
            if size is None:
                yield self._problem("missing_object", location, asset=key, uri=uri)
            elif size == 0:
                yield self._problem("empty_object", location, asset=key, uri=uri)
            elif defect := self._defect(uri, name, size):
                yield self._problem("unreadable_object", location, asset=key, uri=uri, detail=defect)

    def _defect(self, uri: str, name: str, size: int) -> str | None:
        try:
            return find_defect(name, size, lambda start, end: self._store.read_range(uri, start, end))
        except ArdRequestError:
            raise
        except ArdError as error:
            return error.message.removeprefix(f"{uri}: ")

    def _problem(self, problem: str, location: TileLocation, **fields: str) -> DeliveryProblem:
        return DeliveryProblem(problem, self._order.order_id, location.acquisition_id, location.cell_id, **fields)
