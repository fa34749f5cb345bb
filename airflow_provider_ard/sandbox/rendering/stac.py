"""The STAC documents of a delivery: an item for each tile, collections for acquisitions and the order."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

import shapely
from shapely.geometry import mapping

from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.rendering.asset_descriptions import CLASSES, DESCRIPTIONS, ROLES, TITLES, eo_bands
from airflow_provider_ard.sandbox.rendering.imagery import utm_footprint
from airflow_provider_ard.sandbox.rendering.projection import WGS84, affine, project
from airflow_provider_ard.sandbox.rendering.rasters import Asset

VERSION = "1.0.0"
# That of a real root collection, which has no "type"; ARD readers identify it by this.
ROOT_VERSION = "0.8.1"
METADATA_VERSION = "0.0.1"
_SCHEMA = "https://stac-extensions.github.io/{}/schema.json"
EXTENSIONS = [_SCHEMA.format(name) for name in ("view/v1.0.0", "projection/v1.0.0", "eo/v1.0.0", "raster/v1.1.0")]
EXTENSIONS += [_SCHEMA.format(name) for name in ("grid/v1.0.0", "classification/v1.1.0")]
# Properties of the catalog's features that an item does not have, or has in another form.
_EXCLUDED_PROPERTIES = ("assets", "path", "datetime", "platform", "gsd", "grid:code", "hd", "proj:bbox", "proj:epsg")


def item(
    tile: Tile,
    assets: Sequence[Asset],
    *,
    order_id: str | None = None,
    hd: bool = False,
    bundle_adjusted: bool = False,
) -> dict[str, Any]:
    """Return the STAC item of a tile with its delivered assets; without an order it has no link to a root."""
    footprint = utm_footprint(tile)
    geometry = project(footprint, tile.epsg, WGS84)
    collection = f"../../../acquisition_collections/{tile.acquisition_id}_collection.json"
    links = [_link("collection", collection), _link("parent", collection)]
    if order_id is not None:
        links.append(_link("root", f"../../../order_collections/{order_id}_root_collection.json"))
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": EXTENSIONS,
        "id": f"{tile.zone:02d}/{tile.quadkey}/{tile.acquisition_id}",
        "properties": {
            "datetime": _datetime(tile),
            "platform": tile.properties.get("platform"),
            "gsd": tile.properties.get("gsd"),
            "ard_metadata_version": METADATA_VERSION,
            **{key: value for key, value in tile.properties.items() if key not in _EXCLUDED_PROPERTIES},
            "proj:epsg": tile.epsg,
            "proj:geometry": mapping(footprint),
            **({"hd": True} if hd else {}),
            **({"bundle_adjusted": True} if bundle_adjusted else {}),
            "grid:code": f"MXRA-{tile.cell_id}",
            "proj:bbox": list((footprint if not footprint.is_empty else shapely.box(*tile.bounds)).bounds),
        },
        "bbox": list((geometry if not geometry.is_empty else tile.footprint).bounds),
        "geometry": mapping(geometry if not geometry.is_empty else tile.footprint),
        "links": links,
        "assets": {asset.key: _asset(tile, asset) for asset in sorted(assets, key=lambda asset: asset.key)},
        "collection": tile.acquisition_id,
    }


def acquisition_collection(
    order_id: str,
    acquisition_id: str,
    tiles: Sequence[Tile],
    hrefs: Iterable[str],
    earlier: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the collection of an acquisition; `hrefs` are the items it links to.

    `earlier` is the extent of linked items that are not in `tiles`.
    """
    root = f"../order_collections/{order_id}_root_collection.json"
    boxes, times = [_bounds(tile) for tile in tiles], [_datetime(tile) for tile in tiles]
    if earlier:
        boxes.append(shapely.box(*earlier["spatial"]["bbox"][0]))
        times += earlier["temporal"]["interval"][0]
    return {
        "type": "Collection",
        "id": acquisition_id,
        "stac_version": VERSION,
        "description": f"{acquisition_id} ARD Tiles",
        "links": [_link("root", root), _link("parent", root), *(_link("item", href) for href in hrefs)],
        "extent": _extent([_union(boxes)], times),
        "license": "proprietary",
    }


def root_collection(order_id: str, tiles: Mapping[str, Sequence[Tile]]) -> dict[str, Any]:
    """Return the root collection of an order, which has no "type"; `tiles` are those of each acquisition, by ID."""
    boxes = [_union([_bounds(tile) for tile in acquisition]) for acquisition in tiles.values()]
    times = [_datetime(tile) for acquisition in tiles.values() for tile in acquisition]
    children = (f"../acquisition_collections/{acquisition_id}_collection.json" for acquisition_id in tiles)
    return {
        "id": order_id,
        "stac_version": ROOT_VERSION,
        "description": f"Order {order_id} collection",
        "links": [_link("root", f"./{order_id}_root_collection.json"), *(_link("child", href) for href in children)],
        "extent": _extent(boxes, times),
        "license": "proprietary",
    }


def item_href(tile: Tile) -> str:
    """Return the relative link from a collection to the item of a tile."""
    return f"../{tile.folder}/{tile.acquisition_id}.json"


def _link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href, "type": "application/json"}


def _datetime(tile: Tile) -> str:
    """Return the time of an acquisition as in real items, with a space instead of a T."""
    return f"{tile.acquired_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def _bounds(tile: Tile) -> shapely.Polygon:
    footprint = project(utm_footprint(tile), tile.epsg, WGS84)
    return shapely.box(*(footprint if not footprint.is_empty else tile.footprint).bounds)


def _union(boxes: Sequence[shapely.Polygon]) -> list[float]:
    # Not total_bounds, which changes the warning filters of all threads.
    return list(shapely.GeometryCollection(list(boxes)).bounds)


def _extent(boxes: list[list[float]], times: Sequence[str]) -> dict[str, Any]:
    return {"spatial": {"bbox": boxes}, "temporal": {"interval": [[min(times), max(times)]]}}


def _asset(tile: Tile, asset: Asset) -> dict[str, Any]:
    description: dict[str, Any] = {"type": asset.media_type, "title": TITLES[asset.key]}
    if asset.key in DESCRIPTIONS:
        description["description"] = DESCRIPTIONS[asset.key]
    description["href"] = f"./{tile.acquisition_id}{asset.suffix}"
    if asset.shape is not None:
        height, width = asset.shape
        description["proj:bbox"] = list(tile.bounds)
        description["proj:shape"] = [height, width]
        description["proj:transform"] = list(affine(tile.bounds, width, height))
    if bands := eo_bands(asset.bands):
        description["eo:bands"] = bands
    if asset.key in CLASSES:
        description["raster:bands"] = [{"classification:classes": list(CLASSES[asset.key])}]
    description["roles"] = [ROLES.get(asset.key, asset.key)]
    return description
