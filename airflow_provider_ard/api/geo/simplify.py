"""Polygons with fewer vertices that still cover the original ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

# No degree is longer, meters.
_LONGEST_DEGREE = 112_000.0
_WORLD = shapely.box(-180, -90, 180, 90)
# The tolerances that are tried, meters, and how often the last step between two of them is halved.
_FINEST_M, _COARSEST_M = 1.0, 2.0**25
_HALVINGS = 5
# A polygon of more vertices than this, in multiples of the limit, is not buffered: that takes long, and does not remove
# that many.
_MOST_BUFFERED = 30


def simplify_polygons(polygons: Any, max_vertices: int, argument: str) -> tuple[Any, list[float]]:
    """Return polygons with at most `max_vertices` each, and by how many meters the changed ones exceed theirs."""
    result, tolerances = list(polygons), []
    for index in np.flatnonzero(shapely.get_num_coordinates(polygons) > max_vertices):
        result[index], tolerance = _covering(polygons[index], max_vertices, argument)
        tolerances.append(tolerance)
    return np.array(result, dtype=object), tolerances


def _covering(polygon: BaseGeometry, max_vertices: int, argument: str) -> tuple[BaseGeometry, float]:
    """Return a polygon that covers the original, and an upper bound of how far it exceeds it, in meters.

    The tolerance grows until there are few enough vertices, and is then narrowed between the last two values. Each step
    continues with the vertices that the previous one has left.
    """
    squeeze = _squeeze(polygon)
    reduced, fine, coarse = shapely.transform(polygon, lambda points: points * squeeze), 0.0, _FINEST_M
    while True:
        simple = _simplified(reduced, coarse - fine)
        if (covering := _buffered(simple, coarse, polygon, squeeze, max_vertices)) is not None:
            break
        reduced, fine, coarse = simple, coarse, coarse * _step(simple, max_vertices)
        if coarse > _COARSEST_M:
            raise ArdRequestError("a polygon cannot be simplified; split it", argument=argument)
    for _ in range(_HALVINGS if fine else 0):
        middle = math.sqrt(fine * coarse)
        simple = _simplified(reduced, middle - fine)
        if (better := _buffered(simple, middle, polygon, squeeze, max_vertices)) is None:
            reduced, fine = simple, middle
        else:
            coarse, covering = middle, better
    return covering, coarse


def _squeeze(polygon: BaseGeometry) -> Any:
    """Return factors of the coordinates: in these units no degree exceeds _LONGEST_DEGREE meters at its latitudes."""
    _, south, _, north = polygon.bounds
    nearest_to_equator = 0.0 if south < 0 < north else min(abs(south), abs(north))
    return np.array([max(math.cos(math.radians(nearest_to_equator)), 1e-3), 1.0])


def _step(polygon: BaseGeometry, max_vertices: int) -> float:
    """Return the factor of the next tolerance; it is larger while far too many vertices are left."""
    excess = shapely.get_num_coordinates(polygon) / max_vertices
    return 8.0 if excess > 100 else 4.0 if excess > _MOST_BUFFERED else 2.0


def _simplified(polygon: BaseGeometry, tolerance_m: float) -> BaseGeometry:
    # The buffer is larger than what the two simplifications can remove. A mitred corner extends twice as far:
    # 0.16 + 2 * 0.34 + 0.16 is the whole tolerance.
    return polygon.simplify(0.16 * tolerance_m / _LONGEST_DEGREE)


def _buffered(
    reduced: BaseGeometry, tolerance_m: float, polygon: BaseGeometry, squeeze: Any, max_vertices: int
) -> BaseGeometry | None:
    """Return a polygon that covers the original, from its reduced form; None if it would have too many vertices."""
    if shapely.get_num_coordinates(reduced) > _MOST_BUFFERED * max_vertices:
        return None
    distance = 0.34 * tolerance_m / _LONGEST_DEGREE
    simple = _simplified(reduced.buffer(distance, join_style="mitre", mitre_limit=2), tolerance_m)
    simple = shapely.transform(simple, lambda points: points / squeeze)
    if not _WORLD.covers(simple):
        simple = simple.intersection(_WORLD)
    few = simple.geom_type == "Polygon" and shapely.get_num_coordinates(simple) <= max_vertices
    return simple if few and simple.is_valid and simple.covers(polygon) else None
