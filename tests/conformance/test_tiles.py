"""Delivered tiles, read with ARDCollection by order, path and filters."""

from __future__ import annotations

import pytest
import rasterio
from conftest import BUCKET
from max_ard import ARDCollection, Order
from shapely.geometry import box

PAIR = ["1030010002269900", "10300100C0393A00"]
BBOX = [-105.13, 40.14, -105.06, 40.19]
PATH = f"s3://{BUCKET}/tiles"


@pytest.fixture(scope="module")
def order(wait):
    """Return a delivered order."""
    order = Order(
        acquisitions=PAIR, output_config={"amazon_s3": {"bucket": BUCKET, "prefix": "tiles"}}, bbox=BBOX, settings={}
    )
    order.submit()
    assert wait(order).succeeded, order.response
    return order


@pytest.fixture(scope="module")
def collection(order):
    """Return the tiles of the order. max-ard caches readers, so a closed reader stays closed."""
    return ARDCollection.from_order(order)


def test_collection_from_order(collection):
    assert {tile.acq_id for tile in collection.tiles} == set(PAIR)
    assert collection.zones == [13]


def test_collection_from_order_id(order, collection):
    assert len(ARDCollection.from_order(order.order_id).tiles) == len(collection.tiles)


def test_collection_from_path(order, collection):
    other = ARDCollection(PATH)
    assert {(t.acq_id, t.cell.id) for t in other.tiles} == {(t.acq_id, t.cell.id) for t in collection.tiles}


@pytest.mark.parametrize(
    "filters",
    [{"acq_id_in": PAIR[:1]}, {"zone_in": [13]}, {"earliest_date": "2024-01-01"}, {"latest_date": "2024-01-01"}],
)
def test_filters_by_path(order, collection, filters):
    other = ARDCollection(PATH, **filters)
    for tile in other.tiles:
        assert tile.acq_id in filters.get("acq_id_in", PAIR)
        assert filters.get("earliest_date", "") <= tile.date <= filters.get("latest_date", "9")
    assert len(other.tiles) <= len(collection.tiles)


def bounds(tile):
    """Return the bounds of the files of a tile, which extend beyond its cell and overlap with neighbors."""
    return box(*tile.cell.bounds).buffer(156.25, join_style="mitre")


def test_images_cover_their_cells_and_a_margin(collection):
    for tile in collection.tiles:
        for name, bands, kind in (("visual", 3, "uint8"), ("pan_analytic", 1, "uint16"), ("ms_analytic", 8, "uint16")):
            with getattr(tile, name) as image:
                assert box(*image.bounds).equals(bounds(tile))
                assert image.count == bands
                assert image.dtypes[0] == kind
                assert image.read(1).max() > 0


MASKS = ["cloud", "cloud_shadow", "data", "healthy_vegetation", "ms_saturation", "pan_flare", "terrain_shadow", "water"]


@pytest.mark.parametrize("name", [f"{name}_mask" for name in MASKS])
def test_masks_are_geometries_within_the_image(collection, name):
    for tile in collection.tiles:
        mask = getattr(tile, name)
        assert mask.is_empty or bounds(tile).buffer(1).covers(mask)


@pytest.mark.parametrize("name", ["healthy_vegetation", "ms_saturation", "pan_flare", "terrain_shadow", "water"])
def test_masks_as_rasters(collection, name):
    with getattr(collection.tiles[0], f"{name}_mask_raster") as image:
        assert image.dtypes == ("uint8",)
        assert set(image.read(1).ravel()) <= {0, 1, 255}


def test_data_mask_matches_pixels(collection):
    for tile in collection.tiles:
        with tile.visual as image:
            share = (image.read(1) > 0).mean()
        assert tile.data_mask.area / bounds(tile).area == pytest.approx(share, abs=0.02)


def test_mask_is_invertible(collection):
    tile = collection.tiles[0]
    assert tile.no_data_mask.area + tile.data_mask.area == pytest.approx(bounds(tile).area, rel=0.01)


def test_item_properties(collection):
    for tile in collection.tiles:
        assert tile.properties["catalog_id"] == tile.acq_id
        assert tile.properties["datetime"][:10] == tile.date
        assert tile.properties["proj:epsg"] == 32600 + int(tile.zone)


def test_windows_of_an_area_are_read(order):
    collection = ARDCollection.from_order(order)
    area = box(-105.105, 40.165, -105.095, 40.170)
    shapes = [reader("visual").shape for _, _, reader in collection.read_windows([area])]
    assert len(shapes) == len([tile for tile in collection.tiles if tile.cell.geom_WGS84.intersects(area)])
    assert all(shape[0] == 3 and min(shape[1:]) > 0 for shape in shapes)


def test_windows_are_written_to_files(order, tmp_path):
    collection = ARDCollection.from_order(order)
    area = box(-105.105, 40.165, -105.095, 40.170)
    written = []
    for number, (_, _, writer) in enumerate(collection.write_windows([area])):
        path = tmp_path / f"{number}.tif"
        writer("visual", str(path))
        written.append(path)
    assert written
    for path in written:
        with rasterio.open(path) as image:
            assert image.crs.to_epsg() == 32613


def test_stacks_and_acquisitions(collection):
    assert len(collection.stacks) == len(collection.cells)
    assert {acquisition.acq_id for acquisition in collection.acquisitions} == set(PAIR)
    cell = collection.cells[0]
    assert collection.get_tile(PAIR[0], cell).cell == cell


def test_disabled_assets_are_missing(wait):
    off = dict.fromkeys(("cloud_mask", "water_mask", "pan_analytic"), False)
    order = Order(acquisitions={PAIR[0]: ["Z13-031131111312"]}, destination=f"s3://{BUCKET}/off", settings=off)
    order.submit()
    assert wait(order).succeeded
    (tile,) = ARDCollection.from_order(order).tiles
    assert {"cloud-mask", "water-mask", "water-mask-raster", "pan_analytic"}.isdisjoint(tile.asset_paths)
    assert {"visual", "ms_analytic", "data-mask"} <= set(tile.asset_paths)


def test_notifications_are_sent_at_the_end_and_not_for_a_dry_run(sandbox, wait):
    for dry_run in (True, False):
        order = Order(acquisitions=PAIR[:1], destination=f"s3://{BUCKET}/n", settings={}, bbox=BBOX, dry_run=dry_run)
        order.add_email_notification("sdk@example.com")
        order.add_sns_notification("arn:aws:sns:us-east-1:1:orders")
        order.submit()
    wait(order)
    sent = [
        notification
        for notification in sandbox.call("GET", "/notifications")["notifications"]
        if notification["subject"] == "order"
    ]
    own = [
        notification
        for notification in sent
        if notification["target"] in ("sdk@example.com", "arn:aws:sns:us-east-1:1:orders")
    ]
    assert [(notification["type"], notification["subject_id"], notification["status"]) for notification in own] == [
        ("email", order.order_id, "SUCCEEDED"),
        ("sns", order.order_id, "SUCCEEDED"),
    ]
