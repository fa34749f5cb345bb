"""Delivered images, masks and STAC documents."""

import json
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyogrio
import pystac
import pytest
import rasterio
from maxar_ard_grid import Cell
from rasterio.enums import Compression, MaskFlags, PhotometricInterp
from rio_cogeo.cogeo import cog_validate
from shapely.geometry import box, shape

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.rendering import stac
from airflow_provider_ard.sandbox.rendering.rasters import TileFiles, quicklook
from tests.unit.sandbox.conftest import REAL_CATALOG, Api
from tests.unit.sandbox.rendering.conftest import FILES

TILE_SQKM = 5.3125**2
LOS_ANGELES = REAL_CATALOG / "WildFires-LosAngeles-Jan-2025.geojson"


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """Deliver an order of two acquisitions; yield the folder of the prefix, the final status and the sandbox."""
    folder = tmp_path_factory.mktemp("delivered")
    with Sandbox(order_duration=0, storage=folder, pixels=256) as ard:
        api = Api(ard)
        entries = [{"id": acquisition} for acquisition in ard.acquisitions[1:3]]
        order_id = api.order(acquisitions=entries, bbox=[-105.13, 40.14, -105.06, 40.19]).json()["id"]
        status = api.wait(order_id)
        assert status["status"] == "SUCCEEDED", status
        api.session.close()
        yield folder / "bkt/a/b", status, ard


def test_delivered_files(delivered):
    prefix, status, ard = delivered
    expected = {f"{status['id']}-request.json", f"order_collections/{status['id']}_root_collection.json"}
    for tile in ard.orders[0].tiles:
        base = f"{tile.zone:02d}/{tile.quadkey}/{tile.acquired_at:%Y-%m-%d}/{tile.acquisition_id}"
        expected.add(f"acquisition_collections/{tile.acquisition_id}_collection.json")
        expected |= {f"{base}.json", *(base + end for end in FILES.values())}
    assert {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()} == expected
    assert len(ard.orders[0].tiles) >= 4


def test_images_are_cogs_of_their_cell_and_a_margin(delivered):
    prefix, _, _ = delivered
    for path in sorted(prefix.glob("*/*/*/*.tif")):
        valid, errors, warnings = cog_validate(path, quiet=True)
        assert (valid, errors, warnings) == (True, [], []), path
        cell = Cell(path.parts[-3], zone=int(path.parts[-4]))
        images = {
            "visual": (3, "uint8", None),
            "clouds": (1, "uint8", 0),
            "pan": (1, "uint16", None),
            "ms": (8, "uint16", None),
        }
        with rasterio.open(path) as image:
            assert box(*image.bounds).equals(box(*cell.bounds).buffer(156.25, join_style="mitre"))
            assert f"EPSG:{image.crs.to_epsg()}" == cell.proj
            expected = images.get(path.stem.partition("-")[2], (1, "uint8", 255))
            assert (image.count, image.dtypes[0], image.nodata) == expected
            if expected[2] is None:
                assert MaskFlags.per_dataset in image.mask_flag_enums[0]


def test_data_and_clouds_match_the_catalog(delivered):
    prefix, _, ard = delivered
    for tile in ard.orders[0].tiles:
        base = prefix / tile.folder / tile.acquisition_id
        with rasterio.open(f"{base}-visual.tif") as image:
            assert (image.compression, image.photometric) == (Compression.jpeg, PhotometricInterp.ycbcr)
            has_data = image.dataset_mask() > 0
        share = tile.area_sqkm / TILE_SQKM
        assert has_data.mean() == pytest.approx(share, abs=0.01)
        info, _, geometries, _ = pyogrio.raw.read(f"{base}-data-mask.gpkg")
        assert info["crs"] == f"EPSG:{tile.epsg}"
        assert len(geometries) == 1
        _, _, clouds, _ = pyogrio.raw.read(f"{base}-cloud-mask.gpkg")
        area = sum(_area(cloud) for cloud in clouds) / 1e6
        assert area == pytest.approx(tile.area_sqkm * tile.clouds_percent / 100, abs=0.8)


def _area(wkb):
    import shapely

    return shapely.from_wkb(wkb).area


