"""The catalog of tiles to order: GeoJSON with one feature per tile (an acquisition in a grid cell)."""

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from maxar_ard_grid import Cell
from pyproj import Geod
from shapely import STRtree
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.rendering.projection import WGS84, project

_GEOD = Geod(ellps="WGS84")
BUNDLED = "catalog.geojson"
# The files of a tile extend beyond its cell by a margin, on each side.
CELL_M, MARGIN_M = 5_000.0, 156.25


@dataclass(frozen=True, eq=False)
class Tile:
    """One acquisition in one cell of the ARD grid.

    `footprint` is the area with data (WGS84), margin included; `properties` are those of the GeoJSON feature.
    """

    acquisition_id: str
    zone: int
    quadkey: str
    acquired_at: datetime
    footprint: BaseGeometry
    properties: dict[str, Any]

    @cached_property
    def cell(self) -> Cell:
        """The cell of the ARD grid: bounds in UTM meters, geometry in WGS84."""
        return Cell(self.quadkey, zone=self.zone)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """The bounds of the tile's files in UTM meters: the cell with its margin, which overlaps with neighbors."""
        xmin, ymin, xmax, ymax = self.cell.bounds
        return xmin - MARGIN_M, ymin - MARGIN_M, xmax + MARGIN_M, ymax + MARGIN_M

    @cached_property
    def cell_area(self) -> BaseGeometry:
        """The cell in WGS84."""
        # Cell.geom_WGS84 returns the same, but emits a warning with shapely 2.1.
        return project(box(*self.cell.bounds), self.epsg, WGS84)

    @property
    def cell_id(self) -> str:
        """The cell's ID, like `Z13-031133320203`."""
        return f"Z{self.zone:02d}-{self.quadkey}"

    @property
    def folder(self) -> str:
        """Folder of the delivered tile under the prefix, like `13/031133320203/2021-06-03`."""
        return f"{self.zone:02d}/{self.quadkey}/{self.acquired_at:%Y-%m-%d}"

    @property
    def epsg(self) -> int:
        """The EPSG code of the cell's UTM zone."""
        return int(self.cell.proj.removeprefix("EPSG:"))

    @cached_property
    def area_sqkm(self) -> float:
        """Geodesic area of the footprint, in km²."""
        return float(abs(_GEOD.geometry_area_perimeter(self.footprint)[0]) / 1e6)

    def intersects(self, aoi: BaseGeometry) -> bool:
        """Return whether there is data in the cell and in an AOI (WGS84); neighbors have the data in the margin."""
        return bool(self.footprint.intersects(self.cell_area.intersection(aoi)))

    @property
    def clouds_percent(self) -> float:
        """Cloud cover of the footprint, 0 to 100."""
        return float(self.properties.get("tile:clouds_percent") or 0)


class Catalog:
    """The tiles that can be ordered, by acquisition and cell.

    `as_of` is the date from which the age of acquisitions is computed, if the file has one.
    """

    def __init__(self, tiles: Iterable[Tile], as_of: date | None = None) -> None:
        self.as_of = as_of
        self._lock = threading.Lock()
        self._tiles: dict[str, dict[str, Tile]] = {}
        self._cells: dict[str, list[Tile]] = {}
        self._index: tuple[STRtree, list[Tile]] | None = None
        self._insert(tiles)

    @classmethod
    def load(cls, paths: Sequence[str | Path] = ()) -> "Catalog":
        """Read one or more GeoJSON files; without any, the bundled catalog.

        Raises ValueError if a file is not a catalog.
        """
        if not paths:
            return _bundled()
        tiles: list[Tile] = []
        for path in paths:
            tiles += _tiles(json.loads(Path(path).read_text(encoding="utf-8")), str(path))
        return cls(tiles)

    @property
    def acquisitions(self) -> list[str]:
        """The IDs of all acquisitions, in the order of the file."""
        return list(self._tiles)

    def __contains__(self, acquisition_id: object) -> bool:
        return acquisition_id in self._tiles

    def tiles(self, acquisition_id: str) -> dict[str, Tile]:
        """Return the tiles of an acquisition by cell ID; raises KeyError for an unknown acquisition."""
        return self._tiles[acquisition_id]

    def __iter__(self) -> Iterator[Tile]:
        return (tile for tiles in list(self._tiles.values()) for tile in list(tiles.values()))

    def __len__(self) -> int:
        return sum(len(tiles) for tiles in self._tiles.values())

    def in_cell(self, cell_id: str) -> list[Tile]:
        """Return the tiles in a cell; empty for an unknown cell."""
        return list(self._cells.get(cell_id, ()))

    def intersecting(self, aoi: BaseGeometry) -> list[Tile]:
        """Return the tiles whose footprint, margin included, intersects an AOI (WGS84), in the order of the file."""
        with self._lock:
            if self._index is None:
                tiles = list(self)
                self._index = STRtree([tile.footprint for tile in tiles]), tiles
            tree, tiles = self._index
        return [tiles[index] for index in sorted(tree.query(aoi, predicate="intersects"))]

    def publish(self, document: dict[str, Any], name: str = "published") -> list[Tile]:
        """Add the tiles of a GeoJSON document and return those that are new.

        Raises ValueError if the document is not a catalog.
        """
        tiles = list(_tiles(document, name))
        new = [tile for tile in tiles if tile.cell_id not in self._tiles.get(tile.acquisition_id, {})]
        with self._lock:
            self._insert(new)
            self._index = None
        return new

    def copy(self) -> "Catalog":
        """Return an independent catalog of the same tiles."""
        return Catalog(self, self.as_of)

    def _insert(self, tiles: Iterable[Tile]) -> None:
        for tile in tiles:
            cells = self._tiles.setdefault(tile.acquisition_id, {})
            if tile.cell_id not in cells:
                self._cells.setdefault(tile.cell_id, []).append(tile)
            cells[tile.cell_id] = tile


@lru_cache(maxsize=1)
def _bundled() -> Catalog:
    """Return the bundled catalog, read once per process, so that caches of rendered tiles can use its tiles as keys."""
    document = json.loads(resources.files(__package__).joinpath(BUNDLED).read_text(encoding="utf-8"))
    return Catalog(_tiles(document, BUNDLED), date.fromisoformat(document["as_of"]))


def _tiles(document: dict[str, Any], name: str) -> Iterable[Tile]:
    try:
        for feature in document["features"]:
            properties = feature["properties"]
            yield Tile(
                acquisition_id=properties["catalog_id"],
                zone=int(properties["utm_zone"]),
                quadkey=properties["quadkey"],
                acquired_at=datetime.fromisoformat(properties["datetime"]),
                footprint=shape(feature["geometry"]),
                properties=properties,
            )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{name} is not a catalog of ARD tiles: {error!r}") from error
