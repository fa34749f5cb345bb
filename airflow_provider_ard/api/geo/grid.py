"""Coordinates of the ARD grid's cells: squares of 5 km in UTM, named by zone and quadkey (`Z13-031133320203`).

Source: PyPI's maxar-ard-grid; the tests compare both.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyproj import Transformer

CELL_SIZE_M = 5_000
# A zone has 4096 cells in each direction, centered on the intersection of equator and central meridian.
_CENTRAL_MERIDIAN_M = 500_000
_FALSE_NORTHING_M = 10_000_000
_CELL_ID = re.compile(r"Z(0[1-9]|[1-5]\d|60)-([0-3]{12})")
_X_BITS, _Y_BITS = str.maketrans("0123", "0101"), str.maketrans("0123", "0011")

Ring = list[tuple[float, float]]
Box = tuple[float, float, float, float]


def is_cell_id(value: object) -> bool:
    """Return whether a value is a cell ID, such as `Z13-031133320203`."""
    return isinstance(value, str) and _CELL_ID.fullmatch(value) is not None


def footprint(cell_id: str, margin_m: float = 0) -> Ring:
    """Return a cell's corners with a margin in meters, as a closed ring of longitude and latitude in WGS84 degrees.

    Raises ValueError for an invalid cell ID.
    """
    zone, x, y = _index(cell_id)
    east, north = _corner(x, y)
    east, north, size = east - margin_m, north - margin_m, CELL_SIZE_M + 2 * margin_m
    return list(
        _degrees(
            zone,
            y >= 0,
            [(east + dx * size, north + dy * size) for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))],
        )
    )


def bounds(cell_ids: Iterable[str]) -> Box | None:
    """Return west, south, east and north of some cells (degrees), None without any.

    At the antimeridian west is greater than east. Takes one projection per zone; invalid IDs are
    ignored.
    """
    cells_in_order = sorted({_index(cell_id) for cell_id in cell_ids if is_cell_id(cell_id)})
    points: list[tuple[float, float]] = []
    for (zone, north_of_equator), cells in groupby(sorted(cells_in_order, key=_hemisphere), key=_hemisphere):
        indexes = list(cells)
        columns, rows = [x for _, x, _ in indexes], [y for _, _, y in indexes]
        corners = [_corner(x, y) for x in (min(columns), max(columns) + 1) for y in (min(rows), max(rows) + 1)]
        points += _degrees(zone, north_of_equator, corners)
    if not points:
        return None
    longitudes = sorted(longitude for longitude, _ in points)
    latitudes = [latitude for _, latitude in points]
    west, east = longitudes[0], longitudes[-1]
    if east - west > 180:
        west = min(longitude for longitude in longitudes if longitude > 0)
        east = max(longitude for longitude in longitudes if longitude <= 0)
    return west, min(latitudes), east, max(latitudes)


def _hemisphere(cell: tuple[int, int, int]) -> tuple[int, bool]:
    return cell[0], cell[2] >= 0


def _index(cell_id: str) -> tuple[int, int, int]:
    """Return the zone, and the offset in cells east of the central meridian and north of the equator."""
    match = _CELL_ID.fullmatch(cell_id)
    if match is None:
        raise ValueError(f"not a cell ID: {cell_id!r}")
    # Each digit has one bit of x and one of y. Quadkeys count from the top left.
    return int(match[1]), int(match[2].translate(_X_BITS), 2) - 2048, 2047 - int(match[2].translate(_Y_BITS), 2)


def _corner(x: int, y: int) -> tuple[float, float]:
    return _CENTRAL_MERIDIAN_M + x * CELL_SIZE_M, y * CELL_SIZE_M


def _degrees(
    zone: int,
    north_of_equator: bool,
    points_m: list[tuple[float, float]],
) -> Iterator[tuple[float, float]]:
    eastings, northings = zip(*points_m, strict=True)
    shift = 0 if north_of_equator else _FALSE_NORTHING_M
    longitudes, latitudes = _from_utm(zone, north_of_equator).transform(eastings, [y + shift for y in northings])
    return zip(longitudes, latitudes, strict=True)


@lru_cache(maxsize=120)
def _from_utm(zone: int, north_of_equator: bool) -> Transformer:
    from pyproj import Transformer  # noqa: PLC0415 -- slow to import, and most orders need no coordinates of cells

    return Transformer.from_crs(32600 + zone if north_of_equator else 32700 + zone, 4326, always_xy=True)
