"""STAC documents have the form of real ones, as far as that is public; each value is a fact of a real document."""

import re
from datetime import UTC, datetime

import pytest
from shapely.geometry import box, shape

from airflow_provider_ard.sandbox.backend.catalog import Catalog
from airflow_provider_ard.sandbox.rendering import stac
from airflow_provider_ard.sandbox.rendering.rasters import TileFiles

SCHEMA = "https://stac-extensions.github.io/{}/schema.json"


def _item(platform, **options):
    tile = next(tile for tile in Catalog.load() if tile.properties["platform"] == platform)
    files = TileFiles(tile, 32)
    return tile, stac.item(tile, [files.asset(key) for key in files.keys], order_id="7", **options)


@pytest.fixture(scope="module")
def worldview_2():
    return _item("WV02")


def test_item_has_versions_time_and_links_of_real_items(worldview_2):
    tile, item = worldview_2
    versions = ("view/v1.0.0", "projection/v1.0.0", "eo/v1.0.0", "raster/v1.1.0", "grid/v1.0.0")
    assert item["stac_version"] == "1.0.0"
    assert {SCHEMA.format(version) for version in versions} < set(item["stac_extensions"])
    properties = item["properties"]
    assert properties["datetime"] == tile.properties["datetime"].replace("T", " ")
    assert properties["ard_metadata_version"] == "0.0.1"
    assert not {"eo:cloud_cover", "hd", "bundle_adjusted"} & set(properties)
    collection = f"../../../acquisition_collections/{tile.acquisition_id}_collection.json"
    assert [(link["rel"], link["href"], link["type"]) for link in item["links"]] == [
        ("collection", collection, "application/json"),
        ("parent", collection, "application/json"),
        ("root", "../../../order_collections/7_root_collection.json", "application/json"),
    ]


def test_bands_are_named_as_in_real_items(worldview_2):
    _, item = worldview_2
    bands = {key: [band["name"] for band in asset.get("eo:bands", ())] for key, asset in item["assets"].items()}
    assert bands["visual"] == ["BAND_R", "BAND_G", "BAND_B"]
    names = ["BAND_C", "BAND_B", "BAND_G", "BAND_Y", "BAND_R", "BAND_RE", "BAND_N", "BAND_N2"]
    assert bands["ms_analytic"] == names
    assert bands["cloud-mask-raster"] == ["BAND_CM"]
    assert item["assets"]["pan_analytic"]["eo:bands"] == [{"name": "BAND_P", "description": "Pan"}]
    assert [band["name"] for band in _item("GE01")[1]["assets"]["ms_analytic"]["eo:bands"]] == [
        "BAND_B",
        "BAND_G",
        "BAND_R",
        "BAND_IR",
    ]
    assert [band["name"] for band in _item("WV01")[1]["assets"]["visual"]["eo:bands"]] == ["BAND_P_V"]


def test_assets_have_titles_roles_and_transforms_of_real_items(worldview_2):
    _, item = worldview_2
    assets = item["assets"]
    expected = {
        "visual": ("Visual Image", ["visual"]),
        "ms_analytic": ("Multispectral Image", ["data"]),
        "pan_analytic": ("Panchromatic Image", ["data"]),
        "data-mask": ("Data Mask", ["data-mask"]),
    }
    assert {key: (assets[key]["title"], assets[key]["roles"]) for key in expected} == expected
    assert list(assets) == sorted(assets)
    for asset in assets.values():
        if "proj:transform" in asset:
            assert asset["proj:transform"][6:] == [0.0, 0.0, 1.0]


def test_clouds_are_classified(worldview_2):
    _, item = worldview_2
    [band] = item["assets"]["cloud-mask-raster"]["raster:bands"]
    classes = {entry["value"]: entry["name"] for entry in band["classification:classes"]}
    assert classes == {0: "nodata", 1: "clear", 2: "cloud", 3: "cloud_shadow"}
    assert "raster:bands" not in item["assets"]["visual"]


def test_full_tile_has_exact_projected_coordinates():
    tile = next(tile for tile in Catalog.load() if tile.properties["tile:data_area"] == 28.2)
    item = stac.item(tile, ())
    xmin, ymin, xmax, ymax = item["properties"]["proj:bbox"]
    assert (xmax - xmin, ymax - ymin) == (5312.5, 5312.5)
    assert (xmin + 156.25, ymin + 156.25) == tuple(tile.cell.bounds[:2])
    assert shape(item["properties"]["proj:geometry"]).equals(box(xmin, ymin, xmax, ymax))
    assert re.fullmatch(r"-?\d+\.\d{11,}", str(item["bbox"][0]))


def test_settings_are_properties_only_if_set():
    tile, item = _item("WV03", hd=True, bundle_adjusted=True)
    assert item["properties"]["hd"] is item["properties"]["bundle_adjusted"] is True
    assert item["properties"]["gsd"] == tile.properties["gsd"]


def test_collections_have_the_form_of_real_ones():
    catalog = Catalog.load()
    first, second = ([*catalog.tiles(name).values()] for name in catalog.acquisitions[:2])
    collection = stac.acquisition_collection("7", first[0].acquisition_id, first, [stac.item_href(first[0])])
    assert collection["description"] == f"{first[0].acquisition_id} ARD Tiles"
    assert {link["type"] for link in collection["links"]} == {"application/json"}
    assert [link["rel"] for link in collection["links"]] == ["root", "parent", "item"]
    root = stac.root_collection("7", {tiles[0].acquisition_id: tiles for tiles in (first, second)})
    assert (root["stac_version"], root["description"], root.get("type")) == ("0.8.1", "Order 7 collection", None)
    assert root["links"][0] == {"rel": "root", "href": "./7_root_collection.json", "type": "application/json"}
    assert len(root["extent"]["spatial"]["bbox"]) == 2
    [[start, end]] = root["extent"]["temporal"]["interval"]
    assert datetime.strptime(start, "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC) == first[0].acquired_at
    assert start < end
