"""Any form of a geometry -> shapely, in WGS84 degrees."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import GeometryCollection, shape
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.api.arguments import parse_literal, safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.geo.vector_files import in_degrees, read_ogr, read_ogr_content

ReadFile = Callable[[str], bytes]

EWKT = re.compile(r"(?i)^\s*SRID\s*=\s*([0-9]{1,6})\s*;")
_WKT = re.compile(r"(?i)^\s*(POINT|LINESTRING|LINEARRING|POLYGON|MULTI\w+|GEOMETRYCOLLECTION)\b")
_GEOJSON_GEOMETRIES = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
}  # fmt: skip
# GEOS reads nested collections by recursion and ends the process when its stack does.
_DEEPEST_WKT = 50
_WISH = "WKT, GeoJSON, geometry objects or a file's path"
_READ_ERRORS = (
    shapely.errors.ShapelyError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError,
)  # fmt: skip
# What a path itself is to blame for; anything else that an object store raises may be over in a minute.
_PATH_ERRORS = (
    FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, TypeError, LookupError,
    ImportError, NotImplementedError,
)  # fmt: skip
# How a system puts it that a text can be no path at all.
_NO_PATH = {errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP}


def is_wkt(text: str) -> bool:
    """Whether a text is meant as WKT."""
    return bool(_WKT.match(text))


def read_local(path: str) -> bytes:
    """Read a file of this machine."""
    return Path(path).expanduser().read_bytes()


class GeometryReader:
    """Reads geometries given as the argument named `argument`; `notes` tell what had to be mended on the way.

    `read_file(path)` returns a file's bytes, or raises what its storage raises.
    """

    def __init__(self, argument: str, read_file: ReadFile = read_local) -> None:
        self.argument = argument
        self.notes: list[str] = []
        self._read_file = read_file

    def read(self, value: object) -> BaseGeometry:
        """Return the geometry, a collection for several. Raises `ArdRequestError`."""
        try:
            return self._read(value)
        except RecursionError:
            raise self._refusal("it is nested without end") from None

    def _read(self, value: object) -> BaseGeometry:
        if isinstance(value, BaseGeometry):
            return value
        if isinstance(value, str):
            return self._from_text(value.strip())
        if isinstance(value, Mapping):
            return self._from_geojson(value)
        if isinstance(value, Path) or callable(getattr(value, "read_bytes", None)):
            return self._from_file(str(value))
        return self._from_object(value)

    def _from_object(self, value: Any) -> BaseGeometry:
        try:
            # A cell of maxar-ard-grid; its own coordinates are UTM metres.
            cell = getattr(value, "geom_WGS84", None)
            frame = hasattr(value, "to_crs") and hasattr(value, "geometry")
            interface = None if frame else getattr(value, "__geo_interface__", None)
        except Exception as error:  # noqa: BLE001 -- properties run the user's own code
            raise self._refusal(f"wanted {_WISH}, got {safe_repr(value)} that raises {type(error).__name__}") from None
        if isinstance(cell, BaseGeometry):
            return cell
        if frame:
            return self._from_frame(value)
        if interface is not None:
            return self._from_geojson(interface)
        return GeometryCollection([self._read(member) for member in to_list(value, self.argument, _WISH)])

    def _from_frame(self, frame: Any) -> BaseGeometry:
        """Return what a GeoDataFrame or GeoSeries holds, reprojected from its CRS."""
        geometries = list(frame.geometry)
        if not all(isinstance(geometry, BaseGeometry) for geometry in geometries):
            raise self._refusal("a row has no geometry")
        if frame.crs is None:
            self.notes.append("it has no CRS and was taken for WGS84 degrees")
        else:
            geometries = in_degrees(geometries, frame.crs, self.argument, self.notes)
        return GeometryCollection(geometries)

    def _from_text(self, text: str) -> BaseGeometry:
        if not text:
            raise self._refusal("the text is empty")
        if text[0] in "{[(":
            found = parse_literal(text)
            if isinstance(found, str):
                raise self._refusal("looks like GeoJSON but cannot be read as JSON")
            return self._read(found)
        if srid := EWKT.match(text):
            if int(srid[1]) != 4326:
                raise self._refusal(f"wanted SRID 4326 (WGS84 degrees), got {srid[1]}")
            text = text[srid.end() :].strip()
            if not is_wkt(text):
                raise self._refusal("wanted WKT behind the SRID, got something else")
        return self._from_wkt(text) if is_wkt(text) else self._from_file(text)

    def _from_wkt(self, text: str) -> BaseGeometry:
        if text.count("(") > _DEEPEST_WKT and _depth(text) > _DEEPEST_WKT:
            raise self._refusal(f"is WKT nested deeper than {_DEEPEST_WKT} levels")
        # GEOS raises a floating point flag for nan; it is found and told by name later on.
        with np.errstate(invalid="ignore", over="ignore"):
            try:
                return shapely.from_wkt(text)
            except _READ_ERRORS as error:
                closed = _closed(text)
                if closed is None:
                    raise self._refusal(f"cannot be read as WKT: {_short(error)}") from None
                self.notes.append("an open ring was closed")
                return closed

    def _from_geojson(self, content: Any) -> BaseGeometry:
        kind = content.get("type") if isinstance(content, Mapping) else None
        if kind == "FeatureCollection":
            found = self._from_features(to_list(content.get("features"), self.argument, "a list of features"))
        elif kind == "Feature" or (kind is None and isinstance(content, Mapping) and "geometry" in content):
            found = self._from_features([content]).geoms[0]
        else:
            found = self._from_geometry(content)
        crs = content.get("crs") if isinstance(content, Mapping) else None
        return found if crs is None else in_degrees([found], crs, self.argument, self.notes)[0]

    def _from_features(self, features: Any) -> GeometryCollection:
        geometries = [feature.get("geometry") if isinstance(feature, Mapping) else None for feature in features]
        if all(isinstance(geometry, dict) and geometry.get("type") == "Polygon" for geometry in geometries):
            coordinates = [geometry.get("coordinates") for geometry in geometries if geometry is not None]
            return GeometryCollection(list(self._polygons(coordinates)))
        return GeometryCollection([self._from_geometry(geometry) for geometry in geometries])

    def _from_geometry(self, content: Any) -> BaseGeometry:
        if isinstance(content, BaseGeometry):
            return content
        if not isinstance(content, Mapping):
            raise self._refusal("wanted a GeoJSON geometry, Feature or FeatureCollection, got one without geometry")
        kind = content.get("type")
        if not isinstance(kind, str) or kind not in _GEOJSON_GEOMETRIES:
            raise self._refusal(f"wanted a GeoJSON geometry, Feature or FeatureCollection, got type {safe_repr(kind)}")
        coordinates = content.get("coordinates")
        if kind == "Polygon":
            return self._polygons([coordinates])[0]
        if kind == "MultiPolygon" and isinstance(coordinates, list | tuple) and coordinates:
            return shapely.multipolygons(self._polygons(coordinates))
        return self._shape(content)

    def _polygons(self, polygons: Any) -> Any:
        """Return polygons of GeoJSON coordinates as an array: all their rings in a few calls, open rings closed."""
        try:
            rings = [ring for polygon in polygons for ring in polygon]
            lengths = np.fromiter(map(len, rings), dtype=int, count=len(rings))
            positions = list(chain.from_iterable(rings))
            # Rings of mixed dimensions and other rare forms go the slow way, which says what is wrong.
            (dimensions,) = set(map(len, positions))
            numbers = chain.from_iterable(positions)
            points = np.fromiter(numbers, dtype=float, count=dimensions * len(positions)).reshape(-1, dimensions)
            holes = np.fromiter(map(len, polygons), dtype=int, count=len(polygons))
            if dimensions not in {2, 3} or not lengths.all() or not holes.all():
                raise ValueError
            ends = np.cumsum(lengths)
            if (points[ends - lengths] != points[ends - 1]).any():
                self.notes.append("an open ring was closed")
            linear = shapely.linearrings(points, indices=np.repeat(np.arange(len(rings)), lengths))
            return shapely.polygons(linear, indices=np.repeat(np.arange(len(polygons)), holes))
        except _READ_ERRORS:
            return [self._shape({"type": "Polygon", "coordinates": polygon}) for polygon in polygons or ()]

    def _shape(self, content: Mapping[str, Any]) -> BaseGeometry:
        try:
            return shape(content)
        except _READ_ERRORS as error:
            raise self._refusal(f"cannot be read as GeoJSON: {_short(error)}") from None

    def _from_file(self, path: str) -> BaseGeometry:
        content = self._content(path)
        if content is None:
            return read_ogr(path, path, self.argument, self.notes)
        try:
            text = content.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            text = ""
        if is_wkt(text) or EWKT.match(text):
            return self._from_text(text)
        if text[:1] == "{" and isinstance(found := parse_literal(text), Mapping):
            return self._from_geojson(found)
        if "://" not in path:
            # GDAL finds what stands beside a local file, such as a Shapefile's projection, by itself.
            return read_ogr(str(Path(path).expanduser()), path, self.argument, self.notes)
        return read_ogr_content(content, path, self.argument, self.notes)

    def _content(self, path: str) -> bytes | None:
        """Return what a file holds, None for a local folder."""
        try:
            if "://" not in path and Path(path).expanduser().is_dir():
                return None
            return self._read_file(path)
        except _PATH_ERRORS:
            pass
        except Exception as error:  # noqa: BLE001 -- every object store has errors of its own
            if "://" in path and getattr(error, "errno", None) not in _NO_PATH:
                raise ArdUnavailableError(
                    f"{self.argument}: {safe_repr(path)} cannot be read at present: {type(error).__name__}"
                ) from None
        raise self._refusal(f"neither WKT nor GeoJSON, nor the path of a file that can be read: {safe_repr(path)}")

    def _refusal(self, message: str) -> ArdRequestError:
        return ArdRequestError(message, argument=self.argument)


def _depth(text: str) -> int:
    steps = [1 if sign == "(" else -1 for sign in re.findall(r"[()]", text)]
    return int(np.cumsum(steps).max())


def _closed(text: str) -> BaseGeometry | None:
    try:
        return shapely.from_wkt(text, on_invalid="fix")
    except _READ_ERRORS:
        return None


def _short(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:160]
