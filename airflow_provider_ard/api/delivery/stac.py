"""Reading what was delivered: an order's root collection links to acquisition collections, these to STAC items.

Each item is a tile, its assets beside it; `layout` tells where they lie.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_ard.api.arguments import did_you_mean, safe_repr
from airflow_provider_ard.api.delivery.filters import TileFilter
from airflow_provider_ard.api.delivery.layout import TileLocation, read_acquisition_collection_uri, read_item_uri
from airflow_provider_ard.api.errors import ArdError, ArdRequestError

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


def find_items(
    collection_uri: str,
    read_json: ReadJson,
    wanted: TileFilter | None = None,
    has: Callable[[TileLocation], bool] | None = None,
) -> dict[str, TileLocation]:
    """Return the STAC items below an order's root collection, by URI, in the order of the collections.

    `read_json(uri)` reads one document; it is called from several threads. Only those that `wanted` takes and the order
    `has` are returned; collections of acquisitions that are not wanted are not read. Raises `ArdError` for a document
    that is not of the delivered layout.
    """
    wanted = wanted or TileFilter()
    children = _links(collection_uri, read_json(collection_uri), "child")
    children = [uri for uri in children if wanted.takes_acquisition(read_acquisition_collection_uri(uri))]
    with ThreadPoolExecutor(READERS) as readers:
        documents = list(readers.map(read_json, children))
    found: dict[str, TileLocation] = {}
    for child, document in zip(children, documents, strict=True):
        for uri in _links(child, document, "item"):
            place = read_item_uri(uri)
            if place is None:
                raise ArdError(f"{uri}: not the place of a delivered tile (zone/quadkey/date/acquisition.json)")
            if wanted.takes(place) and (has is None or has(place)):
                found[uri] = place
    return found


def read_tiles(
    items: dict[str, TileLocation], read_json: ReadJson, assets: tuple[str, ...] | None = None
) -> list[Tile]:
    """Return the tiles of STAC items, with these of their assets, all for None.

    None of the items is read where no asset is wanted. Raises `ArdRequestError` for an asset that no tile has.
    """
    if assets == ():
        return [_tile(uri, place, {}) for uri, place in items.items()]
    tiles = []
    known: dict[str, None] = {}
    with ThreadPoolExecutor(READERS) as readers:
        for (uri, place), hrefs in zip(
            items.items(), readers.map(lambda uri: _hrefs(read_json(uri)), items), strict=True
        ):
            known |= dict.fromkeys(hrefs)
            kept = hrefs if assets is None else {key: hrefs[key] for key in assets if key in hrefs}
            tiles.append(_tile(uri, place, kept))
    _check_assets(assets or (), known)
    return tiles


def _check_assets(assets: Iterable[str], known: dict[str, None]) -> None:
    for key in assets:
        if known and key not in known:
            raise ArdRequestError(f"no tile has {safe_repr(key)}{did_you_mean(key, known)}", argument="assets")


def _links(uri: str, document: dict[str, Any], rel: str) -> list[str]:
    links = document.get("links")
    if not isinstance(links, list):
        raise ArdError(f"{uri}: not a STAC collection: it has no links")
    return [resolved(uri, link["href"]) for link in links if link.get("rel") == rel]


def _tile(uri: str, place: TileLocation, hrefs: dict[str, str]) -> Tile:
    assets = {key: resolved(uri, href) for key, href in hrefs.items()}
    return Tile(uri, place.acquisition_id, place.cell_id, place.date, assets)


def _hrefs(item: dict[str, Any]) -> dict[str, str]:
    """Return where an item's assets are. The rest of it is let go: there may be ten thousand."""
    return {key: asset["href"] for key, asset in (item.get("assets") or {}).items()}


def resolved(base: str, href: str) -> str:
    """Return a link's target: as it is if absolute, else relative to the document it stands in.

    `urllib.parse.urljoin` resolves relative links for the schemes it knows only, and s3:// is none of them.
    """
    if "://" in href:
        return href
    scheme, separator, path = base.partition("://")
    return f"{scheme}{separator}{posixpath.normpath(posixpath.join(posixpath.dirname(path), href))}"
