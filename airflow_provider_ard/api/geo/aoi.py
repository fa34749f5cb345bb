"""An area of interest (AOI): any geometry in, WKT in WGS84 degrees out, validated against the API's rules.

The rules, from the ARD documentation: longitude and latitude in WGS84, two dimensions, every polygon at least 1 km² and
250 m wide, at most 1000 vertices, not across the antimeridian. Bundle block adjustment requires one connected polygon.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import Geod, Transformer

from airflow_provider_ard.api.arguments import safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.geometry import EWKT, GeometryReader, ReadFile, is_wkt, read_local_file
from airflow_provider_ard.api.geo.simplify import simplify_polygons
from airflow_provider_ard.api.geo.vector_files import drop_z

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

MIN_AREA_SQKM = 1.0
MIN_WIDTH_M = 250.0
MAX_VERTICES = 1000
_GEOD = Geod(ellps="WGS84")
# Bounds of the length of a degree in meters; the first is multiplied by the cosine of the latitude.
_SHORTEST_DEGREE, _LONGEST_DEGREE = 110_000.0, 112_000.0
# Multi-geometries and collections have higher type ids than points, lines, rings and polygons.
_LARGEST_SIMPLE_TYPE = shapely.GeometryType.POLYGON
_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class AOI:
    """A validated AOI: `wkt` as sent to the API, `geometry` the same in shapely, `warnings` about repairs."""

    wkt: str
    geometry: BaseGeometry = field(repr=False)
    warnings: tuple[str, ...] = ()


def parse_aoi(
    value: object, *, argument: str = "intersects", simplify: bool = False, read_file: ReadFile = read_local_file
) -> AOI:
    """Return a validated AOI from WKT, EWKT, GeoJSON, a geometry object, an iterable of these, or a file's path.

    Valid WKT is returned unchanged. `simplify` reduces polygons with too many vertices to the limit; the result covers
    the original, and a warning contains the tolerance. Raises `ArdRequestError`, which names `argument` and the value
    that breaks a rule.
    """
    reader = GeometryReader(argument, read_file)
    geometry = reader.read(value)
    repairs = reader.warnings
    if geometry.is_empty:
        raise ArdRequestError("the geometry is empty", argument=argument)
    geometry = drop_z(geometry, repairs)
    _check_range(geometry, argument)
    polygons = _polygons(geometry, argument)
    if not geometry.is_valid:
        reason = shapely.is_valid_reason(geometry)
        geometry = _repair(geometry, argument)
        polygons = _polygons(geometry, argument)
        repairs.append(f"it was not valid ({reason}) and was repaired")
    if simplify and (shapely.get_num_coordinates(polygons) > MAX_VERTICES).any():
        polygons, tolerances = simplify_polygons(polygons, MAX_VERTICES, argument)
        geometry = polygons[0] if len(polygons) == 1 else shapely.GeometryCollection(polygons)
        repairs += [
            f"a polygon was simplified to {MAX_VERTICES} vertices; it covers the original and exceeds it by at most "
            f"{tolerance:.3g} m"
            for tolerance in tolerances
        ]
    _check_rules(polygons, argument)
    repairs = list(dict.fromkeys(repairs))
    return AOI(_wkt_of(value, geometry, is_repaired=bool(repairs)), geometry, tuple(repairs))


def _wkt_of(value: object, geometry: BaseGeometry, *, is_repaired: bool) -> str:
    """Return valid WKT unchanged, anything else as shapely writes it."""
    if isinstance(value, str) and not is_repaired:
        text = EWKT.sub("", value).strip()
        if is_wkt(text):
            return text
    return str(geometry.wkt)


def parse_bbox(value: object) -> tuple[float, float, float, float]:
    """Return (xmin, ymin, xmax, ymax) in WGS84 degrees from a list, a tuple, a string or a mapping of these names.

    Raises `ArdRequestError` for anything else, and for a box that breaks the AOI rules.
    """
    numbers = _four_numbers(value)
    xmin, ymin, xmax, ymax = numbers
    box = shapely.box(*numbers)
    _check_range(box, "bbox")
    if xmin >= xmax or ymin >= ymax:
        raise ArdRequestError(
            f"expected xmin < xmax and ymin < ymax, got {xmin:g}, {ymin:g}, {xmax:g}, {ymax:g}"
            + (" (a box across the antimeridian is not possible)" if xmin > xmax else ""),
            argument="bbox",
        )
    _check_rules(np.array([box]), "bbox")
    return numbers


def check_connected(aoi: AOI) -> None:
    """Raise `ArdRequestError` unless the AOI is one connected polygon, as bundle block adjustment requires."""
    merged = shapely.union_all(_parts(aoi.geometry))
    if merged.geom_type != "Polygon":
        raise ArdRequestError(
            "bundle adjustment (bba) requires one connected polygon, got "
            f"{shapely.get_num_geometries(merged)} separate ones",
            argument="intersects",
        )


def area_sqkm(geometry: BaseGeometry) -> float:
    """Return the geodesic area on WGS84, km²."""
    # Holes count against the shell only if they turn the other way.
    turned = shapely.orient_polygons(geometry)
    return abs(float(_GEOD.geometry_area_perimeter(turned)[0])) / 1e6


def width_m(polygon: BaseGeometry) -> float:
    """Return the short side of the smallest rectangle around a polygon, in meters."""
    projected = _to_meters(polygon)
    with warnings.catch_warnings():
        # GEOS divides by zero for a polygon without width; the result of 0 is right.
        warnings.simplefilter("ignore", RuntimeWarning)
        corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(projected))
    if len(corners) < 4:
        return 0.0
    return float(min(math.dist(corners[0], corners[1]), math.dist(corners[1], corners[2])))


def _four_numbers(value: object) -> tuple[float, float, float, float]:
    content = value
    if isinstance(content, str):
        # Both a bare "1 2 3 4" and a list or dictionary rendered by a template.
        names = re.findall(r"(?i)\b([xy]m(?:in|ax))\b", content)
        numbers = re.findall(r"[^\s,;:\[\](){}'\"]+", re.sub(r"(?i)\b[xy]m(?:in|ax)\b", " ", content))
        content = dict(zip(names, numbers, strict=True)) if names and len(names) == len(numbers) else numbers
    if isinstance(content, Mapping):
        by_name = {str(name).lower(): number for name, number in content.items()}
        if set(by_name) != set(_SIDES):
            raise ArdRequestError(f"expected the keys {', '.join(_SIDES)}", argument="bbox")
        content = [by_name[name] for name in _SIDES]
    if isinstance(content, set | frozenset):
        raise ArdRequestError(f"expected [xmin, ymin, xmax, ymax], got {safe_repr(value)}", argument="bbox")
    values = to_list(content, "bbox", "[xmin, ymin, xmax, ymax]")
    if len(values) != len(_SIDES):
        raise ArdRequestError(f"expected four numbers, xmin, ymin, xmax, ymax, got {len(values)}", argument="bbox")
    xmin, ymin, xmax, ymax = (_number(number, name) for number, name in zip(values, _SIDES, strict=True))
    return xmin, ymin, xmax, ymax


def _number(value: Any, name: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ArdRequestError(f"expected a number as {name}, got {safe_repr(value)}", argument="bbox")
    # An integer is sent unchanged, without a decimal point.
    return value if type(value) is int else number


def _to_meters(polygon: BaseGeometry) -> BaseGeometry:
    center = polygon.centroid
    local = Transformer.from_crs(
        "EPSG:4326", f"+proj=aeqd +lat_0={center.y} +lon_0={center.x} +datum=WGS84 +units=m", always_xy=True
    )
    return shapely.transform(polygon, local.transform, interleaved=False)


def _parts(geometry: BaseGeometry) -> Any:
    """Return the simple geometries in a geometry, at any depth, as an array."""
    parts = np.array([geometry], dtype=object)
    while (shapely.get_type_id(parts) > _LARGEST_SIMPLE_TYPE).any():
        parts = shapely.get_parts(parts)
    return parts


def _polygons(geometry: BaseGeometry, argument: str) -> Any:
    """Return the polygons of a geometry as an array; raise `ArdRequestError` if it contains others."""
    parts = _parts(geometry)
    others = parts[shapely.get_type_id(parts) != shapely.GeometryType.POLYGON]
    if len(others):
        raise ArdRequestError(f"expected polygons, got a {others[0].geom_type}", argument=argument)
    if shapely.is_empty(parts).any():
        raise ArdRequestError("a polygon is empty", argument=argument)
    return parts


def _repair(geometry: BaseGeometry, argument: str) -> BaseGeometry:
    areas = [part for part in _parts(shapely.make_valid(geometry)) if part.geom_type == "Polygon"]
    if not areas:
        raise ArdRequestError("the geometry is not valid and has no area", argument=argument)
    if len(areas) == 1:
        return areas[0]
    # Polygons of a collection may overlap, those of a multipolygon may not.
    multipolygon = shapely.MultiPolygon(areas)
    return multipolygon if multipolygon.is_valid else shapely.GeometryCollection(areas)


# The rules -------------------------------------------------------------------------------------------------------


def _check_range(geometry: BaseGeometry, argument: str) -> None:
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise ArdRequestError("a coordinate is not a finite number", argument=argument)
    xmin, ymin, xmax, ymax = geometry.bounds
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
        f"expected longitudes within ±180 and latitudes within ±90, got x {xmin:g} to {xmax:g}, "
        f"y {ymin:g} to {ymax:g}{hint}",
        argument=argument,
    )


def _check_rules(polygons: Any, argument: str) -> None:
    boxes = shapely.bounds(polygons)
    vertices = shapely.get_num_coordinates(polygons)
    spans = boxes[:, 2:] - boxes[:, :2]
    # Lower bounds for all polygons at once; exact values only for those that may break a rule.
    cosines = np.cos(np.radians(np.abs(boxes[:, [1, 3]]).max(axis=1)))
    least_areas = shapely.area(polygons) * cosines * _SHORTEST_DEGREE**2
    # A shape is at least as wide as its area over its diameter.
    least_widths = least_areas / (np.hypot(spans[:, 0], spans[:, 1]) * _LONGEST_DEGREE)
    may_break = (
        (vertices > MAX_VERTICES)
        | (spans[:, 0] > 180)
        | (least_areas < 2e6 * MIN_AREA_SQKM)
        | (least_widths < 2 * MIN_WIDTH_M)
    )
    for index in np.flatnonzero(may_break):
        which = f"polygon {index + 1} of {len(polygons)}" if len(polygons) > 1 else "the polygon"
        _check_polygon(polygons[index], which, argument)


def _check_polygon(polygon: BaseGeometry, which: str, argument: str) -> None:
    xmin, _, xmax, _ = polygon.bounds
    if xmax - xmin > 180:
        raise ArdRequestError(
            f"{which} spans {xmax - xmin:g}° of longitude: it seems to cross the antimeridian, which is not allowed; "
            "split it there",
            argument=argument,
        )
    if (vertices := shapely.get_num_coordinates(polygon)) > MAX_VERTICES:
        raise ArdRequestError(
            f"{which} has {vertices} vertices, at most {MAX_VERTICES} are allowed (simplify_aoi=True reduces them)",
            argument=argument,
        )
    if (area := area_sqkm(polygon)) < MIN_AREA_SQKM:
        raise ArdRequestError(f"{which} is {area:.4g} km², the minimum is {MIN_AREA_SQKM:g} km²", argument=argument)
    if (width := width_m(polygon)) < MIN_WIDTH_M:
        raise ArdRequestError(f"{which} is {width:.4g} m wide, the minimum is {MIN_WIDTH_M:g} m", argument=argument)
