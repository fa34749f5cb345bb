"""The STAC documents of a delivery: an item for each tile, collections for acquisitions and the order."""

from collections.abc import Iterable, Sequence
from typing import Any

import shapely
from shapely.geometry import mapping

from airflow_provider_ard.sandbox.catalog import Tile
from airflow_provider_ard.sandbox.imagery import utm_footprint
from airflow_provider_ard.sandbox.projection import affine
from airflow_provider_ard.sandbox.rasters import Asset

VERSION = "1.0.0"
EXTENSIONS = [
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/grid/v1.0.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
]
_ROLES = {"visual": ["visual"], "cloud-mask": ["metadata", "cloud"], "data-mask": ["metadata", "data-mask"]}
_COMMON_NAMES = {"coastal", "blue", "green", "yellow", "red", "rededge", "nir08", "nir09", "pan"}
# Of a tile's feature, what is no property of its item.
_NOT_PROPERTIES = ("assets", "path", "proj:bbox", "proj:epsg")


def item(tile: Tile, assets: Sequence[Asset]) -> dict[str, Any]:
    """Return the STAC item of a tile with the assets that were delivered."""
    kept = {key: value for key, value in tile.properties.items() if key not in _NOT_PROPERTIES}
    footprint = utm_footprint(tile)
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": EXTENSIONS,
        "id": f"{tile.zone:02d}/{tile.quadkey}/{tile.acquisition_id}",
        "collection": tile.acquisition_id,
        "geometry": mapping(tile.footprint),
        "bbox": list(tile.footprint.bounds),
        "properties": {
            **kept,
            "eo:cloud_cover": tile.clouds_percent,
            "proj:epsg": tile.epsg,
            "proj:bbox": list((footprint if not footprint.is_empty else shapely.box(*tile.cell.bounds)).bounds),
            "proj:geometry": mapping(footprint),
        },
        "links": [
            {
                "rel": "collection",
                "href": f"../../../acquisition_collections/{tile.acquisition_id}_collection.json",
                "type": "application/json",
            }
        ],
        "assets": {asset.key: _asset(tile, asset) for asset in assets},
    }


def acquisition_collection(acquisition_id: str, tiles: Sequence[Tile], hrefs: Iterable[str]) -> dict[str, Any]:
    """Return the collection of an acquisition; ``hrefs`` are the items it links to."""
    bounds = shapely.total_bounds([tile.footprint for tile in tiles]).tolist()
    taken = [tile.taken.isoformat().replace("+00:00", "Z") for tile in tiles]
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "id": acquisition_id,
        "description": f"ARD tiles of acquisition {acquisition_id}",
        "license": "proprietary",
        "extent": {"spatial": {"bbox": [bounds]}, "temporal": {"interval": [[min(taken), max(taken)]]}},
        "links": [{"rel": "item", "href": href, "type": "application/geo+json"} for href in hrefs],
    }


def root_collection(order_id: str, acquisition_ids: Iterable[str]) -> dict[str, Any]:
    """Return the collection of an order; it has no "type", by which its readers tell it from an item."""
    return {
        "stac_version": VERSION,
        "id": order_id,
        "description": f"Acquisitions of order {order_id}",
        "license": "proprietary",
        "links": [
            {
                "rel": "child",
                "href": f"../acquisition_collections/{acquisition_id}_collection.json",
                "type": "application/json",
            }
            for acquisition_id in acquisition_ids
        ],
    }


def item_href(tile: Tile) -> str:
    """Return the way from a collection to a tile's item."""
    return f"../{tile.folder}/{tile.acquisition_id}.json"


def _asset(tile: Tile, asset: Asset) -> dict[str, Any]:
    described: dict[str, Any] = {
        "href": f"./{tile.acquisition_id}{asset.suffix}",
        "type": asset.media_type,
        "roles": _ROLES.get(asset.key, ["data"]),
    }
    if asset.shape is not None:
        height, width = asset.shape
        described["proj:shape"] = [height, width]
        described["proj:transform"] = list(affine(tile.cell.bounds, width, height))[:6]
        described["proj:bbox"] = list(tile.cell.bounds)
        described["eo:bands"] = [
            {"name": band, **({"common_name": band} if band in _COMMON_NAMES else {})} for band in asset.bands
        ]
    return described
