"""The STAC documents of a delivery: an item for each tile, collections for acquisitions and the order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import shapely
from shapely.geometry import mapping

from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.rendering.imagery import utm_footprint
from airflow_provider_ard.sandbox.rendering.projection import affine
from airflow_provider_ard.sandbox.rendering.rasters import Asset

VERSION = "1.0.0"
# The last version in which "type" is optional; ARD readers identify the root collection by its absence.
ROOT_VERSION = "1.0.0-beta.2"
EXTENSIONS = [
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/grid/v1.0.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
]
_ROLES = {
    "visual": ["visual"],
    "cloud-mask": ["metadata", "cloud"],
    "cloud-mask-raster": ["metadata", "cloud"],
    "cloud-shadow-mask": ["metadata", "cloud-shadow"],
    "data-mask": ["metadata", "data-mask"],
    "healthy-vegetation": ["metadata"],
    "healthy-vegetation-mask": ["metadata"],
    "ms-saturation": ["metadata", "saturation"],
    "ms-saturation-mask": ["metadata", "saturation"],
    "pan-flare": ["metadata"],
    "pan-flare-mask": ["metadata"],
    "terrain-shadows": ["metadata"],
    "terrain-shadow-mask": ["metadata"],
    "water": ["metadata", "water-mask"],
    "water-mask": ["metadata", "water-mask"],
}
_COMMON_NAMES = {"coastal", "blue", "green", "yellow", "red", "rededge", "nir08", "nir09", "pan"}
# Properties of the catalog's features that are not properties of items.
_EXCLUDED_PROPERTIES = ("assets", "path", "proj:bbox", "proj:epsg")


def item(tile: Tile, assets: Sequence[Asset], *, hd: bool = False, bundle_adjusted: bool = False) -> dict[str, Any]:
    """Return the STAC item of a tile with its delivered assets."""
    properties = {key: value for key, value in tile.properties.items() if key not in _EXCLUDED_PROPERTIES}
    if hd and isinstance(properties.get("gsd"), int | float):
        properties["gsd"] = properties["gsd"] / 2
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
            **properties,
            "grid:code": f"MXRA-{tile.cell_id}",
            "hd": hd,
            "bundle_adjusted": bundle_adjusted,
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


def acquisition_collection(
    acquisition_id: str, tiles: Sequence[Tile], hrefs: Iterable[str], earlier: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the collection of an acquisition; `hrefs` are the items it links to.

    `earlier` is the extent of linked items that are not in `tiles`.
    """
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "id": acquisition_id,
        "description": f"ARD tiles of acquisition {acquisition_id}",
        "license": "proprietary",
        "extent": _extent(tiles, earlier),
        "links": [{"rel": "item", "href": href, "type": "application/geo+json"} for href in hrefs],
    }


def root_collection(order_id: str, acquisition_ids: Iterable[str], tiles: Sequence[Tile]) -> dict[str, Any]:
    """Return the root collection of an order, which has no "type"."""
    return {
        "stac_version": ROOT_VERSION,
        "id": order_id,
        "description": f"Acquisitions of order {order_id}",
        "license": "proprietary",
        "extent": _extent(tiles),
        "links": [
            {
                "rel": "child",
                "href": f"../acquisition_collections/{acquisition_id}_collection.json",
                "type": "application/json",
            }
            for acquisition_id in acquisition_ids
        ],
    }


def _extent(tiles: Sequence[Tile], earlier: Mapping[str, Any] | None = None) -> dict[str, Any]:
    boxes = [shapely.box(*tile.footprint.bounds) for tile in tiles]
    times = [tile.acquired_at.isoformat().replace("+00:00", "Z") for tile in tiles]
    if earlier:
        boxes.append(shapely.box(*earlier["spatial"]["bbox"][0]))
        times += earlier["temporal"]["interval"][0]
    # Not total_bounds, which changes the warning filters of all threads.
    bounds = list(shapely.GeometryCollection(boxes).bounds)
    return {"spatial": {"bbox": [bounds]}, "temporal": {"interval": [[min(times), max(times)]]}}


def item_href(tile: Tile) -> str:
    """Return the relative link from a collection to the item of a tile."""
    return f"../{tile.folder}/{tile.acquisition_id}.json"


def _asset(tile: Tile, asset: Asset) -> dict[str, Any]:
    description: dict[str, Any] = {
        "href": f"./{tile.acquisition_id}{asset.suffix}",
        "type": asset.media_type,
        "roles": _ROLES.get(asset.key, ["data"]),
    }
    if asset.shape is not None:
        height, width = asset.shape
        description["proj:shape"] = [height, width]
        description["proj:transform"] = list(affine(tile.cell.bounds, width, height))[:6]
        description["proj:bbox"] = list(tile.cell.bounds)
        if asset.key not in _ROLES or asset.key == "visual":
            description["eo:bands"] = [
                {"name": band, **({"common_name": band} if band in _COMMON_NAMES else {})} for band in asset.bands
            ]
    return description
