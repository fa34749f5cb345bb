"""Items and collections of both forms have the same keys, types, links and constants."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from delivery import Delivery
from tiles import TILES

# Rings may start at any vertex; the tests of the libraries compare positions.
_COORDINATES = {"coordinates", "bbox"}


def outline(value: Any, key: str = "") -> Any:
    """Return a document without its coordinates and the ID of its order."""
    if key in _COORDINATES:
        return type(value).__name__
    if isinstance(value, dict):
        return {name: outline(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [outline(member, key) for member in value]
    if isinstance(value, str):
        return re.sub(r"\d{19}", "ORDER", value)
    return round(value, 6) if isinstance(value, float) else value


def read(path: Path) -> Any:
    return outline(json.loads(path.read_text()))


def test_items(delivery: Delivery, same: Callable[..., None]) -> None:
    items = [outline(delivery.document(tile)) for tile in TILES]
    for item in items:
        # Raster masks other than that of clouds have assumed classes.
        item["assets"] = {
            key: asset
            for key, asset in item["assets"].items()
            if key.endswith("analytic") or key in ("visual", "cloud-mask-raster", "data-mask")
        }
    same(*items)


def test_collections(delivery: Delivery, same: Callable[..., None]) -> None:
    paths = sorted(delivery.folder.glob("acquisition_collections/*.json"))
    same({path.name: read(path) for path in paths}, read(delivery.root_collection))
