"""Any form of a geometry -> shapely, in WGS84 degrees."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import GeometryCollection, shape
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.api.arguments import MAPPING_TYPES, parse_literal, safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.crs import to_wgs84
from airflow_provider_ard.api.geo.files import AoiFile, ReadFile, open_aoi_file, read_local_file
from airflow_provider_ard.api.geo.vector_files import read_vector_file
from airflow_provider_ard.api.geo.wkb import is_hex_wkb, read_wkb

EWKT = re.compile(r"(?i)^\s*SRID\s*=\s*([0-9]{1,6})\s*;")
_CURVES = r"CIRCULARSTRING|COMPOUNDCURVE|CURVEPOLYGON|MULTICURVE|MULTISURFACE|POLYHEDRALSURFACE|TIN|TRIANGLE"
_WKT = re.compile(rf"(?i)^\s*(POINT|LINESTRING|LINEARRING|POLYGON|MULTI\w+|GEOMETRYCOLLECTION|{_CURVES})\b")
_NO_POLYGONS = re.compile(rf"(?i)\b({_CURVES})\b")
_GEOJSON_GEOMETRIES = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
}  # fmt: skip
# GEOS reads nested collections by recursion and ends the process when its stack does.
_DEEPEST_WKT = 50
_EXPECTED = "WKT, GeoJSON, geometry objects or a file's path"
_READ_ERRORS = (
    shapely.errors.ShapelyError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError,
)  # fmt: skip


def is_wkt(text: str) -> bool:
    """Return whether a string begins like WKT."""
    return bool(_WKT.match(text))


def is_path(value: object) -> bool:
    """Return whether a value is a file's path, as far as that is visible without reading it."""
    if not isinstance(value, str) or not (text := value.strip()):
        return False
    return text[0] not in "{[(<\ufeff" and not (is_wkt(text) or EWKT.match(text) or is_hex_wkb(text))


