"""A delivered order in a folder, as the tests of all libraries read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pystac
from tiles import Tile


@dataclass(frozen=True)
class Delivery:
    """`name` is the form: "sandbox" or "real form"."""

    name: str
    folder: Path

    @property
    def root_collection(self) -> Path:
        """The root collection of the only order."""
        (path,) = self.folder.glob("order_collections/*_collection.json")
        return path

    def item_path(self, tile: Tile) -> Path:
        return self.folder / f"{tile.path}.json"

    def document(self, tile: Tile) -> dict[str, Any]:
        """Return an item as delivered."""
        document: dict[str, Any] = json.loads(self.item_path(tile).read_text())
        return document

    def absolute_document(self, tile: Tile) -> dict[str, Any]:
        """Return an item as delivered, with absolute paths of its assets."""
        document = self.document(tile)
        for asset in document["assets"].values():
            asset["href"] = str(self.item_path(tile).parent / asset["href"])
        return document

    def item(self, tile: Tile) -> pystac.Item:
        """Return an item as pystac reads it, with absolute paths of its assets."""
        item = pystac.Item.from_file(self.item_path(tile))
        item.make_asset_hrefs_absolute()
        return item

    def items(self, *tiles: Tile) -> list[pystac.Item]:
        return [self.item(tile) for tile in tiles]


def share(mask: np.ndarray[Any, Any]) -> float:
    """Return the share of true values, in steps of a twentieth: the forms have different landscapes."""
    return round(20 * float(np.mean(mask))) / 20
