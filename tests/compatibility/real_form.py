"""A delivery in the form of public real items, built from facts about them: keys, names, versions, types, proportions.

Keys and values are those of public items, collections and tile metadata; docs/sandbox-stac.md lists where the sandbox differs.
Images have a 32nd of the resolution of real ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from pyogrio.raw import write as write_vectors
from rasterio.enums import ColorInterp
from shapely import contains_xy
from shapely.geometry import mapping
from shapely.ops import unary_union
from tiles import TILE_M, TILES, Tile

ORDER_ID = "5867496013686833000"
VISUAL_PX = 17408 // 32
CLOUDS_PX = 2176 // 32
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
GEOPACKAGE = "application/geopackage+sqlite3"
EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("view/v1.0.0", "projection/v1.0.0", "eo/v1.0.0", "raster/v1.1.0", "grid/v1.0.0")
]
CLASSIFICATION = "https://stac-extensions.github.io/classification/v1.1.0/schema.json"

# Name, common name and description of each band.
RED = ("BAND_R", "red", "Red")
GREEN = ("BAND_G", "green", "Green")
BLUE = ("BAND_B", "blue", "Blue")
VISUAL = (RED, GREEN, BLUE)
MS_8 = (
    ("BAND_C", "coastal", "Coastal Blue"),
    BLUE,
    GREEN,
    ("BAND_Y", "yellow", "Yellow"),
    RED,
    ("BAND_RE", "rededge", "Red Edge 1"),
    ("BAND_N", "nir08", "Near Infrared 1"),
    ("BAND_N2", "nir09", "Near Infrared 2"),
)
MS_4 = (BLUE, GREEN, RED, ("BAND_IR", "nir08", "Near Infrared"))
PAN = (("BAND_P", None, "Pan"),)
PAN_VISUAL = (("BAND_P_V", None, "Pan"),)
CLOUDS = (("BAND_CM", None, "Clouds/Cloud Shadows Mask"),)
CLOUDS_DESCRIPTION = "thematic raster, 0 -> no data, 1 -> clear, 2 -> cloud, 3 -> cloud shadow"
CLOUD_CLASSES = (
    {"value": 0, "name": "nodata", "description": "NoData"},
    {"value": 1, "name": "clear", "description": "Clear of clouds or shadows"},
    {"value": 2, "name": "cloud", "description": "Clouds", "color_hint": "B8D0EC"},
    {"value": 3, "name": "cloud_shadow", "description": "Cloud shadows", "color_hint": "9C9EA0"},
)
TITLES = {
    "visual": "Visual Image",
    "ms_analytic": "Multispectral Image",
    "pan_analytic": "Panchromatic Image",
    "cloud-mask-raster": "Cloud/Cloud Shadow Coverage Raster",
    "data-mask": "Data Mask",
}
ROLES = {"visual": "visual", "ms_analytic": "data", "pan_analytic": "data"}
VECTOR_MASKS = ("cloud-mask", "cloud-shadow-mask", "data-mask", "terrain-shadow-mask")

Band = tuple[str, str | None, str]


def write_delivery(folder: Path) -> None:
    """Write all tiles with their collections, as one order."""
    acquisitions: dict[str, list[Tile]] = {}
    for tile in TILES:
        acquisitions.setdefault(tile.acquisition.id, []).append(tile)
        _write_tile(tile, folder)
    for acquisition_id, tiles in acquisitions.items():
        name = f"acquisition_collections/{acquisition_id}_collection.json"
        _write_json(folder / name, _acquisition_collection(acquisition_id, tiles))
    _write_json(folder / f"order_collections/{ORDER_ID}_root_collection.json", _root_collection(acquisitions))


def _write_tile(tile: Tile, folder: Path) -> None:
    base = folder / tile.path
    base.parent.mkdir(parents=True, exist_ok=True)
    gsd_px = TILE_M / tile.acquisition.gsd / 32
    ms_px = round(gsd_px / 4)
    visual = PAN_VISUAL if tile.acquisition.panchromatic else VISUAL
    images: dict[str, tuple[str, str, tuple[Band, ...], int]] = {
        "visual": ("visual", "uint8", visual, VISUAL_PX),
        "pan_analytic": ("pan", "uint16", PAN, 4 * ms_px),
        "cloud-mask-raster": ("clouds", "uint8", CLOUDS, CLOUDS_PX),
    }
    if tile.acquisition.ms_bands:
        images["ms_analytic"] = ("ms", "uint16", MS_8 if tile.acquisition.ms_bands == 8 else MS_4, ms_px)
        images["ms-saturation-mask-raster"] = ("ms-saturation", "uint8", (), CLOUDS_PX)
    assets: dict[str, Any] = {}
    for key, (stem, dtype, bands, pixels) in images.items():
        path = Path(f"{base}-{stem}.tif")
        _write_image(path, tile, dtype, max(1, len(bands)), pixels)
        assets[key] = _image_asset(tile, key, path.name, bands, pixels)
    for key in VECTOR_MASKS:
        path = Path(f"{base}-{key}.gpkg")
        _write_vectors(path, tile, empty=key != "data-mask")
        assets[key] = {
            "type": GEOPACKAGE,
            "title": TITLES.get(key, key),
            "href": f"./{path.name}",
            "roles": [key],
        }
    _write_json(Path(f"{base}.json"), _item(tile, assets))


def _write_image(path: Path, tile: Tile, dtype: str, count: int, pixels: int) -> None:
    """Write a COG: three bands as JPEG, others without loss; images have a mask band, masks a value for no data."""
    xmin, _, _, ymax = tile.bounds
    size = TILE_M / pixels
    centers = (np.arange(pixels) + 0.5) * size
    valid = contains_xy(tile.data, *np.meshgrid(xmin + centers, ymax - centers))
    mask = "clouds" in path.name or "saturation" in path.name
    land = np.add.outer(np.arange(pixels), np.arange(pixels)) % 200 + 20
    image = np.where(valid, "clouds" in path.name if mask else land, 0).astype(dtype)
    profile = {
        "driver": "COG",
        "dtype": dtype,
        "count": count,
        "height": pixels,
        "width": pixels,
        "crs": f"EPSG:{tile.epsg}",
        "transform": Affine(size, 0, xmin, 0, -size, ymax),
        "blocksize": 256,
        "compress": "JPEG" if count == 3 else "deflate",
        "nodata": 0 if "clouds" in path.name else None,
    }
    with rasterio.open(path, "w", **profile) as target:
        if count == 3:
            target.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        target.write(np.broadcast_to(image, (count, pixels, pixels)))
        if not mask:
            target.write_mask(valid)


def _write_vectors(path: Path, tile: Tile, *, empty: bool) -> None:
    polygons = [] if empty else list(getattr(tile.data, "geoms", [tile.data]))
    geometry = np.array([polygon.wkb for polygon in polygons], dtype=object)
    write_vectors(
        path, geometry, [], [], crs=f"EPSG:{tile.epsg}", geometry_type="Polygon", driver="GPKG", layer=path.stem
    )


def _image_asset(tile: Tile, key: str, name: str, bands: tuple[Band, ...], pixels: int) -> dict[str, Any]:
    xmin, _, _, ymax = tile.bounds
    size = TILE_M / pixels
    described = [
        {"name": band, **({"common_name": common} if common else {}), "description": text}
        for band, common, text in bands
    ]
    clouds = key == "cloud-mask-raster"
    return {
        "type": COG,
        "title": TITLES.get(key, key),
        **({"description": CLOUDS_DESCRIPTION} if clouds else {}),
        "href": f"./{name}",
        "proj:bbox": list(tile.bounds),
        "proj:shape": [pixels, pixels],
        "proj:transform": [size, 0.0, xmin, 0.0, -size, ymax, 0.0, 0.0, 1.0],
        **({"eo:bands": described} if bands else {}),
        **({"raster:bands": [{"classification:classes": CLOUD_CLASSES}]} if clouds else {}),
        "roles": [ROLES.get(key, key.removesuffix("-raster"))],
    }


def _item(tile: Tile, assets: dict[str, Any]) -> dict[str, Any]:
    collection = f"../../../acquisition_collections/{tile.acquisition.id}_collection.json"
    root = f"../../../order_collections/{ORDER_ID}_root_collection.json"
    properties = tile.properties
    statistics = {key: properties.pop(key) for key in list(properties) if key.startswith("tile:")}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [*EXTENSIONS, CLASSIFICATION],
        "id": f"{tile.zone}/{tile.quadkey}/{tile.acquisition.id}",
        "properties": {
            "datetime": _datetime(tile),
            "platform": tile.acquisition.platform,
            "gsd": tile.acquisition.gsd,
            "ard_metadata_version": "0.0.1",
            **properties,
            "proj:epsg": tile.epsg,
            "proj:geometry": mapping(tile.data),
            "grid:code": f"MXRA-Z{tile.zone}-{tile.quadkey}",
            "proj:bbox": list(tile.data.bounds),
            **statistics,
        },
        "bbox": list(tile.footprint.bounds),
        "geometry": mapping(tile.footprint),
        "links": [_link("collection", collection), _link("parent", collection), _link("root", root)],
        "assets": dict(sorted(assets.items())),
        "collection": tile.acquisition.id,
    }


def _acquisition_collection(acquisition_id: str, tiles: list[Tile]) -> dict[str, Any]:
    root = f"../order_collections/{ORDER_ID}_root_collection.json"
    return {
        "type": "Collection",
        "id": acquisition_id,
        "stac_version": "1.0.0",
        "description": f"{acquisition_id} ARD Tiles",
        "links": [
            _link("root", root),
            _link("parent", root),
            *(_link("item", f"../{tile.path}.json") for tile in tiles),
        ],
        "extent": {"spatial": {"bbox": [_bounds(tiles)]}, "temporal": {"interval": [[_datetime(tiles[0])] * 2]}},
        "license": "proprietary",
    }


def _root_collection(acquisitions: dict[str, list[Tile]]) -> dict[str, Any]:
    """Return the root collection, which has no "type" and one bbox per acquisition."""
    times = sorted(_datetime(tile) for tile in TILES)
    children = (f"../acquisition_collections/{acquisition_id}_collection.json" for acquisition_id in acquisitions)
    return {
        "id": ORDER_ID,
        "stac_version": "0.8.1",
        "description": f"Order {ORDER_ID} collection",
        "links": [
            _link("root", f"./{ORDER_ID}_root_collection.json"),
            *(_link("child", child) for child in children),
        ],
        "extent": {
            "spatial": {"bbox": [_bounds(tiles) for tiles in acquisitions.values()]},
            "temporal": {"interval": [[times[0], times[-1]]]},
        },
        "license": "proprietary",
    }


def _datetime(tile: Tile) -> str:
    return tile.acquisition.acquired_at.replace("T", " ")


def _bounds(tiles: list[Tile]) -> list[float]:
    return list(unary_union([tile.footprint for tile in tiles]).bounds)


def _link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href, "type": "application/json"}


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