class GeometryReader:
    """Reads the geometries of one argument; `warnings` lists repairs.

    `read_file(path)` returns a file's bytes, or raises the errors of its storage. `source` begins the messages, such as
    the name of the file that the value is from.
    """

    def __init__(self, argument: str, read_file: ReadFile = read_local_file, source: str = "") -> None:
        self.argument = argument
        self._source = source
        self.warnings: list[str] = []
        self._read_file = read_file

    def read(self, value: object) -> BaseGeometry:
        """Return the geometry, a collection for several. Raises `ArdRequestError`."""
        try:
            return self._read(value)
        except RecursionError:
            raise self._error("the value is nested too deeply") from None

    def _read(self, value: object) -> BaseGeometry:
        if isinstance(value, BaseGeometry):
            return value
        if isinstance(value, str):
            return self._from_text(value.strip().lstrip("\ufeff").lstrip())
        if isinstance(value, Mapping):
            return self._from_geojson(value)
        if isinstance(value, Path) or callable(getattr(value, "read_bytes", None)):
            return self._from_file(str(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return read_wkb(bytes(value), self.argument, self.warnings)
        return self._from_object(value)

    def _from_object(self, value: Any) -> BaseGeometry:
        try:
            # A cell of maxar-ard-grid; its own coordinates are UTM meters.
            cell = getattr(value, "geom_WGS84", None)
            frame = hasattr(value, "to_crs") and hasattr(value, "geometry")
            interface = None if frame else getattr(value, "__geo_interface__", None)
        except Exception as error:  # noqa: BLE001 -- properties run the user's own code
            message = f"expected {_EXPECTED}, got {safe_repr(value)} that raises {type(error).__name__}"
            raise self._error(message) from None
        if isinstance(cell, BaseGeometry):
            return cell
        if frame:
            return self._from_frame(value)
        if interface is not None:
            return self._from_geojson(interface)
        items = to_list(value, self.argument, _EXPECTED)
        return GeometryCollection([self._read(item) for item in items])

    def _from_frame(self, frame: Any) -> BaseGeometry:
        """Return the geometries of a GeoDataFrame or GeoSeries, reprojected from its CRS."""
        geometries = list(frame.geometry)
        for row, geometry in enumerate(geometries, start=1):
            if not isinstance(geometry, BaseGeometry) or geometry.is_empty:
                raise self._error(f"row {row} of {len(geometries)} has no geometry; remove it")
        if frame.crs is None:
            self.warnings.append("it has no CRS; WGS84 degrees are assumed")
        else:
            geometries = to_wgs84(geometries, frame.crs, self.argument, self.warnings)
        return GeometryCollection(geometries)

    def _from_text(self, text: str) -> BaseGeometry:
        if not text:
            raise self._error("the string is empty")
        if text[0] in "{[(":
            geometry = parse_literal(text)
            if isinstance(geometry, str):
                raise self._error("looks like GeoJSON but cannot be read as JSON")
            return self._read(geometry)
        if text[0] == "<":
            return self._from_other_text(text)
        if is_hex_wkb(text):
            return read_wkb(bytes.fromhex(text), self.argument, self.warnings)
        if srid := EWKT.match(text):
            if int(srid[1]) != 4326:
                raise self._error(f"expected SRID 4326 (WGS84 degrees), got {srid[1]}")
            text = text[srid.end() :].strip()
            if not is_wkt(text):
                raise self._error("expected WKT after the SRID")
        return self._from_wkt(text) if is_wkt(text) else self._from_file(text)

    def _from_wkt(self, text: str) -> BaseGeometry:
        if text.count("(") > _DEEPEST_WKT and _depth(text) > _DEEPEST_WKT:
            raise self._error(f"is WKT nested deeper than {_DEEPEST_WKT} levels")
        if unsupported := _NO_POLYGONS.search(text):
            raise self._error(
                f"expected polygons, got a {unsupported[1].upper()}; convert it to polygons without curves"
            )
        # GEOS raises a floating point flag for nan, which is reported later.
        with np.errstate(invalid="ignore", over="ignore"):
            try:
                return shapely.from_wkt(text)
            except _READ_ERRORS as error:
                closed = _close_rings(text)
                if closed is None:
                    raise self._error(f"cannot be read as WKT: {_first_line(error)}") from None
                self.warnings.append("an open ring was closed")
                return closed

    def _from_geojson(self, content: Any) -> BaseGeometry:
        kind = content.get("type") if isinstance(content, Mapping) else None
        if kind == "Topology" or (isinstance(content, Mapping) and "geometryType" in content):
            return self._from_other_text(self._json(content))
        if kind == "FeatureCollection":
            geometry = self._from_features(to_list(content.get("features"), self.argument, "a list of features"))
        elif kind == "Feature" or (kind is None and isinstance(content, Mapping) and "geometry" in content):
            geometry = self._from_features([content]).geoms[0]
        else:
            geometry = self._from_geometry(content)
        crs = content.get("crs") if isinstance(content, Mapping) else None
        return geometry if crs is None else to_wgs84([geometry], crs, self.argument, self.warnings)[0]

    def _from_features(self, features: Any) -> GeometryCollection:
        geometries = [feature.get("geometry") if isinstance(feature, MAPPING_TYPES) else None for feature in features]
        if None in geometries:
            number = geometries.index(None) + 1
            raise self._error(f"feature {number} of {len(geometries)} has no geometry; remove it")
        if all(isinstance(geometry, dict) and geometry.get("type") == "Polygon" for geometry in geometries):
            coordinates = [geometry.get("coordinates") for geometry in geometries if geometry is not None]
            return GeometryCollection(self._polygons(coordinates))
        return GeometryCollection([self._from_geometry(geometry) for geometry in geometries])

    def _from_geometry(self, content: Any) -> BaseGeometry:
        if isinstance(content, BaseGeometry):
            return content
        if not isinstance(content, Mapping):
            raise self._error("expected a GeoJSON geometry, Feature or FeatureCollection, got one without geometry")
        kind = content.get("type")
        if not isinstance(kind, str) or kind not in _GEOJSON_GEOMETRIES:
            raise self._error(f"expected a GeoJSON geometry, Feature or FeatureCollection, got type {safe_repr(kind)}")
        coordinates = content.get("coordinates")
        if kind == "Polygon":
            return self._polygons([coordinates])[0]
        if kind == "MultiPolygon" and isinstance(coordinates, list | tuple) and coordinates:
            return shapely.multipolygons(self._polygons(coordinates))
        return self._shape(content)

    def _polygons(self, polygons: Any) -> Any:
        """Return polygons of GeoJSON coordinates as an array: all their rings in a few calls, open rings closed."""
        try:
            rings = list(chain.from_iterable(polygons))
            positions = list(chain.from_iterable(rings))
            # Rings of mixed dimensions and other rare forms go the slow way, which reports the reason.
            (dimensions,) = set(map(len, positions))
            numbers = chain.from_iterable(positions)
            points = np.fromiter(numbers, dtype=float, count=dimensions * len(positions)).reshape(-1, dimensions)
            ring_offsets, polygon_offsets = _offsets(rings), _offsets(polygons)
            starts, ends = ring_offsets[:-1], ring_offsets[1:]
            if dimensions not in {2, 3} or (starts == ends).any() or not np.diff(polygon_offsets).all():
                raise ValueError
            if (points[starts] != points[ends - 1]).any():
                self.warnings.append("an open ring was closed")
            return shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, (ring_offsets, polygon_offsets))
        except _READ_ERRORS:
            return [self._shape({"type": "Polygon", "coordinates": polygon}) for polygon in polygons or ()]

    def _shape(self, content: Mapping[str, Any]) -> BaseGeometry:
        try:
            return shape(content)
        except _READ_ERRORS as error:
            raise self._error(f"cannot be read as GeoJSON: {_first_line(error)}") from None

    def _from_file(self, path: str) -> BaseGeometry:
        file = open_aoi_file(path, self.argument, self._read_file)
        reader = GeometryReader(self.argument, self._read_file, source=f"{file.label}: ")
        reader.warnings = self.warnings
        text = "" if file.layer else file.text
        if is_wkt(text) or EWKT.match(text) or is_hex_wkb(text):
            return reader.read(text)
        if text[:1] == "{" and isinstance(content := parse_literal(text), Mapping) and _is_geojson(content):
            return reader.read(content)
        return read_vector_file(file, self.argument, self.warnings)

    def _from_other_text(self, text: str) -> BaseGeometry:
        """Return the geometry of KML, GML, TopoJSON or ESRI JSON that is passed without a file."""
        file = AoiFile("", None, text.encode(errors="replace"), None)
        return read_vector_file(file, self.argument, self.warnings)

    def _json(self, content: Any) -> str:
        try:
            return json.dumps(content)
        except (TypeError, ValueError):
            raise self._error("cannot be written as JSON") from None

    def _error(self, message: str) -> ArdRequestError:
        return ArdRequestError(f"{self._source}{message}", argument=self.argument)


def _offsets(sequences: Any) -> Any:
    """Return the index at which each sequence begins in their concatenation, and the length of all."""
    return np.fromiter(accumulate(map(len, sequences), initial=0), dtype=int, count=len(sequences) + 1)


def _depth(text: str) -> int:
    levels = [1 if parenthesis == "(" else -1 for parenthesis in re.findall(r"[()]", text)]
    return int(np.cumsum(levels).max())


def _close_rings(text: str) -> BaseGeometry | None:
    try:
        return shapely.from_wkt(text, on_invalid="fix")
    except _READ_ERRORS:
        return None


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:160]


def _is_geojson(content: Mapping[str, Any]) -> bool:
    kind = content.get("type")
    return kind in {*_GEOJSON_GEOMETRIES, "Feature", "FeatureCollection"} or (kind is None and "geometry" in content)
