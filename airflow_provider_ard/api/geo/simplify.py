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

# No degree is longer, metres.
_LONGEST_DEGREE = 112_000.0
_WORLD = shapely.box(-180, -90, 180, 90)
_FINEST_M = 1.0
_DOUBLINGS = 25
_HALVINGS = 5


def simplified(polygons: Any, most: int, argument: str) -> tuple[Any, list[float]]:
    """Return polygons of at most so many vertices each, and how far each that was changed reaches beyond, metres."""
    result, tolerances = list(polygons), []
    for index in np.flatnonzero(shapely.get_num_coordinates(polygons) > most):
        result[index], tolerance = _covering(polygons[index], most, argument)
        tolerances.append(tolerance)
    return np.array(result, dtype=object), tolerances


def _covering(polygon: BaseGeometry, most: int, argument: str) -> tuple[BaseGeometry, float]:
    """Return a polygon that covers the given one, and a bound of how far it reaches beyond it, metres.

    The tolerance is doubled until the vertices are few enough, and then narrowed down between the last two.
    """
    attempt = _attempts(polygon, most)
    fine, coarse, found = 0.0, _FINEST_M, None
    for _ in range(_DOUBLINGS):
        if (found := attempt(coarse)) is not None:
            break
        fine, coarse = coarse, 2 * coarse
    if found is None:
        raise ArdRequestError("a polygon cannot be simplified; split it", argument=argument)
    for _ in range(_HALVINGS if fine else 0):
        middle = math.sqrt(fine * coarse)
        if (better := attempt(middle)) is None:
            fine = middle
        else:
            coarse, found = middle, better
    return found, coarse


def _attempts(polygon: BaseGeometry, most: int) -> Callable[[float], BaseGeometry | None]:
    """Return a function of a tolerance in metres: a covering polygon within it, None if it has too many vertices."""
    _, south, _, north = polygon.bounds
    nearest_to_equator = 0.0 if south < 0 < north else min(abs(south), abs(north))
    # In these units no length is more than _LONGEST_DEGREE metres, at any latitude of the polygon.
    squeeze = np.array([max(math.cos(math.radians(nearest_to_equator)), 1e-3), 1.0])
    squeezed = shapely.transform(polygon, lambda points: points * squeeze)

    def attempt(tolerance_m: float) -> BaseGeometry | None:
        tolerance = tolerance_m / _LONGEST_DEGREE
        # The growth is more than the two simplifications can take away. A mitred corner reaches out twice as far:
        # 0.16 + 2 * 0.34 + 0.16 is the whole tolerance.
        coarse = squeezed.simplify(0.16 * tolerance)
        simple = coarse.buffer(0.34 * tolerance, join_style="mitre", mitre_limit=2).simplify(0.16 * tolerance)
        simple = shapely.transform(simple, lambda points: points / squeeze)
        if not _WORLD.covers(simple):
            simple = simple.intersection(_WORLD)
        few = simple.geom_type == "Polygon" and shapely.get_num_coordinates(simple) <= most
        return simple if few and simple.is_valid and simple.covers(polygon) else None

    return attempt
