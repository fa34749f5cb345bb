"""Test polygons in Colorado."""

from __future__ import annotations

import shapely
import shapely.affinity

from airflow_provider_ard.api.geo.aoi import AOI

BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
SMALL = shapely.box(-105.2, 40.1, -105.195, 40.105)
EAST = shapely.box(-104.2, 40.1, -104.1, 40.2)
GEOJSON = shapely.geometry.mapping(BOX)


def near(aoi: AOI, expected: shapely.Geometry) -> bool:
    """Whether an AOI equals a geometry within the rounding of a reprojection."""
    return shapely.hausdorff_distance(shapely.from_wkt(aoi.wkt), expected) < 1e-6
