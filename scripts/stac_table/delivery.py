"""A delivery of the sandbox with a tile of each satellite, and its values in the words of the facts."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import rasterio
from maxar_ard_grid import Cell

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.settings import Settings
from airflow_provider_ard.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox.backend.catalog import Catalog, Tile

FULL_TILE_SQKM = 28.2


@contextmanager
def deliver() -> Iterator[Delivery]:
    """Deliver two orders to a temporary folder, one with the settings `hd` and `bundle_adjust`."""
    with TemporaryDirectory() as folder, Sandbox(order_duration=0, storage=folder) as ard:
        tiles = _tiles(ard.catalog)
        with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
            order_id = _order(client, tiles, "plain")
            no_assets = dict.fromkeys(Settings.model_fields, False)
            _order(client, tiles[:1], "settings", **no_assets | {"hd": True, "bundle_adjust": True})
        ard.wait_for_deliveries()
        yield Delivery(Path(folder) / "b", order_id)


def _tiles(catalog: Catalog) -> list[Tile]:
    """Return a full tile of each satellite, and one with data in several parts."""
    full_tiles = [tile for tile in catalog if tile.properties["tile:data_area"] == FULL_TILE_SQKM]
    platforms = {tile.properties["platform"]: tile for tile in full_tiles}
    return [*platforms.values(), next(tile for tile in catalog if tile.footprint.geom_type == "MultiPolygon")]


def _order(client: ArdClient, tiles: list[Tile], prefix: str, **settings: bool) -> str:
    acquisitions = [{"id": tile.acquisition_id, "cells": [tile.cell_id]} for tile in tiles]
    request = OrderRequest.of(acquisitions=acquisitions, destination=f"s3://b/{prefix}", settings=settings)
    return client.submit_order(request).id


@dataclass(frozen=True)
class Delivery:
    """The files of the two orders below `folder`. If no satellite is named, values are those of WorldView-2."""

    folder: Path
    order_id: str

    @cached_property
    def items(self) -> dict[Path, dict[str, Any]]:
        """The items of the order without settings, by path."""
        return {path: json.loads(path.read_text()) for path in sorted(self.folder.glob("plain/*/*/*/*.json"))}

    @cached_property
    def item_with_settings(self) -> dict[str, Any]:
        """The item of the other order."""
        [path] = self.folder.glob("settings/*/*/*/*.json")
        return dict(json.loads(path.read_text()))

    def path(self, platform: str = "WV02") -> Path:
        """Return the path of the item of the full tile of a satellite."""
        [path] = [
            path
            for path, item in self.items.items()
            if (item["properties"]["platform"], item["geometry"]["type"]) == (platform, "Polygon")
        ]
        return path

    def item(self, platform: str = "WV02") -> dict[str, Any]:
        """Return the item of the full tile of a satellite."""
        return self.items[self.path(platform)]

    def property(self, name: str) -> Any:
        """Return a property of the item."""
        return self.item()["properties"].get(name, "none")

    def asset(self, key: str, platform: str = "WV02") -> dict[str, Any]:
        """Return an asset of the item."""
        return dict(self.item(platform)["assets"][key])

    def collection(self) -> dict[str, Any]:
        """Return the collection of the acquisition."""
        return self._document(f"acquisition_collections/{self.item()['collection']}_collection.json")

    def root_path(self) -> Path:
        """Return the path of the root collection."""
        [path] = self.folder.glob("plain/order_collections/*.json")
        return path

    def root(self) -> dict[str, Any]:
        """Return the root collection."""
        return dict(json.loads(self.root_path().read_text()))

    def request(self) -> dict[str, Any]:
        """Return the request file."""
        return self._document(f"{self.order_id}-request.json")

    def _document(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / "plain" / name).read_text()))

    def cell_bounds(self) -> list[float]:
        """Return the bounds of the cell in UTM meters."""
        return list(Cell(self.property("quadkey"), zone=self.property("utm_zone")).bounds)

    def template(self, text: str) -> str:
        """Return a text with names instead of the IDs of this order, acquisition and cell, as code."""
        properties = self.item()["properties"]
        names = {
            self.order_id: "{order}",
            properties["quadkey"]: "{quadkey}",
            properties["catalog_id"]: "{acquisition}",
            properties["datetime"][:10]: "{date}",
        }
        for value, name in names.items():
            text = text.replace(value, name)
        zone = re.compile(rf"(?<![0-9]){properties['utm_zone']:02d}(?![0-9])")
        return f"`{zone.sub('{zone}', text)}`"

    def links(self, document: dict[str, Any], rel: str) -> str:
        """Return target and media type of the link with a relation; of several, that of this acquisition."""
        links = [link for link in document["links"] if link["rel"] == rel]
        own = [link for link in links if self.item()["collection"] in link["href"]] or links
        return ", ".join([self.template(own[0]["href"]), own[0]["type"]]) if own else "none"

    def bands(self, key: str, platform: str = "WV02") -> str:
        """Return names and common names of the bands of an asset."""
        bands = self.asset(key, platform)["eo:bands"]
        return ", ".join(" ".join(filter(None, (band["name"], band.get("common_name")))) for band in bands)

    def raster(self, suffix: str, platform: str = "WV02") -> str:
        """Return number and type of bands, compression and form of no data of an image."""
        with rasterio.open(str(self.path(platform)).replace(".json", suffix)) as image:
            mask = "mask band" if image.nodata is None else f"no data is {image.nodata:g}"
            photometric = " YCbCr" if image.photometric and image.photometric.value == "YCbCr" else ""
            return f"{image.count} x {image.dtypes[0]}, {image.compression.value}{photometric}, {mask}"

    def band_names(self, suffix: str) -> str:
        """Return the descriptions of the bands of an image, which GDAL shows as their names."""
        with rasterio.open(str(self.path()).replace(".json", suffix)) as image:
            return ", ".join(filter(None, image.descriptions)) or "none"
