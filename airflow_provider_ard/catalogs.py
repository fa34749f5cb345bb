"""Delivered tiles as STAC items and collections with absolute links, for catalogs and databases.

    @task
    def write_catalog(tiles):
        items = list(read_stac_items(tiles, storage_conn_id="aws_default"))
        ...

Plain dictionaries, so that every STAC library can read them; no STAC library is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import none_if_blank
from airflow_provider_ard.exceptions import airflow_exceptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["read_stac_collections", "read_stac_items"]


def read_stac_items(
    tiles: Iterable[Mapping[str, Any] | Iterable[Mapping[str, Any]]], storage_conn_id: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the STAC item of each tile with absolute links and assets, and times in the format of STAC.

        items = read_stac_items(tiles, storage_conn_id="aws_default")

    One request for each tile. An item has all of its assets, also if the tiles list selected ones.

    :param tiles: Tiles or batches of tiles from `ArdListTilesOperator`.
    :param storage_conn_id: The Connection for reading the storage; None uses the credentials of the environment.
    :raises airflow_provider_ard.exceptions.ArdError: if an item cannot be read.
    """
    from airflow_provider_ard.api.delivery.portable import portable_item
    from airflow_provider_ard.hooks.storage import AirflowObjectStore

    store = AirflowObjectStore(none_if_blank(storage_conn_id))
    with airflow_exceptions(str(storage_conn_id)):
        for uri, item in store.read_documents(tile["item_uri"] for tile in _flat(tiles)):
            yield portable_item(item, uri)


def read_stac_collections(
    tiles: Iterable[Mapping[str, Any] | Iterable[Mapping[str, Any]]], storage_conn_id: str | None = None
) -> list[dict[str, Any]]:
    """Return the STAC collection of each acquisition of the tiles, with absolute links to the items of these tiles.

        collections = read_stac_collections(tiles, storage_conn_id="aws_default")

    One request for each acquisition. Arguments and errors are those of `read_stac_items`.
    """
    from airflow_provider_ard.api.delivery.portable import collection_uri_of_item, portable_collection
    from airflow_provider_ard.hooks.storage import AirflowObjectStore

    store = AirflowObjectStore(none_if_blank(storage_conn_id))
    item_uris: dict[str, list[str]] = {}
    for tile in _flat(tiles):
        uri = collection_uri_of_item(tile["item_uri"], tile["acquisition_id"])
        item_uris.setdefault(uri, []).append(tile["item_uri"])
    with airflow_exceptions(str(storage_conn_id)):
        return [portable_collection(document, uri, item_uris[uri]) for uri, document in store.read_documents(item_uris)]


def _flat(tiles: Iterable[Any]) -> Iterator[Any]:
    """Yield tiles of a list of tiles or batches."""
    for tile in tiles:
        if "item_uri" in tile:
            yield tile
        else:
            yield from tile
