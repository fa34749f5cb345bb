"""The delivered layout: an order's root collection links to acquisition collections, these to STAC items, a tile each.

    {prefix}/order_collections/{order_id}_root_collection.json
    {prefix}/acquisition_collections/{acquisition_id}_collection.json
    {prefix}/{zone}/{quadkey}/{date}/{acquisition_id}.json               the STAC item, its assets beside it

URIs are those of the storage: `s3://bucket/key`, `gs://bucket/key`, `az://container/key`, `file:///path`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_ard.api.errors import ArdError

_ITEM = re.compile(r"/(?P<zone>\d{2})/(?P<quadkey>[0-3]{12})/(?P<date>\d{4}-\d{2}-\d{2})/(?P<acquisition>[^/]+)\.json$")
# Tiles are many and small: reading them is waiting for the storage, not computing.
READERS = 16

ReadJson = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Tile:
    """One acquisition in one cell: where its STAC item and its assets are. `date`: the day, ISO 8601."""

    item_uri: str
    acquisition_id: str
    cell_id: str
    date: str
    assets: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the tile as plain JSON, fit for XCom and `.expand()`."""
        return asdict(self)


def list_tiles(collection_uri: str, read_json: ReadJson) -> list[Tile]:
    """Return the tiles below an order's root collection, in the order of the collections.

    `read_json(uri)` reads one document; it is called from several threads. Raises `ArdError` for a document that is
    not of the delivered layout.
    """
    with ThreadPoolExecutor(READERS) as readers:
        children = _links(collection_uri, read_json(collection_uri), "child")
        collections = zip(children, readers.map(read_json, children), strict=True)
        items = [uri for child, document in collections for uri in _links(child, document, "item")]
        # One item can be linked from two collections when orders share a prefix.
        items = list(dict.fromkeys(items))
        return [_tile(uri, item) for uri, item in zip(items, readers.map(read_json, items), strict=True)]


def _links(uri: str, document: dict[str, Any], rel: str) -> list[str]:
    links = document.get("links")
    if not isinstance(links, list):
        raise ArdError(f"{uri}: not a STAC collection: it has no links")
    return [resolved(uri, link["href"]) for link in links if link.get("rel") == rel]


def _tile(uri: str, item: dict[str, Any]) -> Tile:
    place = _ITEM.search(uri)
    if not place:
        raise ArdError(f"{uri}: not the place of a delivered tile (zone/quadkey/date/acquisition.json)")
    return Tile(
        item_uri=uri,
        acquisition_id=place["acquisition"],
        cell_id=f"Z{place['zone']}-{place['quadkey']}",
        date=place["date"],
        assets={key: resolved(uri, asset["href"]) for key, asset in _assets(item).items()},
    )


def _assets(item: dict[str, Any]) -> dict[str, Any]:
    return item.get("assets") or {}


def resolved(base: str, href: str) -> str:
    """Return a link's target: as it is if absolute, else relative to the document it stands in.

    `urllib.parse.urljoin` resolves relative links for the schemes it knows only, and s3:// is none of them.
    """
    if "://" in href:
        return href
    scheme, separator, path = base.partition("://")
    return f"{scheme}{separator}{posixpath.normpath(posixpath.join(posixpath.dirname(path), href))}"
