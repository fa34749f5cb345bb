"""Geometries in any CRS and files in any format of GDAL, converted to shapely in WGS84 degrees."""

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


def to_wgs84(geometries: list[BaseGeometry], crs: Any, argument: str, repairs: list[str]) -> list[BaseGeometry]:
    """Return geometries in WGS84 degrees, longitude first, unchanged if they are already.

    `crs`: any form that pyproj accepts, or the `crs` of an old GeoJSON. Raises `ArdRequestError`.
    """
    try:
        if isinstance(crs, Mapping) and isinstance(crs.get("properties"), Mapping):
            crs = crs["properties"].get("name")
        source_crs = CRS.from_user_input(crs)
        if source_crs in (CRS.from_user_input(_CRS84), CRS.from_epsg(4326)):
            return geometries
        transform = Transformer.from_crs(source_crs, _CRS84, always_xy=True).transform
        flat = [drop_z(geometry, repairs) for geometry in geometries]
        # Coordinates outside of the projection become infinite, which is reported later.
        with np.errstate(invalid="ignore"):
            return [shapely.transform(geometry, transform, interleaved=False) for geometry in flat]
    except (ProjError, ValueError, TypeError) as error:
        raise ArdRequestError(
            f"cannot be reprojected to WGS84: {type(error).__name__} for the CRS {safe_repr(str(crs))}",
            argument=argument,
        ) from None


def drop_z(geometry: BaseGeometry, repairs: list[str]) -> BaseGeometry:
    """Return a geometry in two dimensions; add a warning to `repairs` if it had more."""
    if not (geometry.has_z or geometry.has_m):
        return geometry
    repairs.append("its third dimension was dropped")
    return shapely.force_2d(geometry)


def read_vector_content(content: bytes, path: str, argument: str, repairs: list[str]) -> BaseGeometry:
    """Return the geometries of a file that was read from `path` already, as `read_vector_file` does."""
    name = path.rsplit("/", 1)[-1]
    if name.lower().endswith(".shp"):
        raise ArdRequestError(
            f"the file {safe_repr(name)} has no companions (.shx, .prj …) beside it; zip the Shapefile",
            argument=argument,
        )
    # GDAL recognizes some formats by the suffix.
    suffix = _SUFFIX.search(name)
    with TemporaryDirectory(prefix="ard-aoi-") as folder:
        local = Path(folder, f"aoi{suffix[0] if suffix else ''}")
        local.write_bytes(content)
        return read_vector_file(str(local), path, argument, repairs)


def read_vector_file(local: str, path: str, argument: str, repairs: list[str]) -> BaseGeometry:
    """Return the geometries of a local file in any format that GDAL knows, of all its layers.

    `path` is the user's name for it. Adds GDAL's warnings to `repairs`. Raises `ArdRequestError`.
    """
    name = safe_repr(path.rsplit("/", 1)[-1])
    try:
        import pyogrio  # noqa: PLC0415 -- of the extra `ogr` only
        from pyogrio.errors import DataLayerError, DataSourceError  # noqa: PLC0415
        from pyogrio.raw import read  # noqa: PLC0415
    except ImportError:
        raise ArdRequestError(
            f"the file {name} is neither WKT nor GeoJSON; other formats need airflow-provider-ard[ogr]",
            argument=argument,
        ) from None
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            layers = [str(layer) for layer, kind in pyogrio.list_layers(local) if kind is not None]
            contents = [read(local, layer=layer, columns=[]) for layer in layers]
    except (DataSourceError, DataLayerError, OSError, ValueError, RuntimeError) as error:
        raise ArdRequestError(f"the file {name} cannot be read: {type(error).__name__}", argument=argument) from None
    repairs += [f"the file {name}: {str(warning.message)[:160]}" for warning in caught]
    all_geometries: list[BaseGeometry] = []
    for meta, _, shapes, _ in contents:
        geometries = [geometry for geometry in shapely.from_wkb(shapes) if geometry is not None]
        if meta.get("crs"):
            geometries = to_wgs84(geometries, meta["crs"], argument, repairs)
        elif geometries:
            repairs.append(f"the file {name} has no CRS; WGS84 degrees are assumed")
        all_geometries += geometries
    if not all_geometries:
        raise ArdRequestError(f"the file {name} contains no geometry", argument=argument)
    if len(layers) > 1:
        repairs.append(f"all {len(layers)} layers of the file {name} were taken: {', '.join(layers)[:160]}")
    return all_geometries[0] if len(all_geometries) == 1 else GeometryCollection(all_geometries)
