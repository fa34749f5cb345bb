"""The images of a tile: the land, clouds and their shadows as seen by the satellite."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.rendering.landscape import FOUR_BANDS, RGB, Season, reflectance
from airflow_provider_ard.sandbox.rendering.noise import Floats, Grid, fractal, ramp
from airflow_provider_ard.sandbox.rendering.projection import WGS84, project

Mask = NDArray[np.bool_]

EIGHT_BAND_PLATFORMS = ("WV02", "WV03")
MS_FACTOR = 4
# Surface reflectance of 1.0 in the analytic images.
SCALE = 10_000
_VISUAL_GSD_M = 0.30517578125
_CLOUD_M = 2600.0
_CLOUD_SOFT = 0.07
# Brightness below which a slope is in shadow, and above which a sensor saturates.
_IN_SHADE = 0.76
_FLARE = 0.46
_SATURATED = 0.80


@dataclass(frozen=True)
class Scene:
    """The images of a tile, bands first; 0 is no data, and `valid` is the mask of data.

    `visual` is (3, n, n) uint8, `pan` (1, m, m) uint16, `ms` (8 or 4, m/4, m/4) uint16, with `m` as in `native_pixels`.
    Without a multispectral sensor `visual` has one band, and `ms` is None. `masks` are (n, n), by name; those that
    require a multispectral sensor are missing without one.
    """

    visual: NDArray[np.uint8]
    pan: NDArray[np.uint16]
    ms: NDArray[np.uint16] | None
    masks: dict[str, Mask]
    valid: Mask


def utm_footprint(tile: Tile) -> BaseGeometry:
    """Return the data footprint within the bounds of the tile, in meters of its UTM zone.

    Vertices are moved to the corners of the pixels of real visual images, and so exactly to the edges of a full tile:
    catalogs round degrees to 6 decimals, which is up to 0.1 m.
    """

    def snap(points: NDArray[Any]) -> NDArray[Any]:
        snapped: NDArray[Any] = np.round(points / _VISUAL_GSD_M) * _VISUAL_GSD_M
        return snapped

    footprint = shapely.transform(project(tile.footprint, WGS84, tile.epsg), snap)
    return footprint.buffer(0).intersection(box(*tile.bounds))


def native_pixels(tile: Tile, pixels: int) -> int:
    """Return the width of the panchromatic image of an acquisition whose visual image is `pixels` wide."""
    ratio = _VISUAL_GSD_M / float(tile.properties.get("gsd") or _VISUAL_GSD_M)
    return MS_FACTOR * max(1, round(min(1.0, ratio) * pixels / MS_FACTOR))


def render(tile: Tile, pixels: int, *, bundle_adjusted: bool = False) -> Scene:
    """Return the images of a tile, the visual one `pixels` wide; the result depends on the arguments only.

    Without bundle adjustment, the images of each acquisition are shifted by a few meters.
    """
    grid = _grid(tile, pixels)
    valid = data_mask(tile, pixels)
    native = native_pixels(tile, pixels)
    properties = tile.properties
    season = Season.of(tile.acquired_at.date(), southern=tile.cell.hemisphere == "S")
    shift = (0.0, 0.0) if bundle_adjusted else _misregistration(tile.acquisition_id)
    ground = (grid[0] + shift[0], grid[1] + shift[1])
    land, lit = reflectance(ground, tile.zone, season, float(properties.get("view:sun_azimuth") or 150))
    cover, shade = _clouds(grid, tile, valid)
    cloudy = cover > 0.5
    masks = {
        "cloud": cloudy,
        "cloud-shadow": (shade > 0.5) & ~cloudy,
        "terrain-shadow": (lit < _IN_SHADE) & ~cloudy,
    }
    if properties.get("platform") != "WV01":
        masks |= {"water": _is_water(land) & ~cloudy, "healthy-vegetation": _is_green(land) & ~cloudy}
    land *= (1 - 0.55 * shade)[..., None]
    # Thick parts of a cloud are brighter than its edge, with texture.
    white = np.float32(0.30) + cover * np.float32(0.25) + fractal(grid, 420, 4, 83) * np.float32(0.40)
    land += (white[..., None] - land) * cover[..., None]
    # A low sun and a large off-nadir angle darken the land and add haze.
    sun = np.sin(np.radians(max(15.0, float(properties.get("view:sun_elevation") or 55))))
    haze = 0.006 + 0.0005 * float(properties.get("view:off_nadir") or 0)
    land *= np.float32(0.55 + 0.45 * sun)
    bright = land.max(axis=-1)
    masks["pan-flare"] = (bright > _FLARE) & ~cloudy
    if properties.get("platform") != "WV01":
        masks["ms-saturation"] = bright > _SATURATED
    visual = _tone(land[..., RGB] + np.float32(haze) * np.array([0.8, 1.0, 1.35], np.float32))
    pan = _counts(resampled(land[..., 1:6].mean(axis=-1, keepdims=True), native))
    panchromatic = properties.get("platform") == "WV01"
    if panchromatic:
        visual = _tone(land[..., 1:6].mean(axis=-1, keepdims=True))
    bands = land if properties.get("platform") in EIGHT_BAND_PLATFORMS else land[..., FOUR_BANDS]
    return Scene(
        visual=_bands_first(visual, valid),
        pan=_bands_first(pan, data_mask(tile, native)),
        ms=None if panchromatic else _multispectral(bands, tile, native // MS_FACTOR),
        masks={name: mask & valid for name, mask in masks.items()},
        valid=valid,
    )


def cloud_field(grid: Grid, acquisition_id: str) -> Floats:
    """Return the cloud density at each point; clouds are where it exceeds a threshold."""
    return fractal(grid, _CLOUD_M, 6, zlib.crc32(acquisition_id.encode()))


def _clouds(grid: Grid, tile: Tile, valid: Mask) -> tuple[Floats, Floats]:
    """Return cloud cover (0 to 1) for the tile's share of clouds, and the cover of cloud shadows."""
    share = tile.clouds_percent / 100
    field = cloud_field(grid, tile.acquisition_id)
    if share <= 0 or not valid.any():
        empty = np.zeros_like(field)
        return empty, empty
    threshold = float(np.quantile(field[valid], 1 - min(share, 1.0)))
    soft = _CLOUD_SOFT / 2
    cover = ramp(field, threshold - soft, threshold + soft)
    azimuth = np.radians(float(tile.properties.get("view:sun_azimuth") or 150))
    away = (grid[0] + 260 * np.sin(azimuth), grid[1] + 260 * np.cos(azimuth))
    shadow = ramp(cloud_field(away, tile.acquisition_id), threshold - soft, threshold + soft)
    return cover, shadow