def test_pystac_reads_items_and_acquisition_collections(delivered):
    prefix, _, ard = delivered
    count = 0
    for path in prefix.glob("acquisition_collections/*.json"):
        collection = pystac.Collection.from_file(str(path))
        for item in collection.get_items():
            count += 1
            assert item.get_collection().id == collection.id == item.properties["catalog_id"]
            assert set(item.assets) == set(FILES)
            for asset in item.assets.values():
                assert Path(asset.get_absolute_href()).is_file()
            assert "eo:cloud_cover" not in item.properties
            assert item.properties["grid:code"].startswith("MXRA-Z13-")
            assert box(*item.bbox).covers(shape(item.geometry))
    assert count == len(ard.orders[0].tiles)


def test_root_collection_links_to_every_tile(delivered):
    prefix, status, ard = delivered
    path = prefix / f"order_collections/{status['id']}_root_collection.json"
    root = json.loads(path.read_text())
    assert "type" not in root
    children = [path.parent / link["href"] for link in root["links"] if link["rel"] == "child"]
    items = [
        child.parent / link["href"]
        for child in children
        for link in json.loads(child.read_text())["links"]
        if link["rel"] == "item"
    ]
    assert all(item.resolve().is_file() for item in items)
    assert len(items) == len(ard.orders[0].tiles)


def test_documents_are_valid_stac(delivered):
    prefix, status, ard = delivered
    root = pystac.Collection.from_file(str(prefix / f"order_collections/{status['id']}_root_collection.json"))
    # Not validated: as in a real one there is a bbox for each acquisition, and the schema allows one or at least three.
    assert len(root.extent.spatial.bboxes) == 2
    items = []
    for child in root.get_children():
        child.validate()
        items += list(child.get_items())
    assert len(items) == len(ard.orders[0].tiles)
    for item in items:
        assert item.ext.proj.epsg == 32613
        assert item.ext.view.off_nadir == item.properties["view:off_nadir"]
        assert len(item.assets["ms_analytic"].ext.eo.bands) == 8
        assert item.assets["visual"].ext.proj.shape == [272, 272]
        # The schemas of extensions would have to be downloaded; those of STAC itself are bundled.
        item.stac_extensions = []
        item.validate()


def test_vector_and_raster_masks_agree(delivered):
    prefix, _, ard = delivered
    names = {"healthy-vegetation-mask": "healthy-vegetation", "water-mask": "water"}
    areas = dict.fromkeys(names, 0.0)
    for tile in ard.orders[0].tiles:
        base = prefix / tile.folder / tile.acquisition_id
        for vectors, raster in names.items():
            outlines = pyogrio.raw.read(f"{base}-{vectors}.gpkg")[2]
            area = sum(_area(outline) for outline in outlines) / 1e6 / TILE_SQKM
            with rasterio.open(f"{base}-{raster}.tif") as image:
                assert area == pytest.approx((image.read(1) == 1).mean(), abs=0.03)
            areas[vectors] += area
    assert min(areas.values()) > 0


def test_panchromatic_images_have_the_resolution_of_their_acquisition(delivered):
    prefix, _, ard = delivered
    widths = set()
    for tile in ard.orders[0].tiles:
        base = prefix / tile.folder / tile.acquisition_id
        with rasterio.open(f"{base}-pan.tif") as pan, rasterio.open(f"{base}-ms.tif") as ms:
            assert pan.width == 4 * ms.width < 272
            assert pan.width / 272 == pytest.approx(0.305 / tile.properties["gsd"], abs=0.01)
            widths.add(pan.width)
    assert len(widths) == len({tile.acquisition_id for tile in ard.orders[0].tiles})


