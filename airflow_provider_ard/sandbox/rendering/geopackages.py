"""GeoPackages of one layer of polygons, made fast: GDAL makes an empty one, and SQLite fills it."""

import sqlite3
import struct
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

# Little-endian, with an envelope of minx, maxx, miny, maxy.
_FLAGS = 0b0000_0011


def geopackage(polygons: Sequence[BaseGeometry], epsg: int, layer: str) -> bytes:
    """Return a GeoPackage with one layer of polygons in a coordinate system; there may be none."""
    empty = _empty(epsg, layer)
    if not polygons:
        return empty
    db = sqlite3.connect(":memory:")
    try:
        db.deserialize(empty)
        db.executemany(f'INSERT INTO "{layer}" (geom) VALUES (?)', [(_blob(polygon, epsg),) for polygon in polygons])  # noqa: S608 - our own names
        db.execute(
            "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?",
            shapely.GeometryCollection(list(polygons)).bounds,
        )
        db.execute("UPDATE gpkg_ogr_contents SET feature_count = ?", (len(polygons),))
        db.commit()
        return bytes(db.serialize())
    finally:
        db.close()


@lru_cache(maxsize=256)
def _empty(epsg: int, layer: str) -> bytes:
    # Where pandas is installed it comes along, and takes as long to load as all the rest of the sandbox.
    import pyogrio.raw

    with tempfile.TemporaryDirectory(prefix="ard-sandbox-") as folder:
        path = Path(folder) / "empty.gpkg"
        pyogrio.raw.write(
            path,
            geometry=np.array([], dtype=object),
            field_data=[],
            fields=[],
            layer=layer,
            driver="GPKG",
            geometry_type="Polygon",
            crs=CRS.from_epsg(epsg).to_wkt(),
            # The index's triggers call functions that SQLite alone has not.
            layer_options={"SPATIAL_INDEX": "NO"},
        )
        db = sqlite3.connect(path, isolation_level=None)
        # GDAL counts features by triggers, one call for each row; we count once.
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            if name.startswith("trigger_"):
                db.execute(f'DROP TRIGGER "{name}"')
        # Most of a package is its tables' first pages.
        db.execute("PRAGMA page_size = 1024")
        db.execute("VACUUM")
        db.close()
        return path.read_bytes()


def _blob(polygon: BaseGeometry, epsg: int) -> bytes:
    xmin, ymin, xmax, ymax = polygon.bounds
    head = struct.pack("<2sBBi4d", b"GP", 0, _FLAGS, epsg, xmin, xmax, ymin, ymax)
    body: bytes = shapely.to_wkb(polygon, byte_order=1)
    return head + body
