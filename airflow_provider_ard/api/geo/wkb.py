"""Well-known binary: of PostGIS as hexadecimal digits or bytes, and of the rows of a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import shapely

from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_HEXADECIMAL = re.compile(r"(?:00|01)(?:[0-9A-Fa-f]{2}){8,}")
_BYTE_ORDERS = (b"\x00", b"\x01")
_COLLECTION = {b"\x00": re.compile(rb"\x00[\x00\x20\x80\xa0]\x00\x00\x07"), b"\x01": re.compile(rb"\x01\x07\x00\x00")}
# GEOS reads nested collections by recursion and ends the process when its stack does.
_MOST_COLLECTIONS = 1000
_WGS84 = 4326
_ERRORS = (shapely.errors.ShapelyError, NotImplementedError, ValueError, TypeError)


def is_hex_wkb(text: str) -> bool:
    """Return whether a string is WKB in hexadecimal digits, as PostGIS prints geometries."""
    return _HEXADECIMAL.fullmatch(text) is not None


def read_wkb(content: bytes, argument: str, repairs: list[str]) -> BaseGeometry:
    """Return the geometry of WKB or EWKB in WGS84 degrees. Raises `ArdRequestError` for anything else."""
    collections = _COLLECTION.get(content[:1])
    if collections is None:
        raise ArdRequestError("expected WKT, GeoJSON, geometry objects or a file's path, got bytes", argument=argument)
    if len(collections.findall(content)) > _MOST_COLLECTIONS:
        raise ArdRequestError("is WKB with too many nested collections", argument=argument)
    geometry = _geometry(content, "the WKB", argument, repairs)
    srid = int(shapely.get_srid(geometry))
    if srid not in {0, _WGS84}:
        raise ArdRequestError(f"expected SRID {_WGS84} (WGS84 degrees), got {srid}", argument=argument)
    return shapely.set_srid(geometry, 0)


def read_wkb_rows(rows: Any, label: str, argument: str, repairs: list[str]) -> list[BaseGeometry]:
    """Return the geometries of a layer's rows, open rings closed.

    `rows`: the WKB of each, None for a row without geometry. Raises `ArdRequestError`, which names the row, for one
    without geometry, and for types that GEOS does not have, such as TINs.
    """
    geometries = []
    for row, content in enumerate(rows, start=1):
        if content is None:
            raise ArdRequestError(f"{label}: row {row} has no geometry; remove it", argument=argument)
        geometry = _geometry(content, f"{label}, row {row}", argument, repairs)
        if geometry.is_empty:
            raise ArdRequestError(f"{label}: the geometry of row {row} is empty; remove it", argument=argument)
        geometries.append(geometry)
    return geometries


def _geometry(content: bytes, label: str, argument: str, repairs: list[str]) -> BaseGeometry:
    reason = "it contains a curve"
    try:
        geometry = shapely.from_wkb(content)
    except _ERRORS as error:
        reason = str(error).split("\n", 1)[0][:160]
        if (geometry := _close_rings(content)) is not None:
            repairs.append(f"{label}: an open ring was closed")
    if geometry is None or _has_curves(geometry):
        raise ArdRequestError(
            f"{label} cannot be read as a polygon: {reason}; convert it to polygons without curves", argument=argument
        )
    return geometry


def _close_rings(content: bytes) -> BaseGeometry | None:
    try:
        return shapely.from_wkb(content, on_invalid="fix")
    except _ERRORS:
        return None


def _has_curves(geometry: BaseGeometry) -> bool:
    """Return whether a collection contains geometries that shapely does not have."""
    try:
        members = shapely.get_parts(geometry) if geometry.geom_type == "GeometryCollection" else ()
    except NotImplementedError:
        return True
    return any(map(_has_curves, members))
