"""The API's rules for an area of interest, checked before any request is sent."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import shapely

from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyproj import Geod
    from shapely.geometry.base import BaseGeometry

MIN_AREA_SQKM = 1.0
MIN_WIDTH_M = 250.0
MAX_VERTICES = 1000
# Bounds of the length of a degree in meters; the first is multiplied by the cosine of the latitude.
_SHORTEST_DEGREE, _LONGEST_DEGREE = 110_000.0, 112_000.0
# Rounding errors of a reprojection; a tenth of a millimeter.
_TOLERANCE_DEGREES = 1e-9
_LIMITS = np.array([180.0, 90.0])
_SMALL_HINT = "enlarge, merge or remove it (drop_small_polygons=True removes it)"
# How many polygons that break a rule an error lists.
_MOST_LISTED = 20


def area_sqkm(geometry: BaseGeometry) -> float:
    """Return the geodesic area on WGS84, km²."""
    # Holes count against the shell only if they turn the other way.
    turned = shapely.orient_polygons(geometry)
    return abs(float(_geod().geometry_area_perimeter(turned)[0])) / 1e6


@cache
def _geod() -> Geod:
    from pyproj import Geod  # noqa: PLC0415 -- slow to import, and only polygons near the limits are measured

    return Geod(ellps="WGS84")


def width_m(polygon: BaseGeometry) -> float:
    """Return the short side of the smallest rectangle around a polygon, in meters."""
    projected = _to_meters(polygon)
    if not np.isfinite(shapely.get_coordinates(projected)).all():
        # It extends to the other side of the earth, where the projection has no coordinates.
        scale = _LONGEST_DEGREE * np.array([math.cos(math.radians(polygon.centroid.y)), 1.0])
        projected = shapely.transform(polygon, lambda points: points * scale)
    with warnings.catch_warnings():
        # GEOS divides by zero for a polygon without width; the result of 0 is right.
        warnings.simplefilter("ignore", RuntimeWarning)
        corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(projected))
    if len(corners) < 4:
        return 0.0
    return float(min(math.dist(corners[0], corners[1]), math.dist(corners[1], corners[2])))


def in_range(geometry: BaseGeometry, argument: str, repairs: list[str]) -> BaseGeometry:
    """Return a geometry with coordinates that exceed ±180 or ±90 by a rounding error set to these limits.

    Adds a warning to `repairs` if there are any. Other coordinates are unchanged. Raises `ArdRequestError` for
    coordinates that are not longitudes and latitudes in degrees.
    """
    coordinates = shapely.get_coordinates(geometry)
    # The bounds of a polygon do not include a hole outside of it, which a repair makes a polygon.
    lowest = np.array([column.min() for column in coordinates.T])
    highest = np.array([column.max() for column in coordinates.T])
    if 0 < (np.maximum(-lowest, highest) - _LIMITS).max() <= _TOLERANCE_DEGREES:
        repairs.append(f"coordinates up to {_TOLERANCE_DEGREES:g}° beyond ±180 or ±90 were set to these limits")
        return shapely.transform(geometry, lambda points: np.clip(points, -_LIMITS, _LIMITS))
    check_range((*lowest.tolist(), *highest.tolist()), argument)
    return geometry


def clamp_number(number: float, limit: float) -> float:
    """Return a number that exceeds ±limit by a rounding error as ±limit, any other unchanged."""
    return math.copysign(limit, number) if 0 < abs(number) - limit <= _TOLERANCE_DEGREES else number


def check_range(extent: tuple[float, float, float, float], argument: str) -> None:
    """Raise `ArdRequestError` unless an extent (xmin, ymin, xmax, ymax) is in longitudes and latitudes in degrees."""
    if not all(map(math.isfinite, extent)):
        raise ArdRequestError("a coordinate is not a finite number", argument=argument)
    xmin, ymin, xmax, ymax = extent
    if -90 <= ymin <= ymax <= 90 and -180 <= xmin <= xmax <= 180:
        return
    if -90 <= xmin <= xmax <= 90 and -180 <= ymin <= ymax <= 180:
        hint = "; are latitude and longitude swapped?"
    elif -90 <= ymin <= ymax <= 90 and -360 <= xmin <= xmax <= 360:
        hint = "; does it cross the antimeridian? That is not allowed: split it there"
    elif max(abs(xmin), abs(xmax), abs(ymin), abs(ymax)) > 1000:
        hint = "; are these projected meters? WGS84 degrees are expected"
    else:
        hint = ""
    raise ArdRequestError(
        f"expected longitudes within ±180 and latitudes within ±90, got x {exact(xmin)} to {exact(xmax)}, "
        f"y {exact(ymin)} to {exact(ymax)}{hint}",
        argument=argument,
    )


def check_rules(polygons: Any, argument: str) -> None:
    """Raise `ArdRequestError` if a polygon breaks a rule of the API; it lists each one that breaks it."""
    boxes = shapely.bounds(polygons)
    vertices = shapely.get_num_coordinates(polygons)
    spans = boxes[:, 2:] - boxes[:, :2]
    if wide := np.flatnonzero(spans[:, 0] > 180).tolist():
        _refuse(
            polygons, wide, lambda index: f"spans {exact(spans[index, 0])}° of longitude",
            "it seems to cross the antimeridian, which is not allowed; split it there", argument,
        )  # fmt: skip
    if many := np.flatnonzero(vertices > MAX_VERTICES).tolist():
        _refuse(
            polygons, many, lambda index: f"has {vertices[index]} vertices",
            f"at most {MAX_VERTICES} are allowed (simplify_aoi=True reduces them)", argument,
        )  # fmt: skip
    least_areas = _least_areas(polygons, boxes)
    if small := _small_areas(polygons, least_areas):
        _refuse(
            polygons, list(small), lambda index: f"is {below(small[index], MIN_AREA_SQKM)} km²",
            f"the minimum is {MIN_AREA_SQKM:g} km²; {_SMALL_HINT}", argument,
        )  # fmt: skip
    if narrow := _small_widths(polygons, boxes, least_areas):
        _refuse(
            polygons, list(narrow), lambda index: f"is {below(narrow[index], MIN_WIDTH_M)} m wide",
            f"the minimum is {MIN_WIDTH_M:g} m; {_SMALL_HINT}", argument,
        )  # fmt: skip


def small_polygons(polygons: Any) -> set[int]:
    """Return the indices of the polygons that are smaller or narrower than the minimum."""
    boxes = shapely.bounds(polygons)
    least_areas = _least_areas(polygons, boxes)
    return _small_areas(polygons, least_areas).keys() | _small_widths(polygons, boxes, least_areas).keys()


def _small_areas(polygons: Any, least_areas: Any) -> dict[int, float]:
    """Return index -> area in km² of the polygons of less than 1 km²."""
    candidates = np.flatnonzero(least_areas < 2e6 * MIN_AREA_SQKM).tolist()
    areas = {index: area_sqkm(polygons[index]) for index in candidates}
    return {index: area for index, area in areas.items() if area < MIN_AREA_SQKM}


def _small_widths(polygons: Any, boxes: Any, least_areas: Any) -> dict[int, float]:
    """Return index -> width in meters of the polygons that are less than 250 m wide."""
    diameters = np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) * _LONGEST_DEGREE
    # A shape is at least as wide as its area over its diameter.
    candidates = np.flatnonzero(least_areas < 2 * MIN_WIDTH_M * diameters).tolist()
    widths = {index: width_m(polygons[index]) for index in candidates}
    return {index: width for index, width in widths.items() if width < MIN_WIDTH_M}


def _least_areas(polygons: Any, boxes: Any) -> Any:
    """Return lower bounds of the areas in m², for all polygons at once. `boxes`: their bounds."""
    cosines = np.cos(np.radians(np.abs(boxes[:, [1, 3]]).max(axis=1)))
    return shapely.area(polygons) * cosines * _SHORTEST_DEGREE**2


def exact(number: float) -> str:
    """Return a number with all digits that distinguish it."""
    return repr(float(number)).removesuffix(".0")


def below(number: float, limit: float) -> str:
    """Return a number below a limit, with at least four digits and as many as show that it is below."""
    rounded = (f"{number:.{digits}g}" for digits in range(4, 17))
    return next((text for text in rounded if float(text) < limit), exact(number))


def _refuse(polygons: Any, broken: Sequence[int], figure: Callable[[int], str], rule: str, argument: str) -> NoReturn:
    if len(polygons) == 1:
        listed = f"the polygon {figure(broken[0])}"
    else:
        listed = ", ".join(f"polygon {index + 1} of {len(polygons)} {figure(index)}" for index in broken[:_MOST_LISTED])
    more = f" and {len(broken) - _MOST_LISTED} more" if len(broken) > _MOST_LISTED else ""
    raise ArdRequestError(f"{listed}{more}; {rule}", argument=argument)


def _to_meters(polygon: BaseGeometry) -> BaseGeometry:
    from pyproj import Transformer  # noqa: PLC0415 -- as above

    center = polygon.centroid
    local = Transformer.from_crs(
        "EPSG:4326", f"+proj=aeqd +lat_0={center.y} +lon_0={center.x} +datum=WGS84 +units=m", always_xy=True
    )
    return shapely.transform(polygon, local.transform, interleaved=False)
