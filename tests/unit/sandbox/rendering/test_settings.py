"""Effect of each order setting on the delivery."""

import json

import numpy as np
import pytest
import rasterio

from airflow_provider_ard.sandbox import Sandbox
from tests.unit.sandbox.conftest import REAL_CATALOG, Api
from tests.unit.sandbox.rendering.conftest import FILES, stac_items

# Setting -> the STAC asset keys that it delivers.
SETTINGS = {
    "visual": {"visual"},
    "ms_analytic": {"ms_analytic"},
    "pan_analytic": {"pan_analytic"},
    "cloud_mask": {"cloud-mask", "cloud-mask-raster", "cloud-shadow-mask"},
    "data_mask": {"data-mask"},
    "healthy_vegetation_mask": {"healthy-vegetation-mask", "healthy-vegetation-mask-raster"},
    "ms_saturation_mask": {"ms-saturation-mask", "ms-saturation-mask-raster"},
    "pan_flare_mask": {"pan-flare-mask", "pan-flare-mask-raster"},
    "terrain_shadow_mask": {"terrain-shadow-mask", "terrain-shadow-mask-raster"},
    "water_mask": {"water-mask", "water-mask-raster"},
}


def test_disabled_assets_are_not_delivered(tmp_path):
    with Sandbox(order_duration=0, storage=tmp_path, pixels=64) as ard:
        api = Api(ard)
        off = {"pan_analytic": False, "cloud_mask": False, "water_mask": False}
        assert api.wait(api.order(settings=off).json()["id"])["status"] == "SUCCEEDED"
        for item in stac_items(tmp_path / "bkt/a/b"):
            disabled = {"pan_analytic"} | SETTINGS["cloud_mask"] | SETTINGS["water_mask"]
            assert set(item["assets"]) == set(FILES) - disabled
            assert not any(word in asset["href"] for asset in item["assets"].values() for word in ("cloud", "water"))
        assert not list(tmp_path.rglob("*-pan.tif"))
        api.session.close()


@pytest.fixture(scope="module")
def deliver(tmp_path_factory):
    """Return a function that orders one tile with settings and returns its STAC item and folder."""
    folder = tmp_path_factory.mktemp("settings")
    with Sandbox(order_duration=0, storage=folder, pixels=64) as ard:
        api = Api(ard)
        entries = [{"id": ard.acquisitions[0], "cells": [next(iter(ard.catalog.tiles(ard.acquisitions[0])))]}]

        def order(**settings):
            prefix = "-".join(f"{key}-{value}" for key, value in settings.items())
            response = api.order(
                acquisitions=entries, settings=settings, output_config={"bucket": "b", "prefix": prefix}
            )
            assert api.wait(response.json()["id"])["status"] == "SUCCEEDED"
            (path,) = (folder / "b" / prefix).glob("*/*/*/*.json")
            return json.loads(path.read_text()), path.parent

        yield order
        api.session.close()


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_each_setting_disables_only_its_own_files(deliver, name):
    item, folder = deliver(**{name: False})
    assert set(item["assets"]) == set(FILES) - SETTINGS[name]
    assert len(list(folder.iterdir())) == 1 + len(FILES) - len(SETTINGS[name])


def test_hd_doubles_the_pixels(deliver):
    (plain, folder), (item, fine) = deliver(hd=False), deliver(hd=True)
    for end in ("-visual.tif", "-pan.tif", "-ms.tif"):
        with (
            rasterio.open(next(folder.glob(f"*{end}"))) as coarse,
            rasterio.open(next(fine.glob(f"*{end}"))) as refined,
        ):
            assert refined.width == pytest.approx(2 * coarse.width, abs=4)
            assert list(refined.bounds) == list(coarse.bounds)
    assert item["properties"]["gsd"] == plain["properties"]["gsd"]
    assert (plain["properties"].get("hd"), item["properties"]["hd"]) == (None, True)


def test_bundle_adjustment_shifts_images(deliver):
    (plain, folder), (item, adjusted) = deliver(bundle_adjust=False), deliver(bundle_adjust=True)
    assert (plain["properties"].get("bundle_adjusted"), item["properties"]["bundle_adjusted"]) == (None, True)
    with (
        rasterio.open(next(folder.glob("*-pan.tif"))) as coarse,
        rasterio.open(next(adjusted.glob("*-pan.tif"))) as refined,
    ):
        before, after = coarse.read(1).astype(float), refined.read(1).astype(float)
    assert not np.array_equal(before, after)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.9


@pytest.mark.skipif(not REAL_CATALOG.exists(), reason="needs shared/real-catalog beside the repository")
def test_panchromatic_satellite_delivers_no_multispectral_files(tmp_path):
    catalog_file = REAL_CATALOG / "Japan-Earthquake-Jan-2024.geojson"
    with Sandbox(order_duration=0, storage=tmp_path, catalog=catalog_file, pixels=16) as ard:
        api = Api(ard)
        tile = next(tile for tile in ard.catalog if tile.properties["platform"] == "WV01")
        entries = [{"id": tile.acquisition_id, "cells": [tile.cell_id]}]
        assert api.wait(api.order(acquisitions=entries).json()["id"])["status"] == "SUCCEEDED"
        (item,) = stac_items(tmp_path / "bkt/a/b")
        disabled = SETTINGS["ms_analytic"] | SETTINGS["healthy_vegetation_mask"] | SETTINGS["ms_saturation_mask"]
        assert set(item["assets"]) == set(FILES) - disabled - SETTINGS["water_mask"]
        api.session.close()
