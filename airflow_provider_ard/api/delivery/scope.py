"""What an order asked for, as its status repeats it: which of the tiles in a shared place are its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import shapely

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.grid import footprint, is_cell_id
from airflow_provider_ard.api.orders.acquisitions import read_acquisitions
from airflow_provider_ard.api.orders.status import EchoedRequest

if TYPE_CHECKING:
    from airflow_provider_ard.api.delivery.layout import TileLocation

# A tile reaches 156.25 m beyond its cell. Whether the API counts that is not documented: none of an order's tiles may
# be lost for it.
MARGIN_M = 200.0


class Ask:
    """What an order asked for. Orders into one place share the collections of acquisitions that they have in common.

    Cells asked for by name are told apart exactly, an AOI by the cells that it meets. What the status does not repeat,
    such as the contents of a Select, restricts nothing.
    """

    def __init__(self, echo: EchoedRequest | None) -> None:
        self._echo = echo or EchoedRequest()

    def has(self, tile: TileLocation) -> bool:
        """Tell whether a tile can be of this order."""
        if self._acquisitions is not None:
            if tile.acquisition_id not in self._acquisitions:
                return False
            cells = self._acquisitions[tile.acquisition_id]
            if cells and tile.cell_id not in cells:
                return False
        return self._area is None or self._meets(tile.cell_id)

    @property
    def tile_count(self) -> int | None:
        """How many tiles the order asked for, where the request alone tells; None where an AOI or a whole one does."""
        if not self._acquisitions or self._echo.intersects or self._echo.bbox:
            return None
        counts = [len(cells) for cells in self._acquisitions.values()]
        return sum(counts) if all(counts) else None

    @cached_property
    def _acquisitions(self) -> dict[str, frozenset[str]] | None:
        try:
            asked = read_acquisitions(self._echo.acquisitions) if self._echo.acquisitions else ()
        except ArdRequestError:
            return None
        return {acquisition.id: frozenset(acquisition.cells) for acquisition in asked} or None

    @cached_property
    def _area(self) -> Any:
        try:
            if self._echo.bbox:
                area = shapely.box(*map(float, self._echo.bbox))
            elif self._echo.intersects:
                area = _geometry(self._echo.intersects)
            else:
                return None
        except (ValueError, TypeError, AttributeError, shapely.GEOSException):
            return None
        shapely.prepare(area)
        return area

    def _meets(self, cell_id: str) -> bool:
        if not is_cell_id(cell_id):
            return True
        corners = footprint(cell_id, MARGIN_M)
        longitudes = [longitude for longitude, _ in corners]
        # Across the antimeridian degrees have no order.
        across = max(longitudes) - min(longitudes) > 180
        return across or bool(self._area.intersects(shapely.Polygon(corners)))


def _geometry(value: object) -> Any:
    if isinstance(value, Mapping):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise TypeError
    return shapely.from_geojson(value) if value.lstrip().startswith("{") else shapely.from_wkt(value)
