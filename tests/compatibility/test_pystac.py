"""pystac reads, validates and walks a delivery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pystac
import pystac.validation
import pytest
import rasterio
from delivery import Delivery
from orders import order_tiles
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from schemas import CORE_VERSION, read_schemas
from tiles import EAST, NEXT_ZONE, PANCHROMATIC, TILES, TWO_PARTS, WEST

SOURCES = Path(__file__).parents[2] / ".venv-compatibility" / "schemas"
IMAGES = ("visual", "ms_analytic", "pan_analytic", "cloud-mask-raster")


@pytest.fixture(scope="module")
def validator() -> JsonSchemaSTACValidator:
    """A validator that has the schemas of all extensions that an item has after pystac read it."""
    validator = JsonSchemaSTACValidator()
    validator.schema_cache.update(read_schemas(SOURCES))
    pystac.validation.set_validator(validator)
    return validator


def test_opens(delivery: Delivery, same: Callable[..., None]) -> None:
    """The items are found from the root collection, which has no type, by the links of the collections."""
    root = pystac.Collection.from_file(delivery.root_collection)
    children = list(root.get_children())
    items = list(root.get_items(recursive=True))
    assert {item.id for item in items} == {f"{tile.zone}/{tile.quadkey}/{tile.acquisition.id}" for tile in TILES}
    assert {item.collection_id for item in items} == {child.id for child in children}
    assert all(item.get_parent().id == item.collection_id for item in items)
    same(
        [(child.id, child.description, child.license, child.extent.to_dict()) for child in children],
        sorted((item.id, item.datetime, item.properties["gsd"], item.properties["grid:code"]) for item in items),
    )


def test_typed_root_collection_opens(tmp_path: Path, validator: JsonSchemaSTACValidator) -> None:
    """The other name that the documentation of the API has, and a type."""
    assumptions = ("root_collection_name=collection", "root_collection_type=present")
    folder = order_tiles(tmp_path, *(f"--assume={assumption}" for assumption in assumptions))
    root = pystac.Collection.from_file(Delivery("sandbox", folder).root_collection)
    assert len(list(root.get_items(recursive=True))) == len(TILES)
    assert root.validate()


def test_validates(delivery: Delivery, validator: JsonSchemaSTACValidator, same: Callable[..., None]) -> None:
    """Items and collections are valid; items with all of their extensions, in the versions to which pystac migrates."""
    schemas = [pystac.Item.from_file(delivery.item_path(tile)).validate() for tile in TILES]
    root = pystac.Collection.from_file(delivery.root_collection)
    collections = [collection.validate() for collection in (root, *root.get_children())]
    assert all(len(urls) == 7 for urls in schemas)
    same(schemas, collections)


def test_documents_as_delivered_are_valid_stac(delivery: Delivery, validator: JsonSchemaSTACValidator) -> None:
    """Without migration: the core, and the extensions whose delivered version has a schema on PyPI."""
    for tile in TILES:
        document = delivery.document(tile)
        assert validator.validate_core(document, pystac.STACObjectType.ITEM, document["stac_version"])
        available = [url for url in document["stac_extensions"] if url in validator.schema_cache]
        assert [url.split("/")[3] for url in available] == ["view", "raster"]
        for url in available:
            validator.validate_extension(document, pystac.STACObjectType.ITEM, CORE_VERSION, url)


@pytest.mark.parametrize(
    ("key", "value"), [("grid:code", 13), ("view:off_nadir", -1), ("proj:bbox", [1]), ("datetime", 2022)]
)
def test_invalid_properties_are_rejected(
    deliveries: dict[str, Delivery], validator: JsonSchemaSTACValidator, key: str, value: Any
) -> None:
    item = pystac.Item.from_dict(deliveries["sandbox"].absolute_document(WEST))
    document = item.to_dict()
    document["properties"][key] = value
    with pytest.raises(pystac.STACValidationError):
        pystac.validation.validate_dict(document)


def test_asset_key(delivery: Delivery, same: Callable[..., None]) -> None:
    """Assets are found by key, and describe the files to which they point."""
    described = {}
    for key in IMAGES:
        asset = delivery.item(WEST).assets[key]
        with rasterio.open(asset.get_absolute_href()) as file:
            assert list(file.shape) == asset.ext.proj.shape
            assert list(file.transform) == asset.ext.proj.transform
            assert list(file.bounds) == asset.ext.proj.bbox
            masks = [[flag.name for flag in flags] for flags in file.mask_flag_enums]
            described[key] = file.profile["dtype"], file.count, file.crs.to_epsg(), file.shape, file.compression, masks
            described[f"{key} roles"] = asset.roles, asset.media_type
    masks_of_both = {"cloud-mask", "cloud-shadow-mask", "data-mask", "ms-saturation-mask-raster", "terrain-shadow-mask"}
    assert masks_of_both <= set(delivery.item(WEST).assets)
    same(described)


def test_band_name(delivery: Delivery, same: Callable[..., None]) -> None:
    """Bands of the electro-optical extension have names, common names and descriptions."""
    assets = {key: delivery.item(WEST).assets[key] for key in IMAGES}
    clouds = assets["cloud-mask-raster"].ext.raster.bands[0].to_dict()["classification:classes"]
    same(
        {key: [band.to_dict() for band in asset.ext.eo.bands] for key, asset in assets.items()},
        [(clear["value"], clear["name"]) for clear in clouds],
    )


def test_neighbors(delivery: Delivery, same: Callable[..., None]) -> None:
    """Neighbors overlap by the margins of both."""
    west, east = (item.ext.proj.bbox for item in delivery.items(WEST, EAST))
    assert west[2] - east[0] == 312.5
    same(west, east)


def test_two_zones(delivery: Delivery, same: Callable[..., None]) -> None:
    """Each item has the projection of its zone."""
    codes = [item.ext.proj.code for item in delivery.items(EAST, NEXT_ZONE)]
    assert codes == ["EPSG:32613", "EPSG:32614"]
    same(codes)


def test_panchromatic(delivery: Delivery, same: Callable[..., None]) -> None:
    """WorldView-1 has a visual image of one band, and no multispectral assets."""
    item = delivery.item(PANCHROMATIC)
    assert "ms_analytic" not in item.assets
    same([band.to_dict() for band in item.assets["visual"].ext.eo.bands])


def test_two_parts(delivery: Delivery, same: Callable[..., None]) -> None:
    """The geometry and the projected geometry of a tile with a gap are those of its data."""
    item = delivery.item(TWO_PARTS)
    assert item.geometry["type"] == item.ext.proj.geometry["type"] == "MultiPolygon"
    same(item.ext.proj.bbox, [round(number, 6) for number in item.bbox], item.properties["tile:data_area"])
