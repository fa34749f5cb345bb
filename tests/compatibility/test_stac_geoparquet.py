"""stac-geoparquet writes items to one table and reads them back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from delivery import Delivery
from pyarrow import parquet
from shapely.geometry import shape
from stac_geoparquet.arrow import parse_stac_items_to_arrow, stac_table_to_items, to_parquet
from tiles import EAST, NEXT_ZONE, PANCHROMATIC, TILES, TWO_PARTS, WEST, Tile


def round_trip(delivery: Delivery, path: Path, *tiles: Tile) -> tuple[Any, list[dict[str, Any]]]:
    """Return the table of tiles, and the items that are read from its file."""
    table = parse_stac_items_to_arrow([delivery.document(tile) for tile in tiles]).read_all()
    to_parquet(table, path / "items.parquet")
    return table, list(stac_table_to_items(parquet.read_table(path / "items.parquet")))


def test_opens(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    """One table of all tiles: the times are timestamps, in spite of the space in them."""
    table, items = round_trip(delivery, tmp_path, *TILES)
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert types["datetime"].startswith("timestamp")
    nested = ("assets", "proj:geometry", "links", "geometry")
    same({name: kind for name, kind in types.items() if name not in nested}, [item["id"] for item in items])


def test_asset_key(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    _, (item,) = round_trip(delivery, tmp_path, WEST)
    keys = ("visual", "ms_analytic", "pan_analytic", "cloud-mask-raster", "data-mask")
    same({key: (item["assets"][key]["href"], item["assets"][key]["roles"]) for key in keys})


def test_band_name(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    _, (item,) = round_trip(delivery, tmp_path, WEST)
    same({key: item["assets"][key]["eo:bands"] for key in ("visual", "ms_analytic", "pan_analytic")})


def test_neighbors(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    _, items = round_trip(delivery, tmp_path, WEST, EAST)
    west, east = (shape(item["geometry"]) for item in items)
    assert west.intersects(east)
    same(round(west.intersection(east).area, 9))


def test_two_zones(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    _, items = round_trip(delivery, tmp_path, WEST, NEXT_ZONE)
    same([item["properties"]["proj:epsg"] for item in items])


def test_panchromatic(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    """Beside a tile with more assets, a missing asset stays missing."""
    _, items = round_trip(delivery, tmp_path, EAST, PANCHROMATIC)
    assert items[1]["assets"].get("ms_analytic") is None
    same(items[1]["assets"]["visual"]["eo:bands"])


def test_two_parts(delivery: Delivery, tmp_path: Path, same: Callable[..., None]) -> None:
    """A geometry of two parts beside one of one part."""
    _, items = round_trip(delivery, tmp_path, WEST, TWO_PARTS)
    same([item["geometry"]["type"] for item in items], [item["properties"]["proj:geometry"]["type"] for item in items])
