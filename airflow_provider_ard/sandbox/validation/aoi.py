"""Validation of the AOI of a request."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from pyproj import Geod
from shapely.errors import GEOSException
from shapely.geometry import GeometryCollection, Polygon, box, shape
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.rendering.projection import WGS84, project
from airflow_provider_ard.sandbox.validation.errors import ApiError, bad_request

MIN_AREA_SQKM = 1.0
MIN_WIDTH_M = 250.0
MAX_VERTICES = 1000

_GEOD = Geod(ellps="WGS84")


def parse(intersects: Any, bbox: Any) -> BaseGeometry | None:
    """Return the AOI of a request in WGS84, or None if it has none.

    `intersects` is WKT or GeoJSON (string or object), `bbox` is [xmin, ymin, xmax, ymax] in degrees. Raises a 400
    "Problem with intersects/bbox (…): …" for an AOI that breaks a documented rule.
    """
    if intersects is not None and bbox is not None:
        raise bad_request("Problem with intersects/bbox: they are mutually exclusive")
    if bbox is not None:
        geometry = _from_bbox(bbox)
        _check(geometry, "bbox")
        return geometry
    if intersects is not None:
        geometry = _from_intersects(intersects)
        _check(geometry, "intersects")
        return geometry
    return None


def invalid_aoi(parameter: str, reason: str) -> ApiError:
    """Return the 400 of an invalid AOI; clients recognize it by its prefix."""
    return bad_request(f"Problem with intersects/bbox ({parameter}): {reason}")


def _from_bbox(bbox: Any) -> BaseGeometry:
    numbers = isinstance(bbox, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in bbox
    )
    if not numbers or len(bbox) != 4:
        raise invalid_aoi("bbox", "it must be a list of four numbers, [xmin, ymin, xmax, ymax]")
    if bbox[0] >= bbox[2] or bbox[1] >= bbox[3]:
        raise invalid_aoi("bbox", "its minimum must be less than its maximum, in both directions")
    return box(*bbox)


def _from_intersects(value: Any) -> BaseGeometry:
    try:
        if isinstance(value, str) and not value.lstrip().startswith("{"):
            # NaN is rejected below; here numpy would only emit a warning.
            with np.errstate(invalid="ignore"):
                return shapely.from_wkt(value)
        document = json.loads(value) if isinstance(value, str) else value
        if document.get("type") == "FeatureCollection":
            return GeometryCollection([shape(item["geometry"]) for item in document["features"]])
        return shape(document["geometry"] if document.get("type") == "Feature" else document)
    except (GEOSException, AttributeError, KeyError, TypeError, ValueError) as error:
        raise invalid_aoi("intersects", "it is neither WKT nor GeoJSON") from error


def _check(geometry: BaseGeometry, parameter: str) -> None:
    parts = list(_parts(geometry))
    if not parts:
        raise invalid_aoi(parameter, "it is empty")
    for part in parts:
        if not isinstance(part, Polygon):
            raise invalid_aoi(parameter, f"only polygons are accepted, got a {part.geom_type}")
        _check_polygon(part, parameter)


def _check_polygon(polygon: Polygon, parameter: str) -> None:
    if polygon.has_z:
        raise invalid_aoi(parameter, "it must have two dimensions, without Z coordinates")
    if not np.isfinite(shapely.get_coordinates(polygon)).all():
        raise invalid_aoi(parameter, "its coordinates must be finite")
    xmin, ymin, xmax, ymax = polygon.bounds
    if ymin < -90 or ymax > 90 or xmin < -360 or xmax > 360:
        raise invalid_aoi(parameter, "its coordinates are not WGS84 longitudes and latitudes")
    if xmin < -180 or xmax > 180 or xmax - xmin > 180:
        raise invalid_aoi(parameter, "it crosses the antimeridian")
    if shapely.get_num_coordinates(polygon) > MAX_VERTICES:
        raise invalid_aoi(parameter, f"a polygon must have at most {MAX_VERTICES} vertices")
    if not polygon.is_valid:
        raise invalid_aoi(parameter, f"it must be a valid polygon ({shapely.is_valid_reason(polygon)})")
    if abs(_GEOD.geometry_area_perimeter(polygon)[0]) / 1e6 < MIN_AREA_SQKM:
        raise invalid_aoi(parameter, f"each polygon must have an area of at least {MIN_AREA_SQKM:g} km²")
    if not _is_wide(polygon):
        raise invalid_aoi(parameter, f"each polygon must be at least {MIN_WIDTH_M:g} m wide")


def _is_wide(polygon: Polygon) -> bool:
    """Whether a disc of the minimum width fits into the polygon; a bent sliver is still a sliver."""
    center = polygon.centroid
    local = f"+proj=aeqd +lon_0={center.x} +lat_0={center.y} +datum=WGS84 +units=m"
    return not project(polygon, WGS84, local).buffer(-MIN_WIDTH_M / 2).is_empty


def _parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    if geometry.is_empty:
        return
    if hasattr(geometry, "geoms"):
        for part in geometry.geoms:
            yield from _parts(part)
    else:
        yield geometry
