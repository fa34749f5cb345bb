"""One tile that a search found, and how well it covers the area searched."""

from dataclasses import dataclass
from typing import Any, Self

from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.backend.catalog import Tile

# What the catalog calls a satellite, and what the API calls it.
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
    """A tile that was found. `data_percentage` is the share of the searched part of the cell that it has data for."""

    tile: Tile
    data_percentage: float
    category: str

    @classmethod
    def of(cls, tile: Tile, area: BaseGeometry | None, category: str) -> Self | None:
        """Return a tile as a match of an area, None if it has no data there; without an area it is the cell's."""
        searched = tile.cell_area if area is None else tile.cell_area.intersection(area)
        if area is not None and not tile.footprint.intersects(area):
            return None
        # A footprint may touch an area in a line, and a cell's edge is not quite straight in degrees.
        whole = searched.area
        share = tile.footprint.intersection(searched).area / whole if whole > 0 else 0.0
        return cls(tile, round(min(1.0, share) * 100, 2), category)

    @property
    def cloud_free_percentage(self) -> float:
        """Share of the data that is free of clouds."""
        return round(100 - self.tile.clouds_percent, 2)

    def properties(self) -> dict[str, Any]:
        """Return what the API tells of the tile; degrees, meters, km² and percent."""
        tile, known = self.tile, self.tile.properties
        views = {name: value for name, value in known.items() if name.startswith("view:")}
        return {
            "acquisition_id": tile.acquisition_id,
            "catalog_id": tile.acquisition_id,
            "cell_id": tile.cell_id,
            "date": f"{tile.acquired_at:%Y-%m-%d}",
            "datetime": tile.acquired_at.isoformat().replace("+00:00", "Z"),
            "platform": PLATFORMS.get(str(known.get("platform")), str(known.get("platform", "")).lower()),
            "gsd": known.get("gsd"),
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
    """Rank matches by how much cloud-free data they have for the area, newer ones before older."""
    return match.data_percentage * match.cloud_free_percentage, match.tile.acquired_at.timestamp()


def by_date(match: Match) -> float:
    """Rank newer matches before older ones."""
    return match.tile.acquired_at.timestamp()
