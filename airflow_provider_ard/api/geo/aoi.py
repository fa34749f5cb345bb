"""An area of interest (AOI): any geometry in, WKT in WGS84 degrees out, validated against the API's rules.

The rules, from the ARD documentation: longitude and latitude in WGS84, two dimensions, every polygon at least 1 km² and
250 m wide, at most 1000 vertices, not across the antimeridian. Bundle block adjustment requires one connected polygon.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.crs import drop_z
from airflow_provider_ard.api.geo.files import ReadFile, read_local_file
from airflow_provider_ard.api.geo.geometry import EWKT, GeometryReader, is_wkt
from airflow_provider_ard.api.geo.rules import (
    MAX_VERTICES,
    area_sqkm,
    check_rules,
    in_range,
    small_polygons,
    width_m,
)
from airflow_provider_ard.api.geo.simplify import simplify_polygons

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

# Multi-geometries and collections have higher type ids than points, lines, rings and polygons.
_LARGEST_SIMPLE_TYPE = shapely.GeometryType.POLYGON


@dataclass(frozen=True)
class AOI:
    """A validated AOI: `wkt` as sent to the API, `geometry` the same in shapely, `warnings` about repairs."""

    wkt: str
    geometry: BaseGeometry = field(repr=False)
    warnings: tuple[str, ...] = ()


def parse_aoi(
    value: object,
    *,
    argument: str = "intersects",
    simplify: bool = False,
    drop_small: bool = False,
    read_file: ReadFile = read_local_file,
) -> AOI:
    """Return a validated AOI from WKT, EWKT, GeoJSON, a geometry object, an iterable of these, or a file's path.

    Valid WKT is returned unchanged. `simplify` reduces polygons with too many vertices to the limit; the result covers
    the original, and a warning contains the tolerance. `drop_small` drops polygons that are too small or too narrow,
    with a warning that contains the area of each. Raises `ArdRequestError`, which names `argument` and the value
    that breaks a rule.
    """
    reader = GeometryReader(argument, read_file)
    geometry = reader.read(value)
    try:
        # GEOS sets floating point flags for degenerate polygons; what matters of them is reported.
        with np.errstate(all="ignore"):
            geometry, repairs = _checked(
                geometry, tuple(reader.warnings), argument, simplify=simplify, drop_small=drop_small
            )
    except shapely.errors.GEOSException as error:
        reason = str(error).split("\n", 1)[0][:160]
        raise ArdRequestError(
            f"cannot be processed by GEOS ({reason}); repair the geometry", argument=argument
        ) from None
    return AOI(_wkt_of(value, geometry, is_repaired=bool(repairs)), geometry, repairs)


def _checked(
    geometry: BaseGeometry, warnings: tuple[str, ...], argument: str, *, simplify: bool, drop_small: bool
) -> tuple[BaseGeometry, tuple[str, ...]]:
    """Return a geometry that keeps the rules, repaired where that is possible, and the warnings about repairs."""
    repairs = list(warnings)
    if geometry.is_empty:
        raise ArdRequestError("the geometry is empty", argument=argument)
    geometry = in_range(drop_z(geometry, repairs), argument, repairs)
    polygons = _polygons(geometry, argument)
    if not geometry.is_valid:
        reason = shapely.is_valid_reason(geometry)
        geometry = _repair(geometry, argument)
        polygons = _polygons(geometry, argument)
        repairs.append(f"it was not valid ({reason}) and was repaired")
    dropped = small_polygons(polygons) if drop_small else set()
    # If all are too small, `check_rules` raises the error.
    if 0 < len(dropped) < len(polygons):
        repairs += [
            f"polygon {index + 1} of {len(polygons)} was dropped, {area_sqkm(polygons[index]):.3g} km² and "
            f"{width_m(polygons[index]):.3g} m wide"
            for index in sorted(dropped)
        ]
        polygons = np.delete(polygons, list(dropped))
        geometry = _combine(polygons)
    if simplify and (shapely.get_num_coordinates(polygons) > MAX_VERTICES).any():
        polygons, tolerances = simplify_polygons(polygons, MAX_VERTICES, argument)
        geometry = _combine(polygons)
        repairs += [
            f"a polygon was simplified to {MAX_VERTICES} vertices; it covers the original and exceeds it by at most "
            f"{tolerance:.3g} m"
            for tolerance in tolerances
        ]
    check_rules(polygons, argument)
    return geometry, tuple(dict.fromkeys(repairs))


def _combine(polygons: Any) -> BaseGeometry:
    """Return the polygons as one geometry; they may overlap, as those of a multipolygon may not."""
    return polygons[0] if len(polygons) == 1 else shapely.GeometryCollection(polygons)


def _wkt_of(value: object, geometry: BaseGeometry, *, is_repaired: bool) -> str:
    """Return valid WKT unchanged, anything else as shapely writes it."""
    if isinstance(value, str) and not is_repaired:
        text = EWKT.sub("", value).strip()
        if is_wkt(text):
            return text
    return str(geometry.wkt)


def check_connected(aoi: AOI) -> None:
    """Raise `ArdRequestError` unless the AOI is one connected polygon, as bundle block adjustment requires."""
    merged = shapely.union_all(_parts(aoi.geometry))
    if merged.geom_type != "Polygon":
        raise ArdRequestError(
            "bundle adjustment (bba) requires one connected polygon, got "
            f"{shapely.get_num_geometries(merged)} separate ones",
            argument="intersects",
        )


def _parts(geometry: BaseGeometry) -> Any:
    """Return the simple geometries in a geometry, at any depth, as an array."""
    parts = np.array([geometry], dtype=object)
    while (shapely.get_type_id(parts) > _LARGEST_SIMPLE_TYPE).any():
        parts = shapely.get_parts(parts)
    return parts


def _polygons(geometry: BaseGeometry, argument: str) -> Any:
    """Return the polygons of a geometry as an array.

    Raises `ArdRequestError` if it contains others, or an empty member at any depth: the AOI would be smaller than
    intended.
    """
    parts = np.array([geometry], dtype=object)
    while True:
        if (empty := np.flatnonzero(shapely.is_empty(parts))).size:
            raise ArdRequestError(f"geometry {empty[0] + 1} of {len(parts)} is empty; remove it", argument=argument)
        types = shapely.get_type_id(parts)
        if not (types > _LARGEST_SIMPLE_TYPE).any():
            break
        parts = shapely.get_parts(parts)
    others = parts[types != shapely.GeometryType.POLYGON]
    if len(others):
        raise ArdRequestError(f"expected polygons, got a {others[0].geom_type}", argument=argument)
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
