"""An area of interest (AOI): any geometry in, WKT in WGS84 degrees out, checked against the API's rules.

The rules, from the ARD documentation: longitude and latitude in WGS84, two dimensions, every polygon at least 1 km² and
250 m wide, at most 1000 vertices, not across the antimeridian.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import Geod, Transformer
from shapely.geometry import GeometryCollection, shape
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.api.errors import ArdRequestError

MIN_AREA_SQKM = 1.0
MIN_WIDTH_M = 250.0
MAX_VERTICES = 1000
_GEOD = Geod(ellps="WGS84")
# A degree of latitude or longitude is never shorter than this many metres times cos(latitude).
_METRES_PER_DEGREE = 110_000.0
_EWKT = re.compile(r"(?i)^\s*SRID=(\d+)\s*;")
_WKT = re.compile(r"(?i)^\s*(POINT|LINESTRING|LINEARRING|POLYGON|MULTI\w+|GEOMETRYCOLLECTION)\b")
_GEOJSON_GEOMETRIES = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
}  # fmt: skip


@dataclass(frozen=True)
class AOI:
    """A checked area: `wkt` as it goes to the API, `geometry` the same in shapely, `notes` what was mended."""

    wkt: str
    geometry: BaseGeometry = field(repr=False)
    notes: tuple[str, ...] = ()


def read_aoi(value: object, *, argument: str = "intersects") -> AOI:
    """Return a checked AOI from WKT, EWKT, GeoJSON, a geometry object, an iterable of these, or a file's path.

    A valid WKT text comes back as it was. Raises `ArdRequestError` naming `argument`, with the figure that breaks a
    rule.
    """
    text = value.strip() if isinstance(value, str) else None
    reader = _Reader(argument)
    geometry = reader.read(value)
    notes = reader.notes
    if geometry.is_empty:
        raise ArdRequestError("the geometry is empty", argument=argument)
    if geometry.has_z:
        geometry = shapely.force_2d(geometry)
        notes.append("its third dimension was dropped")
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise ArdRequestError("a coordinate is not a finite number", argument=argument)
    _check_range(geometry, argument)
    if not geometry.is_valid:
        reason = shapely.is_valid_reason(geometry)
        geometry = _mended(geometry, argument)
        notes.append(f"it was not valid ({reason}) and was mended")
    _check_rules(geometry, argument)
    as_it_came = text is not None and not notes and _WKT.match(text)
    return AOI(text if as_it_came and text else geometry.wkt, geometry, tuple(notes))


def read_bbox(value: object) -> tuple[float, float, float, float]:
    """Return (xmin, ymin, xmax, ymax) in WGS84 degrees from a list, a tuple, a text or a mapping of these names.

    Raises `ArdRequestError` for anything else, and for a box that breaks the AOI rules.
    """
    names = ("xmin", "ymin", "xmax", "ymax")
    given = value
    if isinstance(given, str):
        given = re.findall(r"[^\s,;\[\]()]+", given)
    if isinstance(given, Mapping):
        lowered = {str(key).lower(): number for key, number in given.items()}
        if set(lowered) != set(names):
            raise ArdRequestError(
                f"wanted the keys {', '.join(names)}, got {', '.join(map(str, given))}", argument="bbox"
            )
        given = [lowered[name] for name in names]
    if not isinstance(given, Iterable) or isinstance(given, bytes):
        raise ArdRequestError(f"wanted [xmin, ymin, xmax, ymax], got a {type(value).__name__}", argument="bbox")
    try:
        numbers = [_number(number) for number in given]
    except (TypeError, ValueError, OverflowError):
        raise ArdRequestError("wanted four numbers: xmin, ymin, xmax, ymax", argument="bbox") from None
    if len(numbers) != len(names):
        raise ArdRequestError(f"wanted four numbers, got {len(numbers)}", argument="bbox")
    xmin, ymin, xmax, ymax = numbers
    if not all(map(math.isfinite, numbers)):
        raise ArdRequestError("a number is not finite", argument="bbox")
    box = shapely.box(*numbers)
    _check_range(box, "bbox")
    if xmin >= xmax or ymin >= ymax:
        raise ArdRequestError(
            f"wanted xmin < xmax and ymin < ymax, got {xmin:g}, {ymin:g}, {xmax:g}, {ymax:g}"
            + (" (a box across the antimeridian is not possible)" if xmin > xmax else ""),
            argument="bbox",
        )
    _check_rules(box, "bbox")
    return xmin, ymin, xmax, ymax


def area_sqkm(geometry: BaseGeometry) -> float:
    """Return the geodesic area on WGS84, km²."""
    return abs(float(_GEOD.geometry_area_perimeter(geometry)[0])) / 1e6


def _number(value: object) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)  # type: ignore[arg-type]


class _Reader:
    """Any form -> shapely. `notes` tell what had to be mended to read it."""

    def __init__(self, argument: str) -> None:
        self.argument = argument
        self.notes: list[str] = []

    def read(self, value: object) -> BaseGeometry:
        if isinstance(value, BaseGeometry):
            return value
        if isinstance(value, str):
            return self._from_text(value.strip())
        if isinstance(value, Mapping):
            return self._from_geojson(value)
        cell = getattr(value, "geom_WGS84", None)
        if isinstance(cell, BaseGeometry):
            # A cell of maxar-ard-grid; its own coordinates are UTM metres.
            return cell
        if getattr(value, "crs", None) is not None and hasattr(value, "to_crs"):
            value = value.to_crs(4326)
        if hasattr(value, "__geo_interface__"):
            return self._from_geojson(value.__geo_interface__)
        if isinstance(value, Path):
            return self._from_file(value)
        if isinstance(value, Iterable) and not isinstance(value, bytes):
            return GeometryCollection([self.read(member) for member in value])
        raise ArdRequestError(
            f"wanted WKT, GeoJSON, a geometry or a file's path, got a {type(value).__name__}", argument=self.argument
        )

    def _from_text(self, text: str) -> BaseGeometry:
        if not text:
            raise ArdRequestError("the text is empty", argument=self.argument)
        if text[0] in "{[":
            try:
                return self.read(json.loads(text))
            except (ValueError, RecursionError):
                raise ArdRequestError("looks like GeoJSON but is no JSON", argument=self.argument) from None
        if srid := _EWKT.match(text):
            if srid[1] != "4326":
                raise ArdRequestError(f"wanted SRID 4326 (WGS84 degrees), got {srid[1]}", argument=self.argument)
            text = text[srid.end() :].strip()
        if _WKT.match(text):
            return self._from_wkt(text)
        return self._from_file(Path(text))

    def _from_wkt(self, text: str) -> BaseGeometry:
        # GEOS raises a floating point flag for nan; it is found and told by name later on.
        with np.errstate(invalid="ignore"):
            try:
                return shapely.from_wkt(text)
            except (shapely.errors.ShapelyError, ValueError) as error:
                closed = shapely.from_wkt(text, on_invalid="fix")
                if closed is None:
                    raise ArdRequestError(f"cannot be read as WKT: {_short(error)}", argument=self.argument) from None
                self.notes.append("an open ring was closed")
                return closed

    def _from_geojson(self, content: Mapping[str, Any]) -> BaseGeometry:
        kind = content.get("type")
        if kind == "FeatureCollection":
            features = content.get("features")
            if not isinstance(features, list | tuple):
                raise ArdRequestError("the FeatureCollection has no list of features", argument=self.argument)
            return GeometryCollection([self._from_feature(feature) for feature in features])
        if kind == "Feature" or (kind is None and "geometry" in content):
            return self._from_feature(content)
        if kind not in _GEOJSON_GEOMETRIES:
            raise ArdRequestError(
                f"wanted a GeoJSON geometry, Feature or FeatureCollection, got type {kind!r}", argument=self.argument
            )
        try:
            return shape(content)
        except (
            shapely.errors.ShapelyError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            IndexError,
        ) as error:
            raise ArdRequestError(f"cannot be read as GeoJSON: {_short(error)}", argument=self.argument) from None

    def _from_feature(self, feature: object) -> BaseGeometry:
        geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
        if isinstance(geometry, BaseGeometry):
            return geometry
        if not isinstance(geometry, Mapping) or geometry.get("type") not in _GEOJSON_GEOMETRIES:
            raise ArdRequestError("a Feature has no geometry", argument=self.argument)
        return self._from_geojson(geometry)

    def _from_file(self, path: Path) -> BaseGeometry:
        try:
            text = path.expanduser().read_text()
        except (OSError, ValueError, RuntimeError):
            raise ArdRequestError(
                f"neither WKT nor GeoJSON, nor the path of a text file that can be read: {str(path)[:80]!r}",
                argument=self.argument,
            ) from None
        if not (_WKT.match(text) or _EWKT.match(text) or text.lstrip()[:1] in {"{", "["}):
            raise ArdRequestError(f"the file {path.name!r} holds neither WKT nor GeoJSON", argument=self.argument)
        return self._from_text(text.strip())


def _mended(geometry: BaseGeometry, argument: str) -> BaseGeometry:
    mended = shapely.make_valid(geometry)
    areas = [part for part in _parts(mended) if part.geom_type == "Polygon"]
    if not areas:
        raise ArdRequestError("the geometry is not valid and has no area", argument=argument)
    return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)


# The rules -------------------------------------------------------------------------------------------------------


def _check_range(geometry: BaseGeometry, argument: str) -> None:
    xmin, ymin, xmax, ymax = geometry.bounds
    if -90 <= ymin <= ymax <= 90 and -180 <= xmin <= xmax <= 180:
        return
    if -90 <= xmin <= xmax <= 90 and -180 <= ymin <= ymax <= 180:
        hint = "; are latitude and longitude swapped?"
    elif max(abs(xmin), abs(xmax), abs(ymin), abs(ymax)) > 1000:
        hint = "; are these projected metres? WGS84 degrees are wanted"
    else:
        hint = ""
    raise ArdRequestError(
        f"wanted longitudes within ±180 and latitudes within ±90, got x {xmin:g} to {xmax:g}, "
        f"y {ymin:g} to {ymax:g}{hint}",
        argument=argument,
    )


def _parts(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Return the simple geometries in it, however deep."""
    parts = [geometry]
    while any(hasattr(part, "geoms") for part in parts):
        parts = [leaf for part in parts for leaf in (part.geoms if hasattr(part, "geoms") else (part,))]
    return parts


