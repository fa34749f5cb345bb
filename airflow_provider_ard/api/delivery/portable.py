"""Delivered STAC documents for catalogs elsewhere: absolute links, and times in the format of STAC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.delivery.layout import acquisition_collection_uri
from airflow_provider_ard.api.delivery.stac import resolve_href

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JSON, GEOJSON = "application/json", "application/geo+json"


def portable_item(item: Mapping[str, Any], uri: str) -> dict[str, Any]:
    """Return a delivered STAC item with absolute links and assets; `uri` is where it was read."""
    properties = item.get("properties") or {}
    times = {key: _rfc3339(value) for key, value in properties.items() if key == "datetime"}
    return {
        **item,
        "properties": {**properties, **times},
        "links": _links(item, uri, GEOJSON),
        "assets": {
            key: {**asset, "href": resolve_href(uri, asset["href"])}
            for key, asset in (item.get("assets") or {}).items()
        },
    }


def portable_collection(collection: Mapping[str, Any], uri: str, item_uris: Iterable[str]) -> dict[str, Any]:
    """Return a delivered STAC collection with absolute links, to these items instead of all that were delivered."""
    extent = collection.get("extent") or {}
    intervals = (extent.get("temporal") or {}).get("interval") or [[None, None]]
    temporal = {"interval": [[_rfc3339(time) for time in interval] for interval in intervals]}
    items = [{"rel": "item", "href": item_uri, "type": GEOJSON} for item_uri in item_uris]
    return {**collection, "extent": {**extent, "temporal": temporal}, "links": _links(collection, uri, JSON) + items}


def collection_uri_of_item(item_uri: str, acquisition_id: str) -> str:
    """Return the URI of the collection of a delivered item."""
    prefix = item_uri.rsplit("/", 4)[0]
    return acquisition_collection_uri(prefix, acquisition_id)


def _links(document: Mapping[str, Any], uri: str, media_type: str) -> list[dict[str, Any]]:
    """Return absolute links and a `self` link, without those to the root collection, which is of one order only."""
    excluded = {"self", "root"} | ({"parent", "item"} if media_type == JSON else set())
    links = [
        {**link, "href": resolve_href(uri, link["href"])}
        for link in document.get("links") or []
        if link.get("rel") not in excluded
    ]
    return [{"rel": "self", "href": uri, "type": media_type}, *links]


def _rfc3339(time: Any) -> Any:
    """Return a time with a T between date and time, where delivered documents have a space."""
    return time.replace(" ", "T", 1) if isinstance(time, str) else time
