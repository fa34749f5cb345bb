"""Files of a tile: Cloud Optimized GeoTIFFs for its images, GeoPackages for its masks."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.features import shapes
from rasterio.io import MemoryFile
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.catalog import Tile
from airflow_provider_ard.sandbox.imagery import Scene, render, utm_footprint
from airflow_provider_ard.sandbox.landscape import BANDS, FOUR_BANDS
from airflow_provider_ard.sandbox.projection import affine

_CACHED_TILES = 64
_BLOCK_PX = 256


@dataclass(frozen=True)
class Asset:
    """One file of a tile: its STAC key, the end of its name, and what is in it."""

    key: str
    suffix: str
    media_type: str
    content: bytes
    bands: tuple[str, ...] = ()
    shape: tuple[int, int] | None = None


COG = "image/tiff; application=geotiff; profile=cloud-optimized"
GEOPACKAGE = "application/geopackage+sqlite3"


@lru_cache(maxsize=_CACHED_TILES)
def assets(tile: Tile, pixels: int) -> tuple[Asset, ...]:
    """Return every file of a tile but its STAC item; kept, since tests order the same tiles over and over."""
    scene = render(tile, pixels)
    ms_bands = BANDS if scene.ms is not None and len(scene.ms) == len(BANDS) else _names(FOUR_BANDS)
    images = [
        _image(tile, "visual", "-visual.tif", scene.visual, ("red", "green", "blue")),
        _image(tile, "pan_analytic", "-pan.tif", scene.pan, ("pan",)),
    ]
    if scene.ms is not None:
        images.append(_image(tile, "ms_analytic", "-ms.tif", scene.ms, ms_bands))
    footprint = utm_footprint(tile)
    masks = {"cloud-mask": _outlines(tile, scene), "data-mask": _polygons(footprint)}
    return (
        *images,
        *(
            Asset(key, f"-{key}.gpkg", GEOPACKAGE, geopackage(polygons, tile.epsg, key))
            for key, polygons in masks.items()
        ),
    )


def cog(image: NDArray[Any], bounds: Sequence[float], epsg: int, descriptions: Sequence[str]) -> bytes:
    """Return a Cloud Optimized GeoTIFF of an image, bands first, in which 0 is no data."""
    count, height, width = image.shape
    profile = {
        "driver": "COG",
        "dtype": image.dtype,
        "count": count,
        "height": height,
        "width": width,
        "crs": f"EPSG:{epsg}",
        "transform": affine(bounds, width, height),
        "nodata": 0,
        "blocksize": _BLOCK_PX,
        "compress": "deflate",
        "predictor": "yes",
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(image)
            for number, description in enumerate(descriptions, 1):
                target.set_band_description(number, description)
        return bytes(memory.read())


def geopackage(polygons: Sequence[BaseGeometry], epsg: int, layer: str) -> bytes:
    """Return a GeoPackage with one layer of polygons, which may be empty."""
    memory = io.BytesIO()
    pyogrio.raw.write(
        memory,
        geometry=np.array([shapely.to_wkb(polygon) for polygon in polygons], dtype=object),
        field_data=[],
        fields=[],
        layer=layer,
        driver="GPKG",
        geometry_type="Polygon",
        crs=CRS.from_epsg(epsg).to_wkt(),
    )
    return memory.getvalue()


def _image(tile: Tile, key: str, suffix: str, image: NDArray[Any], bands: tuple[str, ...]) -> Asset:
    content = cog(image, tile.cell.bounds, tile.epsg, bands)
    return Asset(key, suffix, COG, content, bands, (image.shape[1], image.shape[2]))


def _outlines(tile: Tile, scene: Scene) -> list[BaseGeometry]:
    height, width = scene.cloud.shape
    found = shapes(scene.cloud.astype(np.uint8), scene.cloud, transform=affine(tile.cell.bounds, width, height))
    pixel = (tile.cell.bounds[2] - tile.cell.bounds[0]) / width
    outlines = [shape(outline).simplify(pixel) for outline, _ in found]
    return [polygon for outline in outlines for polygon in _polygons(outline.buffer(0))]


def _polygons(geometry: BaseGeometry) -> list[BaseGeometry]:
    parts = getattr(geometry, "geoms", [geometry])
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]


def _names(indexes: Sequence[int]) -> tuple[str, ...]:
    return tuple(BANDS[index] for index in indexes)