def _check_rules(geometry: BaseGeometry, argument: str) -> None:
    polygons = _parts(geometry)
    for number, polygon in enumerate(polygons, 1):
        which = f"polygon {number} of {len(polygons)}" if len(polygons) > 1 else "the polygon"
        if polygon.geom_type != "Polygon":
            raise ArdRequestError(f"wanted polygons, got a {polygon.geom_type}", argument=argument)
        if polygon.is_empty:
            raise ArdRequestError(f"{which} is empty", argument=argument)
    boxes = shapely.bounds(polygons)
    areas = shapely.area(polygons)
    vertices = shapely.get_num_coordinates(polygons)
    cosines = np.cos(np.radians(np.abs(boxes[:, [1, 3]]).max(axis=1)))
    # A cheap lower bound first: exact figures only for those that may break a rule.
    surely_large = areas * cosines * (_METRES_PER_DEGREE / 1000) ** 2 > 2 * MIN_AREA_SQKM
    for index, polygon in enumerate(polygons):
        which = f"polygon {index + 1} of {len(polygons)}" if len(polygons) > 1 else "the polygon"
        if vertices[index] > MAX_VERTICES:
            raise ArdRequestError(
                f"{which} has {vertices[index]} vertices, at most {MAX_VERTICES} are allowed",
                argument=argument,
            )
        if boxes[index, 2] - boxes[index, 0] > 180:
            raise ArdRequestError(
                f"{which} spans {boxes[index, 2] - boxes[index, 0]:g}° of longitude: it seems to cross the "
                "antimeridian, which is not allowed; split it there",
                argument=argument,
            )
        if not surely_large[index] and (area := area_sqkm(polygon)) < MIN_AREA_SQKM:
            raise ArdRequestError(
                f"{which} is {area:.4g} km², at least {MIN_AREA_SQKM:g} km² is wanted", argument=argument
            )
        if _may_be_narrow(boxes[index], areas[index], cosines[index]) and (width := width_m(polygon)) < MIN_WIDTH_M:
            raise ArdRequestError(
                f"{which} is {width:.4g} m wide, at least {MIN_WIDTH_M:g} m is wanted", argument=argument
            )


def _may_be_narrow(box: Any, area: float, cosine: float) -> bool:
    # The width of a shape is at least its area over its diameter; both taken on the safe side, in metres.
    xmin, ymin, xmax, ymax = box
    diameter = math.hypot(xmax - xmin, ymax - ymin) * 112_000.0
    return bool(area * cosine * _METRES_PER_DEGREE**2 < 2 * MIN_WIDTH_M * diameter)


def width_m(polygon: BaseGeometry) -> float:
    """Return the short side of the smallest rectangle around a polygon, metres."""
    centre = polygon.centroid
    local = Transformer.from_crs(
        "EPSG:4326", f"+proj=aeqd +lat_0={centre.y} +lon_0={centre.x} +datum=WGS84 +units=m", always_xy=True
    )
    projected = shapely.transform(polygon, local.transform, interleaved=False)
    with warnings.catch_warnings():
        # A needle without width divides by zero inside GEOS; its width comes out as 0, which is right.
        warnings.simplefilter("ignore", RuntimeWarning)
        corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(projected))
    if len(corners) < 4:
        return 0.0
    return float(min(math.dist(corners[0], corners[1]), math.dist(corners[1], corners[2])))


def _short(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:160]
