"""The tiles of the suite: five at a border of UTM zones, as a catalog for the sandbox and as facts for the real form.

Two neighbors of one acquisition in zone 13, a third in zone 14 that overlaps with the second, a tile of WorldView-1 with
its one-band visual image, and a tile whose data is in two parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyproj import Transformer
from shapely import box, transform
from shapely.geometry import MultiPolygon, Polygon, mapping

WGS84 = 4326
# The files of a tile extend beyond its cell by this, on each side.
MARGIN_M = 156.25
CELL_M = 5000.0
TILE_M = CELL_M + 2 * MARGIN_M


@dataclass(frozen=True)
class Acquisition:
    """One pass of a satellite; `gsd` in meters."""

    id: str
    platform: str
    gsd: float
    acquired_at: str

    @property
    def panchromatic(self) -> bool:
        return self.platform == "WV01"

    @property
    def ms_bands(self) -> int:
        """The number of multispectral bands."""
        return {"WV01": 0, "GE01": 4}.get(self.platform, 8)


@dataclass(frozen=True)
class Tile:
    """An acquisition in a cell of the ARD grid; `x` and `y` are the cell's lower left corner in UTM meters.

    `gap` leaves a strip without data, so that the footprint has two parts.
    """

    acquisition: Acquisition
    zone: int
    quadkey: str
    x: float
    y: float
    gap: bool = False

    @property
    def epsg(self) -> int:
        return 32600 + self.zone

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The bounds of the tile's files in UTM meters."""
        edge = CELL_M + MARGIN_M
        return self.x - MARGIN_M, self.y - MARGIN_M, self.x + edge, self.y + edge

    @property
    def data(self) -> Polygon | MultiPolygon:
        """Where the tile has data, in UTM meters."""
        xmin, ymin, xmax, ymax = self.bounds
        if not self.gap:
            return box(xmin, ymin, xmax, ymax)
        return MultiPolygon([box(xmin, ymin, self.x + 2000, ymax), box(self.x + 3000, ymin, xmax, ymax)])

    @property
    def footprint(self) -> Polygon | MultiPolygon:
        """Where the tile has data, in degrees."""
        to_degrees = Transformer.from_crs(self.epsg, WGS84, always_xy=True)
        return transform(self.data, to_degrees.transform, interleaved=False)

    @property
    def path(self) -> str:
        """The path of the tile's files in a delivery, without suffix."""
        day = self.acquisition.acquired_at[:10]
        return f"{self.zone:02d}/{self.quadkey}/{day}/{self.acquisition.id}"

    @property
    def properties(self) -> dict[str, Any]:
        """What an item and a feature of the catalog have in common."""
        return {
            "catalog_id": self.acquisition.id,
            "utm_zone": self.zone,
            "quadkey": self.quadkey,
            "view:off_nadir": 12.3,
            "view:azimuth": 241.2,
            "view:incidence_angle": 76.1,
            "view:sun_azimuth": 158.0,
            "view:sun_elevation": 60.2,
            "tile:data_area": round(self.data.area / 1e6, 1),
            "tile:clouds_area": 0.0,
            "tile:clouds_percent": 0,
        }


WV02 = Acquisition("10300100DA5E1C00", "WV02", 0.52, "2022-10-03T17:42:35Z")
WV01 = Acquisition("10200100C5E7A100", "WV01", 0.55, "2022-10-05T18:11:03Z")
GE01 = Acquisition("105001002F6D3C00", "GE01", 0.45, "2022-10-09T17:55:41Z")

WEST = Tile(WV02, 13, "120020112010", 750000.0, 4435000.0)
EAST = Tile(WV02, 13, "120020112011", 755000.0, 4435000.0)
NEXT_ZONE = Tile(WV02, 14, "031131003101", 245000.0, 4435000.0)
PANCHROMATIC = Tile(WV01, 13, "120020112011", 755000.0, 4435000.0)
TWO_PARTS = Tile(GE01, 13, "120020112010", 750000.0, 4435000.0, gap=True)
TILES = (WEST, EAST, NEXT_ZONE, PANCHROMATIC, TWO_PARTS)


def catalog() -> dict[str, Any]:
    """Return the tiles as a catalog for the sandbox."""
    features = [
        {
            "type": "Feature",
            "properties": {
                "datetime": tile.acquisition.acquired_at,
                "platform": tile.acquisition.platform,
                "gsd": tile.acquisition.gsd,
                **tile.properties,
                "proj:epsg": tile.epsg,
                "path": tile.path,
            },
            "geometry": mapping(tile.footprint),
        }
        for tile in TILES
    ]
    return {"type": "FeatureCollection", "features": features}
