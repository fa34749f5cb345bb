"""Geometries in any CRS, and files in any format of GDAL's -> shapely, in WGS84 degrees."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely.geometry import GeometryCollection

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_CRS84 = "OGC:CRS84"
_SUFFIX = re.compile(r"(?:\.[A-Za-z0-9]{1,10}){1,2}$")


def in_degrees(geometries: list[BaseGeometry], crs: Any, argument: str, notes: list[str]) -> list[BaseGeometry]:
    """Return geometries as WGS84 degrees, longitude first, the same ones if they are already.

    `crs` is whatever pyproj takes, or the `crs` of an old GeoJSON. Raises `ArdRequestError`.
    """
    try:
        if isinstance(crs, Mapping) and isinstance(crs.get("properties"), Mapping):
            crs = crs["properties"].get("name")
        known = CRS.from_user_input(crs)
        if known in (CRS.from_user_input(_CRS84), CRS.from_epsg(4326)):
            return geometries
        transform = Transformer.from_crs(known, _CRS84, always_xy=True).transform
        flat = [without_z(geometry, notes) for geometry in geometries]
        # What lies outside of the projection comes out as infinite, and is told by name later on.
        with np.errstate(invalid="ignore"):
            return [shapely.transform(geometry, transform, interleaved=False) for geometry in flat]
    except (ProjError, ValueError, TypeError) as error:
        raise ArdRequestError(
            f"cannot be reprojected to WGS84: {type(error).__name__} for the CRS {safe_repr(str(crs))}",
            argument=argument,
        ) from None


def without_z(geometry: BaseGeometry, notes: list[str]) -> BaseGeometry:
    """Return a geometry in two dimensions, and note if it had more."""
    if not (geometry.has_z or geometry.has_m):
        return geometry
    notes.append("its third dimension was dropped")
    return shapely.force_2d(geometry)


def read_ogr_content(content: bytes, path: str, argument: str, notes: list[str]) -> BaseGeometry:
    """Return the geometries of a file that was read from `path` already, as `read_ogr` does."""
    name = path.rsplit("/", 1)[-1]
    if name.lower().endswith(".shp"):
        raise ArdRequestError(
            f"the file {safe_repr(name)} lacks its companions (.shx, .prj …) there: zip the Shapefile",
            argument=argument,
        )
    # GDAL tells some formats by the ends of their names.
    suffix = _SUFFIX.search(name)
    with TemporaryDirectory(prefix="ard-aoi-") as folder:
        local = Path(folder, f"aoi{suffix[0] if suffix else ''}")
        local.write_bytes(content)
        return read_ogr(str(local), path, argument, notes)


def read_ogr(local: str, path: str, argument: str, notes: list[str]) -> BaseGeometry:
    """Return the geometries of a local file in any format that GDAL knows, of all its layers.

    `path` is what the user calls it. Notes what GDAL warns of. Raises `ArdRequestError`.
    """
    name = safe_repr(path.rsplit("/", 1)[-1])
    try:
        import pyogrio  # noqa: PLC0415 -- of the extra `ogr` only
        from pyogrio.errors import DataLayerError, DataSourceError  # noqa: PLC0415
        from pyogrio.raw import read  # noqa: PLC0415
    except ImportError:
        raise ArdRequestError(
            f"the file {name} holds neither WKT nor GeoJSON; other formats need airflow-provider-ard[ogr]",
            argument=argument,
        ) from None
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            layers = [str(layer) for layer, kind in pyogrio.list_layers(local) if kind is not None]
            contents = [read(local, layer=layer, columns=[]) for layer in layers]
    except (DataSourceError, DataLayerError, OSError, ValueError, RuntimeError) as error:
        raise ArdRequestError(f"the file {name} cannot be read: {type(error).__name__}", argument=argument) from None
    notes += [f"the file {name}: {str(warning.message)[:160]}" for warning in said]
    found: list[BaseGeometry] = []
    for meta, _, shapes, _ in contents:
        geometries = [geometry for geometry in shapely.from_wkb(shapes) if geometry is not None]
        if meta.get("crs"):
            geometries = in_degrees(geometries, meta["crs"], argument, notes)
        elif geometries:
            notes.append(f"the file {name} names no CRS and was taken for WGS84 degrees")
        found += geometries
    if not found:
        raise ArdRequestError(f"the file {name} holds no geometry", argument=argument)
    if len(layers) > 1:
        notes.append(f"all {len(layers)} layers of the file {name} were taken: {', '.join(layers)[:160]}")
    return found[0] if len(found) == 1 else GeometryCollection(found)
