"""The delivered STAC documents of an order with 20 acquisitions."""

from __future__ import annotations

import json
from typing import Any

ASSETS = {
    "visual": "-visual.tif",
    "pan_analytic": "-pan.tif",
    "ms_analytic": "-ms.tif",
    **{
        key: f"-{key}.gpkg"
        for key in (
            *("cloud-mask", "cloud-shadow-mask", "data-mask", "healthy-vegetation-mask", "ms-saturation-mask"),
            *("pan-flare-mask", "terrain-shadow-mask", "water-mask", "cloud-mask-raster"),
        )
    },
}
ACQUISITIONS = 20
BUCKET = "bench"
ROOT = "p/order_collections/1_root_collection.json"
# pystac reads collections with a `type` only, max-ard root collections without one only.
ROOT_WITH_TYPE = "p/order_collections/1_collection.json"
_BOX = [-105.0, 40.0, -104.9, 40.1]
_RING = [[-105.0, 40.0], [-104.9, 40.0], [-104.9, 40.1], [-105.0, 40.1], [-105.0, 40.0]]
_TRANSFORM = [0.305, 0.0, 450000.0, 0.0, -0.305, 4430000.0]


def build_documents(tiles: int) -> dict[str, bytes]:
    """Return the documents by object key."""
    documents: dict[str, bytes] = {}
    links: dict[str, list[str]] = {}
    for number in range(tiles):
        acquisition = f"1040010{number % ACQUISITIONS:06X}A00"
        quadkey = "".join(str(number >> 2 * digit & 3) for digit in range(11, -1, -1))
        key = f"13/{quadkey}/2026-01-{number % ACQUISITIONS + 1:02d}/{acquisition}"
        documents[f"p/{key}.json"] = json.dumps(_item(key, acquisition), indent=1).encode()
        links.setdefault(acquisition, []).append(f"../{key}.json")
    for acquisition, hrefs in links.items():
        collection = _collection(acquisition, "item", hrefs)
        documents[f"p/acquisition_collections/{acquisition}_collection.json"] = json.dumps(collection).encode()
    children = [f"../acquisition_collections/{acquisition}_collection.json" for acquisition in links]
    root = _collection("1", "child", children)
    documents[ROOT_WITH_TYPE] = json.dumps(root).encode()
    documents[ROOT] = json.dumps({key: value for key, value in root.items() if key != "type"}).encode()
    return documents


def _item(key: str, acquisition: str) -> dict[str, Any]:
    assets = {
        name: {
            "href": f"./{acquisition}{suffix}",
            "type": "image/tiff",
            "roles": ["data"],
            "proj:transform": _TRANSFORM,
        }
        for name, suffix in ASSETS.items()
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": key,
        "geometry": {"type": "Polygon", "coordinates": [_RING]},
        "bbox": _BOX,
        "properties": {"datetime": "2026-01-01T00:00:00Z"},
        "links": [],
        "assets": assets,
    }


def _collection(identifier: str, rel: str, hrefs: list[str]) -> dict[str, Any]:
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": identifier,
        "description": identifier,
        "license": "proprietary",
        "extent": {"spatial": {"bbox": [_BOX]}, "temporal": {"interval": [["2026-01-01T00:00:00Z", None]]}},
        "links": [{"rel": rel, "href": href} for href in hrefs],
    }