def _misregistration(acquisition_id: str) -> tuple[float, float]:
    """Return the shift of an acquisition to the east and north in meters, at most 5."""
    number = zlib.crc32(f"shift {acquisition_id}".encode())
    return (number % 1000) / 100 - 5, (number // 1000 % 1000) / 100 - 5


def _is_water(land: Floats) -> Mask:
    green, nir = land[..., 2], land[..., 6]
    water: Mask = (green - nir) / (green + nir) > 0.25
    return water


def _is_green(land: Floats) -> Mask:
    red, nir = land[..., 4], land[..., 6]
    green: Mask = (nir - red) / (nir + red) > 0.6
    return green


def _grid(tile: Tile, pixels: int) -> Grid:
    xmin, ymin, xmax, ymax = tile.bounds
    centers = (np.arange(pixels) + 0.5) / pixels
    return xmin + centers * (xmax - xmin), ymax - centers * (ymax - ymin)


def data_mask(tile: Tile, pixels: int) -> Mask:
    """Return where an image of a tile, `pixels` wide, has data."""
    footprint = utm_footprint(tile)
    if footprint.is_empty:
        return np.zeros((pixels, pixels), bool)
    if footprint.covers(box(*tile.bounds)):
        return np.ones((pixels, pixels), bool)
    # Not with rasterio: see _outlines in rasters.py.
    shapely.prepare(footprint)
    mask: Mask = shapely.contains_xy(footprint, *np.meshgrid(*_grid(tile, pixels)))
    return mask


def _multispectral(bands: Floats, tile: Tile, pixels: int) -> NDArray[np.uint16]:
    return _bands_first(_counts(resampled(bands, pixels)), data_mask(tile, pixels))


def resampled(image: Floats, pixels: int) -> Floats:
    """Return an image of another width, each pixel the average of the area that it covers."""
    rows = _averaged(image, pixels)
    return _averaged(rows.swapaxes(0, 1), pixels).swapaxes(0, 1)


def _averaged(image: Floats, rows: int) -> Floats:
    # Differences of running sums. A matrix product would start threads, which is slow beside other processes.
    edges = np.linspace(0, len(image), rows + 1)
    first = np.minimum(edges.astype(np.int64), len(image) - 1)
    sums = np.zeros((len(image) + 1, *image.shape[1:]))
    np.cumsum(image, axis=0, out=sums[1:])
    at_edges = sums[first] + (edges - first)[:, None, None] * image[first]
    result: Floats = (np.diff(at_edges, axis=0) * (rows / len(image))).astype(np.float32)
    return result


def _tone(image: Floats) -> NDArray[np.uint8]:
    # A film-like curve preserves structure in bright clouds; 0 is reserved for no data.
    curve = np.power(1 - np.exp(-3.4 * np.clip(image, 0, 1)), 0.82)
    toned: NDArray[np.uint8] = np.clip(268 * curve, 1, 255).astype(np.uint8)
    return toned


def _counts(image: Floats) -> NDArray[np.uint16]:
    return np.clip(image * SCALE, 1, 65_535).astype(np.uint16)


def _bands_first(image: NDArray[Any], valid: Mask) -> NDArray[Any]:
    masked: NDArray[Any] = np.where(valid[..., None], image, 0).astype(image.dtype)
    return np.ascontiguousarray(masked.transpose(2, 0, 1))
