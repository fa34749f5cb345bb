"""The scope of an order, from the request that its status echoes: which tiles of a shared destination belong to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import shapely

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.grid import footprint, is_cell_id
from airflow_provider_ard.api.orders.acquisitions import parse_acquisitions
from airflow_provider_ard.api.orders.status import EchoedRequest

if TYPE_CHECKING:
    from airflow_provider_ard.api.delivery.layout import TileLocation

# A tile extends 156.25 m beyond its cell. Whether the API includes that is not documented; no tile may be missed.
MARGIN_M = 200.0


class OrderScope:
    """Which tiles an order covers. Orders with the same destination share the collections of common acquisitions.

    Exact for an order by cells; for an AOI, by the cells that intersect it. What the status does not echo, such as the
    contents of a Select, restricts nothing.
    """

    def __init__(self, echo: EchoedRequest | None) -> None:
        self._echo = echo or EchoedRequest()

    def contains(self, tile: TileLocation) -> bool:
        """Return whether a tile can belong to the order."""
        if self._acquisitions is not None:
            if tile.acquisition_id not in self._acquisitions:
                return False
            cells = self._acquisitions[tile.acquisition_id]
            if cells and tile.cell_id not in cells:
                return False
        return self._aoi is None or self._meets(tile.cell_id, MARGIN_M)

    @property
    def ordered_cells(self) -> dict[str, frozenset[str] | None]:
        """The ordered cells of each acquisition that intersect the AOI; None for a complete acquisition."""
        return {
            acquisition_id: frozenset(cell for cell in cells if self._aoi is None or self._meets(cell, 0.0))
            if cells
            else None
            for acquisition_id, cells in (self._acquisitions or {}).items()
        }

    @property
    def tile_count(self) -> int | None:
        """The number of ordered tiles, if the request determines it; None with an AOI or a complete acquisition."""
        if not self._acquisitions or self._echo.intersects or self._echo.bbox:
            return None
        counts = [len(cells) for cells in self._acquisitions.values()]
        return sum(counts) if all(counts) else None

    @cached_property
    def _acquisitions(self) -> dict[str, frozenset[str]] | None:
        try:
            acquisitions = parse_acquisitions(self._echo.acquisitions) if self._echo.acquisitions else ()
        except ArdRequestError:
            return None
        return {acquisition.id: frozenset(acquisition.cells) for acquisition in acquisitions} or None

    @cached_property
    def _aoi(self) -> Any:
        try:
            if self._echo.bbox:
                aoi = shapely.box(*map(float, self._echo.bbox))
            elif self._echo.intersects:
                aoi = _geometry(self._echo.intersects)
            else:
                return None
        except (ValueError, TypeError, AttributeError, shapely.GEOSException):
            return None
        shapely.prepare(aoi)
        return aoi

    def _meets(self, cell_id: str, margin_m: float) -> bool:
        if not is_cell_id(cell_id):
            return True
        corners = footprint(cell_id, margin_m)
        longitudes = [longitude for longitude, _ in corners]
        # Degrees are not ordered across the antimeridian.
        across = max(longitudes) - min(longitudes) > 180
        return across or bool(self._aoi.intersects(shapely.Polygon(corners)))


def _geometry(value: object) -> Any:
    if isinstance(value, Mapping):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise TypeError
    return shapely.from_geojson(value) if value.lstrip().startswith("{") else shapely.from_wkt(value)
