"""GDAL's STACIT driver, which QGIS uses, makes a mosaic of a collection of items with absolute paths."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rasterio
from delivery import Delivery, share
from tiles import EAST, NEXT_ZONE, PANCHROMATIC, TILES, TWO_PARTS, WEST, Tile


def write_items(delivery: Delivery, path: Path, *tiles: Tile) -> Path:
    """Write items as one feature collection."""
    items = path / "items.json"
    features = [delivery.absolute_document(tile) for tile in tiles]
    items.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return items


def described(name: str) -> list[Any]:
    with rasterio.open(name) as file:
        bounds = [round(edge, 3) for edge in file.bounds]
        interpretation = [color.name for color in file.colorinterp]
        return [file.count, file.shape, file.dtypes[0], file.crs.to_epsg(), bounds, file.nodata, interpretation]


def test_opens(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    """One dataset for each acquisition, asset and projection; those of the assets that both forms have."""
    keys = ("visual", "ms_analytic", "pan_analytic", "cloud-mask-raster")
    with rasterio.open(write_items(delivery, tmp_path, *TILES)) as file:
        names = sorted(name.rpartition(".json:")[2] for name in file.subdatasets)
    same([name for name in names if any(f"asset={key}" in f"{name}," for key in keys)])


def test_asset_key(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    items = write_items(delivery, tmp_path, WEST)
    same(*(described(f'STACIT:"{items}":asset={key}') for key in ("visual", "ms_analytic", "pan_analytic")))


def test_neighbors(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    items = write_items(delivery, tmp_path, WEST, EAST)
    with rasterio.open(f'STACIT:"{items}":asset=pan_analytic') as file:
        assert share(file.read(1) > 0) == 1.0
    same(described(f'STACIT:"{items}":asset=visual'))


def test_two_zones(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    """One dataset for each zone."""
    items = write_items(delivery, tmp_path, EAST, NEXT_ZONE)
    same(*(described(f'STACIT:"{items}":asset=visual,crs=EPSG_{epsg}') for epsg in (32613, 32614)))


def test_panchromatic(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    same(described(f'STACIT:"{write_items(delivery, tmp_path, PANCHROMATIC)}":asset=visual'))


def test_two_parts(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    items = write_items(delivery, tmp_path, TWO_PARTS)
    with rasterio.open(f'STACIT:"{items}":asset=pan_analytic') as file:
        # The driver has no mask of the files: what has no data is 0.
        assert share(file.read(1) == 0) == 0.2
        assert file.dataset_mask().all()
    same(described(f'STACIT:"{items}":asset=visual'))
