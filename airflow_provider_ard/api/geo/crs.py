"""Reprojection to WGS84 degrees, in two dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_CRS84 = "OGC:CRS84"


def to_wgs84(geometries: list[BaseGeometry], crs: Any, argument: str, repairs: list[str]) -> list[BaseGeometry]:
    """Return geometries in WGS84 degrees, longitude first, unchanged if they are already.

    `crs`: any form that pyproj accepts, or the `crs` of an old GeoJSON. Raises `ArdRequestError`.
    """
    from pyproj import CRS, Transformer  # noqa: PLC0415 -- slow to import, and most geometries have no CRS
    from pyproj.exceptions import ProjError  # noqa: PLC0415

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
