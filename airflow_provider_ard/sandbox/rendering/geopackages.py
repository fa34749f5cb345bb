"""GeoPackages with one layer of polygons: GDAL creates an empty one, and SQLite inserts the polygons, for speed."""

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
    """Return a GeoPackage with one layer of polygons, which may be empty, in a coordinate system."""
    empty = _empty(epsg, layer)
    if not polygons:
        return empty
    db = sqlite3.connect(":memory:")
    try:
        db.deserialize(empty)
        db.executemany(f'INSERT INTO "{layer}" (geom) VALUES (?)', [(_blob(polygon, epsg),) for polygon in polygons])  # noqa: S608 - a constant name
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
    # Imports pandas if installed, which takes as long as the rest of the sandbox.
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
            # The triggers of the index call functions that SQLite does not have.
            layer_options={"SPATIAL_INDEX": "NO"},
        )
        db = sqlite3.connect(path, isolation_level=None)
        # GDAL counts features with a trigger per row; the count is set once instead.
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            if name.startswith("trigger_"):
                db.execute(f'DROP TRIGGER "{name}"')
        # Most of the file is the first page of each table.
        db.execute("PRAGMA page_size = 1024")
        db.execute("VACUUM")
        db.close()
        return path.read_bytes()


def _blob(polygon: BaseGeometry, epsg: int) -> bytes:
    xmin, ymin, xmax, ymax = polygon.bounds
    head = struct.pack("<2sBBi4d", b"GP", 0, _FLAGS, epsg, xmin, xmax, ymin, ymax)
    body: bytes = shapely.to_wkb(polygon, byte_order=1)
    return head + body
