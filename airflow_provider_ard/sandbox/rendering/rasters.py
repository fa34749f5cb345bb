"""The files of a tile: Cloud Optimized GeoTIFFs of its images, a GeoPackage and a GeoTIFF of each mask."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.features import shapes
from rasterio.io import MemoryFile
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.backend.catalog import CELL_M, MARGIN_M, Tile
from airflow_provider_ard.sandbox.rendering.geopackages import geopackage
from airflow_provider_ard.sandbox.rendering.imagery import Mask, Scene, data_mask, render, resampled, utm_footprint
from airflow_provider_ard.sandbox.rendering.landscape import BANDS
from airflow_provider_ard.sandbox.rendering.projection import affine

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
GEOPACKAGE = "application/geopackage+sqlite3"

# The STAC asset keys of a mask are those of its vector file, `water-mask`, and of its raster file, `water-mask-raster`.
# The names of the raster files, None for a mask that has none.
MASKS = {
    "cloud": "clouds",
    "cloud-shadow": None,
    "data": None,
    "healthy-vegetation": "healthy-vegetation",
    "ms-saturation": "ms-saturation",
    "pan-flare": "pan-flare",
    "terrain-shadow": "terrain-shadows",
    "water": "water",
}
_CACHED_TILES = 64
# Pixels of the visual image per pixel of a raster mask, in each direction.
_MASK_FACTOR = 8
# Half the width of a tile of 512 pixels: blocks are padded to their full size.
_BLOCK_PX = 272
_RGB = 3
# With a lower quality, small images have artifacts at the edge of data, which readers without the mask take for data.
_JPEG = {"compress": "JPEG", "quality": 100}
_DEFLATE = {"compress": "deflate", "predictor": "yes"}
_MASK_NODATA = 255
# Values of the raster of clouds and cloud shadows.
NO_DATA, CLEAR, CLOUD, CLOUD_SHADOW = range(4)


@dataclass(frozen=True)
class Asset:
    """One file of a tile: its STAC asset key, file name suffix and content."""

    key: str
    suffix: str
    media_type: str
    content: bytes
    bands: tuple[str, ...] = ()
    shape: tuple[int, int] | None = None


@lru_cache(maxsize=_CACHED_TILES)
def files(tile: Tile, pixels: int, *, hd: bool = False, bundle_adjusted: bool = False) -> "TileFiles":
    """Return the files of a tile, cached because tests order the same tiles repeatedly."""
    return TileFiles(tile, pixels * 2 if hd else pixels, bundle_adjusted=bundle_adjusted)


class TileFiles:
    """The files of a tile except its STAC item, each rendered on first access.

    `pixels` is the width of the cell in the visual image, which has a margin on each side; masks have an eighth of the
    resolution. Panchromatic images have the resolution of the acquisition, and multispectral ones a quarter of it.
    """

    def __init__(self, tile: Tile, pixels: int, *, bundle_adjusted: bool = False) -> None:
        self._tile = tile
        self._pixels = round(pixels * (1 + 2 * MARGIN_M / CELL_M))
        self._bundle_adjusted = bundle_adjusted
        self._assets: dict[str, Asset] = {}
        self._lock = threading.RLock()

    @property
    def keys(self) -> list[str]:
        """The STAC asset keys of the tile, which depend on its satellite."""
        return list(self._makers)

    def asset(self, key: str) -> Asset:
        """Return a file; raises KeyError if the tile does not have it."""
        with self._lock:
            if key not in self._assets:
                self._assets[key] = self._makers[key]()
            return self._assets[key]

    @cached_property
    def _scene(self) -> Scene:
        return render(self._tile, self._pixels, bundle_adjusted=self._bundle_adjusted)

    @cached_property
    def _makers(self) -> dict[str, Callable[[], Asset]]:
        panchromatic = self._tile.properties.get("platform") == "WV01"
        makers: dict[str, Callable[[], Asset]] = {"visual": self._visual, "pan_analytic": self._pan}
        if not panchromatic:
            makers["ms_analytic"] = self._ms
        for name, file_name in MASKS.items():
            if panchromatic and name in ("healthy-vegetation", "ms-saturation", "water"):
                continue
            makers[f"{name}-mask"] = partial(self._vectors, name)
            if name == "cloud":
                makers["cloud-mask-raster"] = self._clouds
            elif file_name is not None:
                makers[f"{name}-mask-raster"] = partial(self._raster, name, file_name)
        return makers

    def _visual(self) -> Asset:
        image = self._scene.visual
        return self._image(
            "visual", "-visual.tif", image, ("red", "green", "blue") if len(image) == 3 else ("pan_visual",)
        )

    def _pan(self) -> Asset:
        return self._image("pan_analytic", "-pan.tif", self._scene.pan, ("pan",))

    def _ms(self) -> Asset:
        image = self._scene.ms
        if image is None:
            raise KeyError("ms_analytic")
        bands = BANDS if len(image) == len(BANDS) else ("blue", "green", "red", "nir")
        return self._image("ms_analytic", "-ms.tif", image, bands)

    def _image(self, key: str, suffix: str, image: NDArray[Any], bands: tuple[str, ...]) -> Asset:
        valid = data_mask(self._tile, image.shape[2])
        content = cog(image, self._tile.bounds, self._tile.epsg, valid=valid)
        return Asset(key, suffix, COG, content, bands, (image.shape[1], image.shape[2]))

    def _vectors(self, name: str) -> Asset:
        key = f"{name}-mask"
        if name == "data":
            outlines = _polygons(utm_footprint(self._tile))
        else:
            outlines = _outlines(self._scene.masks[name], self._tile.bounds)
        return Asset(key, f"-{key}.gpkg", GEOPACKAGE, geopackage(outlines, self._tile.epsg, key))

    def _clouds(self) -> Asset:
        masks = self._scene.masks
        cloud, shadow, valid = (_coarse(mask) for mask in (masks["cloud"], masks["cloud-shadow"], self._scene.valid))
        image = np.select([~valid, cloud, shadow], [NO_DATA, CLOUD, CLOUD_SHADOW], CLEAR).astype(np.uint8)[None]
        return self._mask_raster("cloud", "clouds", image, NO_DATA)

    def _raster(self, name: str, file_name: str) -> Asset:
        mask, valid = (_coarse(m) for m in (self._scene.masks[name], self._scene.valid))
        image = np.where(valid, mask, _MASK_NODATA).astype(np.uint8)[None]
        return self._mask_raster(name, file_name, image, _MASK_NODATA)

    def _mask_raster(self, name: str, file_name: str, image: NDArray[np.uint8], nodata: int) -> Asset:
        content = cog(image, self._tile.bounds, self._tile.epsg, nodata=nodata)
        shape = (image.shape[1], image.shape[2])
        return Asset(f"{name}-mask-raster", f"-{file_name}.tif", COG, content, (file_name,), shape)


def cog(
    image: NDArray[Any],
    bounds: Sequence[float],
    epsg: int,
    *,
    nodata: int | None = None,
    valid: Mask | None = None,
) -> bytes:
    """Return a Cloud Optimized GeoTIFF of an image, bands first; `valid` becomes its mask band.

    Three bands are compressed as JPEG, others without loss.
    """
    count, height, width = image.shape
    profile = {
        "driver": "COG",
        "dtype": image.dtype,
        "count": count,
        "height": height,
        "width": width,
        "crs": f"EPSG:{epsg}",
        "transform": affine(bounds, width, height),
        "nodata": nodata,
        "blocksize": _BLOCK_PX,
        **(_JPEG if count == _RGB else _DEFLATE),
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            if count == _RGB:
                target.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
            target.write(image)
            if valid is not None:
                target.write_mask(valid)
        return bytes(memory.read())


def png(image: NDArray[Any]) -> bytes:
    """Return a PNG of an RGBA image, bands first, uint8."""
    count, height, width = image.shape
    identity = affine((0, 0, width, height), width, height)
    profile = {"driver": "PNG", "dtype": "uint8", "count": count, "height": height, "width": width}
    with MemoryFile() as memory:
        with memory.open(**profile, transform=identity) as target:
            target.write(image)
        return bytes(memory.read())


@lru_cache(maxsize=4 * _CACHED_TILES)
def quicklook(tile: Tile, pixels: int = 256) -> bytes:
    """Return a PNG of a tile, transparent where it has no data."""
    scene = render(tile, pixels)
    alpha = np.where(scene.valid, 255, 0).astype(np.uint8)[None]
    # One band of a panchromatic satellite becomes all three.
    return png(np.concatenate([np.broadcast_to(scene.visual, (3, *scene.valid.shape)), alpha]))


def _coarse(mask: Mask) -> Mask:
    pixels = max(1, round(len(mask) / _MASK_FACTOR))
    share: Mask = resampled(mask[..., None].astype(np.float32), pixels)[..., 0] >= np.float32(0.5)
    return share


def _outlines(mask: Mask, bounds: Sequence[float]) -> list[BaseGeometry]:
    if not mask.any():
        return []
    height, width = mask.shape
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": height, "width": width}
    # From an array, rasterio creates a dataset without a transform and suppresses its warning, in all threads. Another
    # thread that restores the filters at that moment re-enables it, and the order fails where warnings are errors.
    with MemoryFile() as memory, memory.open(**profile, transform=affine(bounds, width, height)) as image:
        image.write(mask.astype(np.uint8), 1)
        band = rasterio.band(image, 1)
        outlines = [shape(outline) for outline, _ in shapes(band, mask=band)]
    pixel = (bounds[2] - bounds[0]) / width
    return [polygon for outline in outlines for polygon in _polygons(outline.simplify(pixel).buffer(0))]


def _polygons(geometry: BaseGeometry) -> list[BaseGeometry]:
    parts = getattr(geometry, "geoms", [geometry])
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
