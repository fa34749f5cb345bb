"""Polygons with fewer vertices that still cover the original ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapely.geometry.base import BaseGeometry

# No degree is longer, meters.
_LONGEST_DEGREE = 112_000.0
_WORLD = shapely.box(-180, -90, 180, 90)
_FINEST_M = 1.0
_DOUBLINGS = 25
_HALVINGS = 5


def simplify_polygons(polygons: Any, max_vertices: int, argument: str) -> tuple[Any, list[float]]:
    """Return polygons with at most `max_vertices` each, and by how many meters the changed ones exceed theirs."""
    result, tolerances = list(polygons), []
    for index in np.flatnonzero(shapely.get_num_coordinates(polygons) > max_vertices):
        result[index], tolerance = _covering(polygons[index], max_vertices, argument)
        tolerances.append(tolerance)
    return np.array(result, dtype=object), tolerances


def _covering(polygon: BaseGeometry, max_vertices: int, argument: str) -> tuple[BaseGeometry, float]:
    """Return a polygon that covers the original, and an upper bound of how far it exceeds it, in meters.

    The tolerance is doubled until there are few enough vertices, and then narrowed between the last two values.
    """
    attempt = _attempts(polygon, max_vertices)
    fine, coarse, covering = 0.0, _FINEST_M, None
    for _ in range(_DOUBLINGS):
        if (covering := attempt(coarse)) is not None:
            break
        fine, coarse = coarse, 2 * coarse
    if covering is None:
        raise ArdRequestError("a polygon cannot be simplified; split it", argument=argument)
    for _ in range(_HALVINGS if fine else 0):
        middle = math.sqrt(fine * coarse)
        if (better := attempt(middle)) is None:
            fine = middle
        else:
            coarse, covering = middle, better
    return covering, coarse


def _attempts(polygon: BaseGeometry, max_vertices: int) -> Callable[[float], BaseGeometry | None]:
    """Return a function: tolerance in meters -> covering polygon, None if that has too many vertices."""
    _, south, _, north = polygon.bounds
    nearest_to_equator = 0.0 if south < 0 < north else min(abs(south), abs(north))
    # In these units no length exceeds _LONGEST_DEGREE meters, at any latitude of the polygon.
    squeeze = np.array([max(math.cos(math.radians(nearest_to_equator)), 1e-3), 1.0])
    squeezed = shapely.transform(polygon, lambda points: points * squeeze)

    def attempt(tolerance_m: float) -> BaseGeometry | None:
        tolerance = tolerance_m / _LONGEST_DEGREE
        # The buffer is larger than what the two simplifications can remove. A mitred corner extends twice as far:
        # 0.16 + 2 * 0.34 + 0.16 is the whole tolerance.
        coarse = squeezed.simplify(0.16 * tolerance)
        simple = coarse.buffer(0.34 * tolerance, join_style="mitre", mitre_limit=2).simplify(0.16 * tolerance)
        simple = shapely.transform(simple, lambda points: points / squeeze)
        if not _WORLD.covers(simple):
            simple = simple.intersection(_WORLD)
        few = simple.geom_type == "Polygon" and shapely.get_num_coordinates(simple) <= max_vertices
        return simple if few and simple.is_valid and simple.covers(polygon) else None

    return attempt
