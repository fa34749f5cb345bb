"""rustac reads, migrates and writes items."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rustac
from delivery import Delivery
from tiles import EAST, NEXT_ZONE, PANCHROMATIC, TILES, TWO_PARTS, WEST, Tile


def round_trip(delivery: Delivery, path: Path, *tiles: Tile) -> list[dict[str, Any]]:
    """Return tiles as read from a GeoParquet file, in the order of `tiles`."""
    items = [rustac.read_sync(str(delivery.item_path(tile))) for tile in tiles]
    rustac.write_sync(str(path / "items.parquet"), items)
    features = rustac.read_sync(str(path / "items.parquet"))["features"]
    by_id = {feature["id"]: feature for feature in features}
    return [by_id[item["id"]] for item in items]


def test_opens(delivery: Delivery, same: Callable[..., None]) -> None:
    """Items and the root collection, which has no type; items migrate to STAC 1.1."""
    items = [rustac.read_sync(str(delivery.item_path(tile))) for tile in TILES]
    root = rustac.read_sync(str(delivery.root_collection))
    migrated = [rustac.migrate(item) for item in items]
    same(
        [(item["id"], item["collection"], item["properties"]["datetime"]) for item in items],
        (root["type"], root["license"], len(root["links"])),
        [(item["stac_version"], item["properties"].get("proj:epsg")) for item in migrated],
    )


def test_asset_key(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    (item,) = round_trip(delivery, tmp_path, WEST)
    keys = ("visual", "ms_analytic", "pan_analytic", "cloud-mask-raster", "data-mask")
    same({key: (Path(item["assets"][key]["href"]).name, item["assets"][key]["roles"]) for key in keys})


def test_band_name(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    (item,) = round_trip(delivery, tmp_path, WEST)
    same({key: item["assets"][key]["eo:bands"] for key in ("visual", "ms_analytic", "pan_analytic")})


def test_neighbors(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    items = round_trip(delivery, tmp_path, WEST, EAST)
    same([item["properties"]["proj:bbox"] for item in items])


def test_two_zones(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    items = round_trip(delivery, tmp_path, WEST, NEXT_ZONE)
    same([item["properties"]["proj:epsg"] for item in items])


def test_panchromatic(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    """Beside a tile with more assets, a missing asset stays missing."""
    items = round_trip(delivery, tmp_path, EAST, PANCHROMATIC)
    assert items[1]["assets"].get("ms_analytic") is None
    same(items[1]["assets"]["visual"]["eo:bands"])


def test_two_parts(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    items = round_trip(delivery, tmp_path, WEST, TWO_PARTS)
    same([item["geometry"]["type"] for item in items])
