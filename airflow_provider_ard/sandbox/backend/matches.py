"""A tile that matches a search, and its coverage of the AOI."""

from dataclasses import dataclass
from typing import Any, Self

from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.backend.catalog import Tile

# Platform names of the catalog and of the API.
PLATFORMS = {
    "WV01": "worldview-01",
    "WV02": "worldview-02",
    "WV03": "worldview-03",
    "WV04": "worldview-04",
    "GE01": "geoeye-01",
    "LG01": "legion-01",
}


@dataclass(frozen=True)
class Match:
    """A matching tile; `data_percentage` is the part of the AOI in its cell that it has data for."""

    tile: Tile
    data_percentage: float
    category: str

    @classmethod
    def for_tile(cls, tile: Tile, aoi: BaseGeometry | None, category: str) -> Self | None:
        """Return the match of a tile and an AOI, None if they do not intersect; without an AOI it is the cell."""
        searched = tile.cell_area if aoi is None else tile.cell_area.intersection(aoi)
        if aoi is not None and not tile.intersects(aoi):
            return None
        # The intersection may be a line, and projected cell edges are not quite straight in degrees.
        share = tile.footprint.intersection(searched).area / searched.area if searched.area > 0 else 0.0
        return cls(tile, round(min(1.0, share) * 100, 2), category)

    @property
    def cloud_free_percentage(self) -> float:
        """Share of the data that is free of clouds."""
        return round(100 - self.tile.clouds_percent, 2)

    def properties(self) -> dict[str, Any]:
        """Return the tile's properties in the form of the API; units are degrees, meters, km² and percent."""
        tile, properties = self.tile, self.tile.properties
        views = {name: value for name, value in properties.items() if name.startswith("view:")}
        return {
            "acquisition_id": tile.acquisition_id,
            "catalog_id": tile.acquisition_id,
            "cell_id": tile.cell_id,
            "date": f"{tile.acquired_at:%Y-%m-%d}",
            "datetime": tile.acquired_at.isoformat().replace("+00:00", "Z"),
            "platform": PLATFORMS.get(str(properties.get("platform")), str(properties.get("platform", "")).lower()),
            "gsd": properties.get("gsd"),
            "epsg": tile.epsg,
            **views,
            "eo:cloud_cover": tile.clouds_percent,
            "tile:zone": tile.zone,
            "tile:quadkey": tile.quadkey,
            "tile:data_area": round(tile.area_sqkm, 2),
            "tile:clouds_percent": tile.clouds_percent,
            "aoi:data_percentage": self.data_percentage,
            "aoi:cloud_free_percentage": self.cloud_free_percentage,
            "image_age_category": self.category,
            "wkt": tile.footprint.wkt,
        }


def by_quality(match: Match) -> tuple[float, float]:
    """Sort key: cloud-free data in the AOI, then the acquisition time."""
    return match.data_percentage * match.cloud_free_percentage, match.tile.acquired_at.timestamp()


def by_date(match: Match) -> float:
    """Sort key: the acquisition time."""
    return match.tile.acquired_at.timestamp()
