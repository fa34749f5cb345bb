"""Delivery of an order: every file of the documented layout, collections last."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_ard.sandbox.assumptions import Assumptions
from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.rendering import stac
from airflow_provider_ard.sandbox.rendering.defects import (
    DeliveryDefect,
    delivered_files,
    delivers_tile,
    listed_assets,
)
from airflow_provider_ard.sandbox.rendering.rasters import files
from airflow_provider_ard.sandbox.rendering.storage import Folder, Storage
from airflow_provider_ard.sandbox.validation.orders import ValidatedOrder

# Orders with the same prefix update the same acquisition collections.
_collections_lock = threading.Lock()


@dataclass(frozen=True)
class DeliveryWriter:
    """Writes orders to a storage; images are `pixels` wide."""

    storage: Storage
    pixels: int

    def check_writable(self, validated: ValidatedOrder) -> None:
        """Raise the error of the storage if the destination of an order is not writable."""
        self.storage.folder(validated.destination).check_writable()

    def deliver(
        self,
        order_id: str,
        validated: ValidatedOrder,
        delivered: Callable[[Tile], None],
        assumptions: Assumptions,
        defects: Sequence[DeliveryDefect] = (),
    ) -> None:
        """Write an order's tiles and documents; `delivered` is called after each tile. The first one has the `defects`.

        Raises the errors of the storage, such as FileNotFoundError for a missing bucket.
        """
        folder = self.storage.folder(validated.destination)
        documents = _Documents(folder, order_id, assumptions)
        documents.write(f"{order_id}-request.json", validated.request)
        by_acquisition: dict[str, list[Tile]] = {}
        for index, tile in enumerate(validated.tiles):
            tile_defects = defects if index == 0 else ()
            if not delivers_tile(tile_defects):
                continue
            self._deliver_tile(tile, validated, documents, tile_defects)
            by_acquisition.setdefault(tile.acquisition_id, []).append(tile)
            delivered(tile)
        with _collections_lock:
            for acquisition_id, tiles in by_acquisition.items():
                _deliver_collection(acquisition_id, tiles, documents)
        if validated.non_intersecting:
            report = [{"id": key, "cell_ids": cells} for key, cells in validated.non_intersecting.items()]
            name = f"order_collections/{order_id}_non_intersecting_tiles_report.json"
            documents.write(name, {"acquisitions": report})
        root = stac.root_collection(order_id, by_acquisition)
        if assumptions.root_collection_type == "present":
            # STAC has the type of a collection since 1.0; readers accept none in an older version.
            root = {"type": "Collection", **root, "stac_version": stac.VERSION}
        documents.write(f"order_collections/{documents.root_name}", root)

    def _deliver_tile(
        self, tile: Tile, validated: ValidatedOrder, documents: "_Documents", defects: Sequence[DeliveryDefect]
    ) -> None:
        tile_files = files(tile, self.pixels, hd=validated.hd, bundle_adjusted=validated.bundle_adjusted)
        ordered = [tile_files.asset(key) for key in tile_files.keys if key not in validated.disabled_assets]
        assets = listed_assets(ordered, defects)
        base = f"{tile.folder}/{tile.acquisition_id}"
        for asset in delivered_files(assets, defects):
            documents.folder.write(f"{base}{asset.suffix}", asset.content)
        adjusted = validated.bundle_adjusted
        item = stac.item(tile, assets, order_id=documents.order_id, hd=validated.hd, bundle_adjusted=adjusted)
        documents.write(f"{base}.json", item)


@dataclass(frozen=True)
class _Documents:
    """The JSON documents of an order's delivery, with links to its root collection by the assumed name."""

    folder: Folder
    order_id: str
    assumptions: Assumptions

    @property
    def root_name(self) -> str:
        """The file name of the root collection."""
        return f"{self.order_id}_{self.assumptions.root_collection_name}.json"

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Write a document."""
        text = json.dumps(document, indent=1).replace(f"{self.order_id}_root_collection.json", self.root_name)
        self.folder.write(name, text.encode())


def _deliver_collection(acquisition_id: str, tiles: list[Tile], documents: _Documents) -> None:
    """Write the collection of an acquisition, with the items that earlier orders added to it."""
    name = f"acquisition_collections/{acquisition_id}_collection.json"
    content = documents.folder.read(name)
    earlier: dict[str, Any] = json.loads(content) if content else {"links": []}
    earlier_hrefs = [link["href"] for link in earlier["links"] if link["rel"] == "item"]
    hrefs = dict.fromkeys([*earlier_hrefs, *(stac.item_href(tile) for tile in tiles)])
    collection = stac.acquisition_collection(documents.order_id, acquisition_id, tiles, hrefs, earlier.get("extent"))
    documents.write(name, collection)
