"""Any form of a geometry -> shapely, in WGS84 degrees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely.geometry import GeometryCollection, shape
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.rendered import parsed

ReadFile = Callable[[str], bytes]

_EWKT = re.compile(r"(?i)^\s*SRID\s*=\s*(\d+)\s*;")
_WKT = re.compile(r"(?i)^\s*(POINT|LINESTRING|LINEARRING|POLYGON|MULTI\w+|GEOMETRYCOLLECTION)\b")
_GEOJSON_GEOMETRIES = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
}  # fmt: skip
# From here on an array pays.
_MANY_POINTS = 32
_READ_ERRORS = (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)


def is_wkt(text: str) -> bool:
    """Whether a text is meant as WKT."""
    return bool(_WKT.match(text))


def read_local(path: str) -> bytes:
    """Read a file of this machine."""
    return Path(path).expanduser().read_bytes()


class GeometryReader:
    """Reads geometries given as the argument named `argument`; `notes` tell what had to be mended on the way.

    `read_file(path)` returns a file's bytes; it may raise OSError or ValueError.
    """

    def __init__(self, argument: str, read_file: ReadFile = read_local) -> None:
        self.argument = argument
        self.notes: list[str] = []
        self._read_file = read_file

    def read(self, value: object) -> BaseGeometry:
        """Return the geometry, a collection for several. Raises `ArdRequestError`."""
        if isinstance(value, BaseGeometry):
            return value
        if isinstance(value, str):
            return self._from_text(value.strip())
        if isinstance(value, Mapping):
            return self._from_geojson(value)
        if isinstance(value, Path):
            return self._from_file(str(value))
        return self._from_object(value)

    def _from_object(self, value: object) -> BaseGeometry:
        cell = getattr(value, "geom_WGS84", None)
        if isinstance(cell, BaseGeometry):
            # A cell of maxar-ard-grid; its own coordinates are UTM metres.
            return cell
        if hasattr(value, "to_crs") and hasattr(value, "crs"):
            value = self._in_degrees(value)
        if hasattr(value, "__geo_interface__"):
            return self._from_geojson(value.__geo_interface__)
        if isinstance(value, Iterable) and not isinstance(value, bytes):
            return GeometryCollection([self.read(member) for member in value])
        raise self._refusal(f"wanted WKT, GeoJSON, a geometry or a file's path, got a {type(value).__name__}")

    def _in_degrees(self, frame: Any) -> Any:
        """Reproject a GeoDataFrame or GeoSeries; one without a CRS is taken for degrees."""
        if frame.crs is None:
            return frame
        try:
            return frame.to_crs(4326)
        except (ProjError, ValueError, RuntimeError) as error:
            raise self._refusal(f"cannot be reprojected to WGS84: {_short(error)}") from None

    def _from_text(self, text: str) -> BaseGeometry:
        if not text:
            raise self._refusal("the text is empty")
        if text[0] in "{[(":
            given = parsed(text)
            if isinstance(given, str):
                raise self._refusal("looks like GeoJSON but cannot be read as JSON")
            return self.read(given)
        if srid := _EWKT.match(text):
            if srid[1] != "4326":
                raise self._refusal(f"wanted SRID 4326 (WGS84 degrees), got {srid[1]}")
            text = text[srid.end() :].strip()
        return self._from_wkt(text) if is_wkt(text) else self._from_file(text)

    def _from_wkt(self, text: str) -> BaseGeometry:
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
            features = content.get("features")
            if not isinstance(features, list | tuple):
                raise self._refusal("the FeatureCollection has no list of features")
            return GeometryCollection([self._from_feature(feature) for feature in features])
        if kind == "Feature" or (kind is None and isinstance(content, Mapping) and "geometry" in content):
            return self._from_feature(content)
        if not isinstance(kind, str) or kind not in _GEOJSON_GEOMETRIES:
            shown = repr(kind[:40]) if isinstance(kind, str) else f"a {type(kind).__name__}"
            raise self._refusal(f"wanted a GeoJSON geometry, Feature or FeatureCollection, got type {shown}")
        try:
            return shape(self._with_rings(content))
        except (*_READ_ERRORS, RecursionError) as error:
            raise self._refusal(f"cannot be read as GeoJSON: {_short(error)}") from None

    def _from_feature(self, feature: object) -> BaseGeometry:
        geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
        if isinstance(geometry, BaseGeometry):
            return geometry
        if not isinstance(geometry, Mapping):
            raise self._refusal("a Feature has no geometry")
        return self._from_geojson(geometry)

    def _with_rings(self, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return polygons with their long rings as arrays, which shapely reads many times faster, and note open rings.

        It closes them by itself.
        """
        kind, coordinates = content["type"], content.get("coordinates")
        if kind == "Polygon":
            return {"type": kind, "coordinates": self._rings(coordinates)}
        if kind == "MultiPolygon":
            return {"type": kind, "coordinates": [self._rings(polygon) for polygon in coordinates or ()]}
        return content

    def _rings(self, polygon: Any) -> list[Any]:
        if any(list(ring[0]) != list(ring[-1]) for ring in polygon or ()):
            self.notes.append("an open ring was closed")
        return [np.asarray(ring, dtype=float) if len(ring) > _MANY_POINTS else ring for ring in polygon or ()]

    def _from_file(self, path: str) -> BaseGeometry:
        wish = f"neither WKT nor GeoJSON, nor the path of a file that can be read: {path[:80]!r}"
        try:
            content = self._read_file(path)
        except (OSError, ValueError, RuntimeError, ImportError):
            raise self._refusal(wish) from None
        try:
            text = content.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            text = ""
        if is_wkt(text) or _EWKT.match(text):
            return self._from_text(text)
        if text[:1] == "{" and isinstance(given := parsed(text), Mapping) and "crs" not in given:
            return self._from_geojson(given)
        return self._from_ogr(content, path)

    def _from_ogr(self, content: bytes, path: str) -> BaseGeometry:
        """Read any format that GDAL knows, reprojected to WGS84."""
        name = path.rsplit("/", 1)[-1][:60]
        try:
            import pyogrio  # noqa: PLC0415 -- of the extra `ogr` only
            from pyogrio.raw import read  # noqa: PLC0415
        except ImportError:
            raise self._refusal(
                f"the file {name!r} holds neither WKT nor GeoJSON in WGS84; other formats and projections need "
                "airflow-provider-ard[ogr]"
            ) from None
        try:
            meta, _, shapes, _ = read(content, columns=[], force_2d=True)
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, RuntimeError) as error:
            raise self._refusal(f"the file {name!r} cannot be read: {_short(error)}") from None
        geometries = [geometry for geometry in shapely.from_wkb(shapes) if geometry is not None]
        if not geometries:
            raise self._refusal(f"the file {name!r} holds no geometry")
        if meta.get("crs"):
            geometries = self._reprojected(geometries, meta["crs"])
        return geometries[0] if len(geometries) == 1 else GeometryCollection(geometries)

    def _reprojected(self, geometries: list[BaseGeometry], crs: str) -> list[BaseGeometry]:
        try:
            given = CRS.from_user_input(crs)
            if given == CRS.from_epsg(4326):
                return geometries
            to_degrees = Transformer.from_crs(given, 4326, always_xy=True)
        except ProjError as error:
            raise self._refusal(f"cannot be reprojected to WGS84: {_short(error)}") from None
        return [shapely.transform(geometry, to_degrees.transform, interleaved=False) for geometry in geometries]

    def _refusal(self, message: str) -> ArdRequestError:
        return ArdRequestError(message, argument=self.argument)


def _closed(text: str) -> BaseGeometry | None:
    try:
        return shapely.from_wkt(text, on_invalid="fix")
    except _READ_ERRORS:
        return None


def _short(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:160]
