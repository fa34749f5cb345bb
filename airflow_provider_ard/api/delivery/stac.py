"""Read delivered STAC: an order's root collection links to acquisition collections, and these to STAC items.

Each item is a tile; its assets are in the same folder, see `layout`.
"""

from __future__ import annotations

import posixpath
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_ard.api.arguments import did_you_mean, safe_repr
from airflow_provider_ard.api.delivery.filters import TileFilter
from airflow_provider_ard.api.delivery.layout import (
    TileLocation,
    other_root_collection_uri,
    parse_acquisition_collection_uri,
    parse_item_uri,
)
from airflow_provider_ard.api.errors import ArdError, ArdRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator


class DocumentStore(Protocol):
    """Reads the JSON documents of a storage; its methods are called from several threads and raise `ArdError`."""

    def read_json(self, uri: str) -> dict[str, Any]:
        """Return a document."""

    def read_documents(self, uris: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each URI with its document, in the same sequence."""


@dataclass(frozen=True)
class Tile:
    """One acquisition in one cell: the URIs of its STAC item and its assets. `date`: the day, ISO 8601."""

    item_uri: str
    acquisition_id: str
    cell_id: str
    date: str
    assets: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the tile as plain JSON, for XCom and `.expand()`."""
        return asdict(self)


def find_items(
    collection_uri: str,
    store: DocumentStore,
    tile_filter: TileFilter | None = None,
    in_scope: Callable[[TileLocation], bool] | None = None,
) -> dict[str, TileLocation]:
    """Return the STAC items below an order's root collection, by URI, in the sequence of the collections.

    If the root collection cannot be read, it is read by its other name, `{order_id}_collection.json`; it may have a
    `type` or none. Only items that match `tile_filter` and `in_scope` are returned; collections of other acquisitions
    are not read. Raises `ArdError` for a document that is not of the delivered layout.
    """
    tile_filter = tile_filter or TileFilter()
    children = _links(collection_uri, _read_root(collection_uri, store), "child")
    children = [uri for uri in children if tile_filter.matches_acquisition(parse_acquisition_collection_uri(uri))]
    items: dict[str, TileLocation] = {}
    for child, document in store.read_documents(children):
        for uri in _links(child, document, "item"):
            location = parse_item_uri(uri)
            if location is None:
                raise ArdError(f"{uri}: expected zone/quadkey/date/acquisition.json")
            if tile_filter.matches(location) and (in_scope is None or in_scope(location)):
                items[uri] = location
    return items


def read_tiles(
    items: dict[str, TileLocation], store: DocumentStore, assets: tuple[str, ...] | None = None
) -> list[Tile]:
    """Return the tiles of STAC items, with the selected assets; None selects all.

    No item is read if no asset is requested. Raises `ArdRequestError` for an asset that no tile has.
    """
    if assets == ():
        return [tile_of(uri, location, {}) for uri, location in items.items()]
    tiles = []
    all_keys: dict[str, None] = {}
    for uri, item in store.read_documents(items):
        hrefs = asset_hrefs(item)
        all_keys |= dict.fromkeys(hrefs)
        tiles.append(tile_of(uri, items[uri], hrefs, assets))
    check_assets(assets or (), all_keys)
    return tiles


def _read_root(uri: str, store: DocumentStore) -> dict[str, Any]:
    """Read a root collection, by its other name if it has that; both are in the same folder, so links are the same."""
    other_uri = other_root_collection_uri(uri)
    if other_uri is None:
        return store.read_json(uri)
    try:
        return store.read_json(uri)
    except ArdRequestError:
        raise
    except ArdError as error:
        # Not only if it does not exist: S3 denies access to a missing object if listing is not permitted.
        try:
            return store.read_json(other_uri)
        except ArdError:
            raise error from None


def check_assets(assets: Iterable[str], all_keys: Collection[str]) -> None:
    """Raise `ArdRequestError` for an asset that no tile has; `all_keys` are those of all tiles."""
    for key in assets:
        if all_keys and key not in all_keys:
            raise ArdRequestError(f"no tile has {safe_repr(key)}{did_you_mean(key, all_keys)}", argument="assets")


def _links(uri: str, document: dict[str, Any], rel: str) -> list[str]:
    links = document.get("links")
    if not isinstance(links, list):
        raise ArdError(f"{uri}: not a STAC collection: it has no links")
    return [resolve_href(uri, link["href"]) for link in links if link.get("rel") == rel]


def tile_of(uri: str, location: TileLocation, hrefs: dict[str, str], assets: tuple[str, ...] | None = None) -> Tile:
    """Return the tile of a STAC item with the selected assets; None selects all."""
    keys = hrefs if assets is None else [key for key in assets if key in hrefs]
    selected = {key: resolve_href(uri, hrefs[key]) for key in keys}
    return Tile(uri, location.acquisition_id, location.cell_id, location.date, selected)


def asset_hrefs(item: dict[str, Any]) -> dict[str, str]:
    """Return the links of an item's assets. The item itself is not kept, to save memory."""
    return {key: asset["href"] for key, asset in (item.get("assets") or {}).items()}


def resolve_href(base: str, href: str) -> str:
    """Return a link's target: unchanged if absolute, else relative to the document that contains it.

    `urllib.parse.urljoin` does not resolve relative links for s3://.
    """
    if "://" in href:
        return href
    scheme, separator, path = base.partition("://")
    return f"{scheme}{separator}{posixpath.normpath(posixpath.join(posixpath.dirname(path), href))}"
