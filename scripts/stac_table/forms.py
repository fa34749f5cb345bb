"""The form of values in a delivery, in the words of the facts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from delivery import Delivery

EXTENSION = re.compile(r"https://stac-extensions\.github\.io/(\w+)/v([\d.]+)/schema\.json")


def extensions(document: dict[str, Any]) -> str:
    """Return names and versions of the extensions of a document."""
    return ", ".join(" ".join(EXTENSION.findall(url)[0]) for url in document.get("stac_extensions", ())) or "none"


def number_of_decimals(values: list[float]) -> str:
    """Return the largest number of decimals of some values."""
    count = max(len(f"{value}".partition(".")[2]) if isinstance(value, float) else 0 for value in values)
    return {0: "whole number", 1: "1 decimal"}.get(count, f"{count} decimals")


def precision(text: str) -> str:
    """Return the precision of the numbers in JSON."""
    digits = max(len(number.replace(".", "")) for number in re.findall(r"[\d.]+", text))
    return "full precision" if digits >= 14 else f"{digits} digits"


def presence(name: str, delivery: Delivery) -> str:
    """Return whether items have a property always, or only the item of the order with settings."""
    plain = any(name in item["properties"] for item in delivery.items.values())
    return "always" if plain else "only if true" if delivery.item_with_settings["properties"].get(name) else "none"


def property_decimals(name: str, delivery: Delivery) -> str:
    """Return the largest number of decimals of the properties whose names start with `name`."""
    names = [key for key in delivery.item()["properties"] if key.startswith(name)]
    return number_of_decimals([item["properties"][key] for item in delivery.items.values() for key in names])


def property_types(delivery: Delivery, *names: str) -> str:
    """Return the types of some properties."""
    return ", ".join(type(delivery.property(name)).__name__ for name in names)


def extent(bounds: list[float]) -> str:
    """Return the size of bounds in meters."""
    return f"{bounds[2] - bounds[0]:.1f} m x {bounds[3] - bounds[1]:.1f} m"


def coordinate_precision(delivery: Delivery) -> str:
    """Return the precision of the coordinates of an item."""
    item = delivery.item()
    return precision(json.dumps([item["geometry"]["coordinates"], item["bbox"]]))


def asset_keys(delivery: Delivery, *keys: str) -> str:
    """Return those of the keys that the item has."""
    return ", ".join(f"`{key}`" for key in keys if key in delivery.item()["assets"])


def file_names(delivery: Delivery) -> str:
    """Return the ends of the names of all files of a tile."""
    item = delivery.item()
    hrefs = sorted(asset["href"] for asset in item["assets"].values())
    names = ", ".join(f"`{href.removeprefix('./' + item['collection'])}`" for href in hrefs)
    return f"{len(hrefs)} files beside the item: {names}"


def asset_values(delivery: Delivery, name: str, *keys: str) -> str:
    """Return a value of some assets."""
    values = (delivery.asset(key)[name] for key in keys)
    return ", ".join(" ".join(value) if isinstance(value, list) else str(value) for value in values)


def classes(delivery: Delivery, key: str) -> str:
    """Return values and names of the classes of a raster mask."""
    [band] = delivery.asset(key)["raster:bands"]
    return ", ".join(f"{entry['value']} {entry['name']}" for entry in band["classification:classes"])


def asset_shape(delivery: Delivery, key: str) -> str:
    """Return the number of rows and columns of an image."""
    return "{} x {}".format(*delivery.asset(key)["proj:shape"])


def native_grids(delivery: Delivery) -> str:
    """Return whether the size of images depends on the acquisition, and the ratio of the two sizes."""
    sizes = {}
    for platform in ("WV02", "WV03", "GE01"):
        pan, ms = (delivery.asset(key, platform)["proj:shape"][0] for key in ("pan_analytic", "ms_analytic"))
        sizes[pan] = pan // ms if pan % ms == 0 else pan / ms
    ratios = ", ".join(map(str, set(sizes.values())))
    return f"{'another' if len(sizes) > 1 else 'the same'} for each acquisition, pan = {ratios} x ms"


def part_of_visual(delivery: Delivery, key: str) -> str:
    """Return the width of an image in relation to that of the visual image."""
    visual, other = (delivery.asset(name)["proj:shape"][0] for name in ("visual", key))
    return f"1/{visual / other:g} of that of `visual`"


def margin_width(delivery: Delivery) -> str:
    """Return the width of the margin around the cell in relation to that of the visual image."""
    asset, (west, *_) = delivery.asset("visual"), delivery.cell_bounds()
    pixel, left = asset["proj:transform"][0], asset["proj:transform"][2]
    return f"1/{asset['proj:shape'][1] / ((west - left) / pixel):g} of the width"


def transform_lengths(delivery: Delivery) -> str:
    """Return how many numbers the transforms have."""
    assets = delivery.item()["assets"].values()
    return ", ".join({f"{len(asset['proj:transform'])} numbers" for asset in assets if "proj:transform" in asset})


def bounding_boxes(delivery: Delivery) -> str:
    """Return for what the root collection has bounding boxes."""
    root = delivery.root()
    children = sum(link["rel"] == "child" for link in root["links"])
    return "one bbox for each acquisition" if len(root["extent"]["spatial"]["bbox"]) == children else "other"


def document_keys(document: dict[str, Any], *keys: str) -> str:
    """Return those of the keys that a document has."""
    return ", ".join(f"`{key}`" for key in keys if key in document) or "none"


def digits_as_zero(text: Any) -> str:
    """Return a text with 0 instead of each digit."""
    return f"`{''.join('0' if character.isdigit() else character for character in str(text))}`"