def test_classes_of_the_cloud_raster_agree_with_its_masks(delivered):
    prefix, _, ard = delivered
    masks = {2: "cloud-mask", 3: "cloud-shadow-mask"}
    totals = dict.fromkeys(masks, 0.0)
    for tile in ard.orders[0].tiles:
        base = prefix / tile.folder / tile.acquisition_id
        with rasterio.open(f"{base}-clouds.tif") as image:
            classes = image.read(1)
        assert set(classes.ravel()) <= {0, 1, 2, 3}
        assert (classes > 0).mean() == pytest.approx(tile.area_sqkm / TILE_SQKM, abs=0.02)
        for value, mask in masks.items():
            area = sum(_area(outline) for outline in pyogrio.raw.read(f"{base}-{mask}.gpkg")[2]) / 1e6 / TILE_SQKM
            assert (classes == value).mean() == pytest.approx(area, abs=0.03)
            totals[value] += area
    assert min(totals.values()) > 0


def test_visual_of_worldview_1_has_one_band(ard):
    tile = next(tile for tile in ard.catalog if tile.properties["platform"] == "WV01")
    files = TileFiles(tile, 64)
    assert not {"ms_analytic", "water-mask", "ms-saturation-mask", "healthy-vegetation-mask"} & set(files.keys)
    with rasterio.MemoryFile(files.asset("visual").content) as memory, memory.open() as image:
        assert image.count == 1
        assert image.read(1).max() > 0
    assert quicklook(tile, 64).startswith(b"\x89PNG")


def test_acquisitions_of_a_cell_show_the_same_land(delivered):
    _, _, ard = delivered
    from airflow_provider_ard.sandbox.rendering.imagery import render

    clear = defaultdict(list)
    for tile in ard.catalog:
        if tile.clouds_percent == 0 and tile.area_sqkm > 20:
            clear[tile.cell_id].append(tile)
    tile, later_tile = next(tiles for tiles in clear.values() if len(tiles) > 1)[:2]
    first, second = render(tile, 128), render(later_tile, 128)
    both = first.valid & second.valid
    assert np.corrcoef(first.visual[0][both], second.visual[0][both])[0, 1] > 0.6
    assert np.array_equal(render(tile, 128).visual, first.visual)


@pytest.mark.skipif(not LOS_ANGELES.exists(), reason="needs shared/real-catalog beside the repository")
def test_real_acquisitions_deliver_the_cells_that_intersect_the_aoi(tmp_path):
    features = json.loads(LOS_ANGELES.read_text())["features"]
    area = box(-118.58, 34.02, -118.48, 34.08)
    acquisitions = ["105001004042BF00", "103001010C12B000"]
    expected = {
        f["properties"]["path"]
        for f in features
        if f["properties"]["catalog_id"] in acquisitions and shape(f["geometry"]).intersects(area)
    }
    assert len(expected) > 2
    with Sandbox(order_duration=0, storage=tmp_path, catalog=LOS_ANGELES, pixels=64) as ard:
        api = Api(ard)
        entries = [{"id": acquisition, "cells": []} for acquisition in acquisitions]
        assert api.wait(api.order(acquisitions=entries, bbox=list(area.bounds)).json()["id"])["status"] == "SUCCEEDED"
        paths = {str(p.relative_to(tmp_path / "bkt/a/b"))[:-5] for p in tmp_path.glob("bkt/a/b/*/*/*/*.json")}
        assert paths == expected
        bands = {p.stem.split("-")[0]: rasterio.open(p).count for p in tmp_path.rglob("*-ms.tif")}
        assert bands == {"105001004042BF00": 4, "103001010C12B000": 8}
        api.session.close()


def test_tile_size_is_limited(ard):
    files = TileFiles(list(ard.catalog)[-1], 512)
    assert sum(len(files.asset(key).content) for key in files.keys) < 2_500_000


def test_rendering_does_not_change_warning_filters(ard, monkeypatch):
    # Warning filters are global: a thread that restores them re-enables warnings that another thread has disabled,
    # and an order fails at random in test suites where warnings are errors.
    tile = max(ard.catalog, key=lambda tile: tile.clouds_percent)

    # Limited to these lines, since pytest itself changes the filters.
    with monkeypatch.context() as patch:
        patch.setattr(warnings, "catch_warnings", lambda **_: pytest.fail("warnings are suppressed"))
        files = TileFiles(tile, 128)
        assets = [files.asset(key) for key in files.keys]
        stac.root_collection("1", {tile.acquisition_id: [tile]})
    assert {asset.key for asset in assets} == set(FILES)
