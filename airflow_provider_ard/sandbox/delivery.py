"""Delivering an order: every file of the documented layout, the collections last."""

import json
import threading
from datetime import UTC, datetime
from typing import Any

from airflow_provider_ard.sandbox import stac
from airflow_provider_ard.sandbox.catalog import Tile
from airflow_provider_ard.sandbox.checks import CheckedOrder
from airflow_provider_ard.sandbox.output_config import Destination
from airflow_provider_ard.sandbox.rasters import assets
from airflow_provider_ard.sandbox.storage import Storage

# Two orders into one prefix share the collection of an acquisition that both have.
_collections = threading.Lock()


def deliver(order_id: str, checked: CheckedOrder, storage: Storage, pixels: int) -> datetime:
    """Write an order's tiles and documents, and return when that was done.

    Raises what the storage raises, such as FileNotFoundError for a missing bucket.
    """
    folder = _Folder(storage, checked.destination)
    folder.write_json(f"{order_id}-request.json", checked.request)
    by_acquisition: dict[str, list[Tile]] = {}
    for tile in checked.tiles:
        _deliver_tile(tile, folder, checked.switched_off, pixels)
        by_acquisition.setdefault(tile.acquisition_id, []).append(tile)
    with _collections:
        for acquisition_id, tiles in by_acquisition.items():
            _deliver_collection(acquisition_id, tiles, folder)
    if checked.missed:
        report = [{"id": key, "cell_ids": cells} for key, cells in checked.missed.items()]
        name = f"order_collections/{order_id}_non_intersecting_tiles_report.json"
        folder.write_json(name, {"acquisitions": report})
    root = stac.root_collection(order_id, by_acquisition)
    folder.write_json(f"order_collections/{order_id}_root_collection.json", root)
    return datetime.now(UTC)


class _Folder:
    """The prefix that an order is delivered to."""

    def __init__(self, storage: Storage, destination: Destination) -> None:
        self._storage = storage
        self._destination = destination

    def _path(self, name: str) -> str:
        return self._storage.path(self._destination.bucket, self._destination.prefix, name)

    def write(self, name: str, content: bytes) -> None:
        self._storage.write(self._path(name), content)

    def write_json(self, name: str, document: dict[str, Any]) -> None:
        self.write(name, json.dumps(document, indent=1).encode())

    def read_json(self, name: str) -> dict[str, Any] | None:
        content = self._storage.read(self._path(name))
        document: dict[str, Any] | None = None if content is None else json.loads(content)
        return document


def _deliver_tile(tile: Tile, folder: _Folder, switched_off: frozenset[str], pixels: int) -> None:
    wanted = [asset for asset in assets(tile, pixels) if asset.key not in switched_off]
    base = f"{tile.folder}/{tile.acquisition_id}"
    for asset in wanted:
        folder.write(f"{base}{asset.suffix}", asset.content)
    folder.write_json(f"{base}.json", stac.item(tile, wanted))


def _deliver_collection(acquisition_id: str, tiles: list[Tile], folder: _Folder) -> None:
    """Write an acquisition's collection, keeping what an earlier order into this prefix left in it."""
    name = f"acquisition_collections/{acquisition_id}_collection.json"
    earlier = folder.read_json(name) or {"links": []}
    kept = [link["href"] for link in earlier["links"] if link["rel"] == "item"]
    hrefs = dict.fromkeys([*kept, *(stac.item_href(tile) for tile in tiles)])
    folder.write_json(name, stac.acquisition_collection(acquisition_id, tiles, hrefs))
