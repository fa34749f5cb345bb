"""Generate the bundled catalog from a seed.

`python -m airflow_provider_ard.sandbox.rendering.catalog_generator`

Two locations in different hemispheres, each with ten acquisitions from 2019 to 2026, to cover every age class, and one
with panchromatic acquisitions of WorldView-1 beside multispectral ones. Footprints have the margin of delivered tiles.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from maxar_ard_grid import Cell
from pyproj import Transformer
from shapely import set_precision
from shapely.geometry import Point, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.backend.catalog import BUNDLED, MARGIN_M
from airflow_provider_ard.sandbox.rendering.imagery import cloud_field
from airflow_provider_ard.sandbox.rendering.projection import WGS84, project

AS_OF = date(2026, 11, 1)
CELLS = 3
_MIN_DATA_SQKM = 0.8
_SENSORS = {"WV01": ("102", 0.5), "WV02": ("103", 0.46), "WV03": ("104", 0.31), "GE01": ("105", 0.41)}


@dataclass(frozen=True)
class Location:
    """A block of 3 x 3 cells around a point, and the dates of its acquisitions.

    `hour` is the hour of day (UTC) at which satellites pass, `platforms` the satellites that may acquire it. Lines are
    missing in the images of the days `gaps`, which splits the footprints of tiles in two.
    """

    name: str
    lon: float
    lat: float
    zone: int
    hour: int
    days: tuple[str, ...]
    platforms: tuple[str, ...] = ("WV02", "WV03", "GE01")
    gaps: tuple[str, ...] = ()


LOCATIONS = (
    Location(
        "Longmont, Colorado",
        -105.1019,
        40.1672,
        13,
        18,
        (
            "2019-06-18",
            "2020-08-03",
            "2021-10-09",
            "2023-02-24",
            "2024-05-30",
            "2025-07-12",
            "2026-04-21",
            "2026-08-19",
            "2026-09-14",
            "2026-10-22",
        ),
    ),
    Location(
        "Mendoza, Argentina",
        -68.8458,
        -32.8895,
        19,
        14,
        (
            "2019-12-11",
            "2021-01-27",
            "2022-03-15",
            "2023-07-06",
            "2024-01-19",
            "2025-02-08",
            "2026-01-16",
            "2026-08-27",
            "2026-09-25",
            "2026-10-17",
        ),
        gaps=("2022-03-15",),
    ),
    Location("Zaragoza, Spain", -0.8891, 41.6488, 30, 11, ("2020-09-05", "2024-06-11", "2026-09-19"), ("WV01", "WV02")),
)


def generate() -> dict[str, Any]:
    """Return the catalog as a GeoJSON FeatureCollection; the result is always the same."""
    features: list[dict[str, Any]] = []
    for location in LOCATIONS:
        random = Random(f"catalogue {location.name}")  # noqa: S311 - reproducible
        for index, day in enumerate(location.days):
            features += _acquisition(location, day, index, random)
    return {"type": "FeatureCollection", "name": "sandbox", "as_of": AS_OF.isoformat(), "features": features}


def write(path: Path) -> None:
    """Write the catalog, one line per tile."""
    catalog = generate()
    lines = [json.dumps(feature, separators=(",", ":")) for feature in catalog.pop("features")]
    head = json.dumps(catalog, separators=(",", ":"))[:-1]
    path.write_text(head + ',"features":[\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


def _acquisition(location: Location, day: str, index: int, random: Random) -> list[dict[str, Any]]:
    platform = random.choice(location.platforms)
    prefix, gsd = _SENSORS[platform]
    acquisition_id = f"{prefix}00100{random.randrange(16**6):06X}00"
    off_nadir = round(random.uniform(3, 29), 1)
    noon = datetime.fromisoformat(day).replace(hour=location.hour, tzinfo=UTC)
    acquired_at = noon + timedelta(seconds=random.randrange(1800))
    elevation, azimuth = _sun(acquired_at.date(), location.lat)
    # Every third acquisition is free of clouds.
    cloudy = 0.0 if index % 3 == 0 else random.choice((0.03, 0.08, 0.15, 0.3, 0.55))
    common = {
        "datetime": acquired_at.isoformat().replace("+00:00", "Z"),
        "platform": platform,
        "gsd": round(gsd / math.cos(math.radians(off_nadir)), 2),
        "catalog_id": acquisition_id,
    }
    view = {
        "view:off_nadir": off_nadir,
        "view:azimuth": round(random.uniform(0, 360), 1),
        "view:incidence_angle": round(90 - off_nadir * 1.12, 1),
        "view:sun_azimuth": azimuth,
        "view:sun_elevation": elevation,
    }
    center = _center_cell(location)
    swath = _swath(center, random)
    if day in location.gaps:
        swath = swath.difference(_gap(center))
    threshold = _cloud_threshold(center, acquisition_id, cloudy)
    assets = ["data-mask", *(["ms_analytic"] if platform != "WV01" else []), "pan_analytic", "visual"]
    tiles = [_tile(cell, swath, acquisition_id, threshold) for cell in _block(center)]
    return [
        {
            "type": "Feature",
            "properties": {
                **common,
                "utm_zone": location.zone,
                "quadkey": cell.quadkey,
                **view,
                "grid:code": f"MXRA-{cell.id}",
                **details,
                "assets": assets,
                "path": f"{cell.zone:02d}/{cell.quadkey}/{day}/{acquisition_id}",
            },
            "geometry": geometry,
        }
        for cell, details, geometry in (tile for tile in tiles if tile is not None)
    ]


def _center_cell(location: Location) -> Cell:
    epsg = f"EPSG:32{7 if location.lat < 0 else 6}{location.zone:02d}"
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(location.lon, location.lat)
    # In the grid, northings of the southern hemisphere are negative.
    cell = Cell(0, 0, 12, zone=location.zone)
    size = cell.grid_bounds[2] - cell.grid_bounds[0]
    column = int((x - cell.grid_bounds[0]) // size)
    row = int((cell.grid_bounds[3] - (y - (10_000_000 if location.lat < 0 else 0))) // size)
    return Cell(column, row, 12, zone=location.zone)


def _block(center: Cell) -> list[Cell]:
    reach = range(-(CELLS // 2), CELLS // 2 + 1)
    return [Cell(center.x + dx, center.y + dy, 12, zone=center.zone) for dy in reach for dx in reach]


def _swath(center: Cell, random: Random) -> BaseGeometry:
    """Return a swath 6 to 13 km wide, tilted like an orbit, with uneven edges."""
    xmin, ymin, xmax, ymax = center.bounds
    x0, y0 = (xmin + xmax) / 2 + random.uniform(-3500, 3500), (ymin + ymax) / 2
    half = random.uniform(3200, 6600)
    lean = math.tan(math.radians(random.uniform(-14, 14)))
    low, high = random.choice(((-14000, 14000), (-14000, 14000), (-5600, 14000), (-14000, 5600)))
    heights = np.linspace(low, high, 9)
    left = [(x0 - half + lean * h + random.uniform(-60, 60), y0 + h) for h in heights]
    right = [(x0 + half + lean * h + random.uniform(-60, 60), y0 + h) for h in heights]
    return Polygon([*left, *reversed(right)])


def _gap(center: Cell) -> BaseGeometry:
    """Return the area of missing lines, across the middle of the block."""
    xmin, ymin, xmax, ymax = center.bounds
    middle = (ymin + ymax) / 2
    return box(xmin - 14000, middle - 40, xmax + 14000, middle + 40)


def _cloud_threshold(center: Cell, acquisition_id: str, share: float) -> float:
    """Return the cloud density that a given share of the block exceeds."""
    if share == 0:
        return math.inf
    cells = _block(center)
    bounds = box(*cells[0].bounds).union(box(*cells[-1].bounds)).bounds
    axes = (np.linspace(bounds[0], bounds[2], 150), np.linspace(bounds[3], bounds[1], 150))
    return float(np.quantile(cloud_field(axes, acquisition_id), 1 - share))


def _tile(
    cell: Cell, swath: BaseGeometry, acquisition_id: str, threshold: float
) -> tuple[Cell, dict[str, Any], dict[str, Any]] | None:
    if box(*cell.bounds).intersection(swath).area / 1e6 < _MIN_DATA_SQKM:
        return None
    bounds = box(*cell.bounds).buffer(MARGIN_M, join_style="mitre")
    data, (xmin, ymin, xmax, ymax) = bounds.intersection(swath), bounds.bounds
    axes = (np.linspace(xmin + 50, xmax - 50, 53), np.linspace(ymax - 50, ymin + 50, 53))
    cloud = cloud_field(axes, acquisition_id) > threshold
    points = [
        (x, y)
        for row, y in enumerate(axes[1])
        for column, x in enumerate(axes[0])
        if cloud[row, column] and data.covers(Point(x, y))
    ]
    clouds = len(points) * (xmax - xmin) * (ymax - ymin) / cloud.size / 1e6
    area = data.area / 1e6
    details = {
        "proj:bbox": ",".join(f"{value:.2f}".rstrip("0").rstrip(".") for value in data.bounds),
        "proj:epsg": int(cell.proj.removeprefix("EPSG:")),
        "tile:data_area": round(area, 1),
        "tile:clouds_area": round(min(clouds, area), 1),
        "tile:clouds_percent": min(100, round(100 * clouds / area)),
    }
    return cell, details, mapping(set_precision(project(data, cell.proj, WGS84), 1e-6))


def _sun(day: date, lat: float) -> tuple[float, float]:
    """Return the elevation and azimuth of the sun in degrees, near noon."""
    tilt = -23.44 * math.cos(2 * math.pi * (day.timetuple().tm_yday + 10) / 365.25)
    return round(90 - abs(lat - tilt) - 4, 1), 158.0 if lat > tilt else 24.0


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "backend" / BUNDLED)
