"""Delivered imagery as Airflow assets (datasets in Airflow 2), and the URIs of delivered objects.

A finished order emits an event of each asset in the `outlets` of the sensor or of the tile lister:

    ArdOrderSensor(task_id="wait", order_id=…, outlets=[delivery_asset("s3://bucket/prefix")])

A DAG with `schedule=[delivery_asset("s3://bucket/prefix")]` reads it with `delivered_orders(context)`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_ard.api.delivery.layout import (
    acquisition_collection_uri,
    item_uri,
    parse_location,
    request_uri,
    root_collection_uri,
)
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.version_compat import AirflowSkipException, Asset, AssetAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_ard.version_compat import Context

__all__ = [
    "acquisition_collection_uri",
    "delivered_orders",
    "delivery_asset",
    "item_uri",
    "request_uri",
    "root_collection_uri",
]

_log = logging.getLogger(__name__)
# Airflow's limits of an asset's URI. The percent sign is encoded as well, so that each location is an asset of its own.
_LONGEST_URI = 1500
_UNCHANGED = "".join(chr(code) for code in range(32, 127) if chr(code) != "%")
_SINCE_AIRFLOW_3 = {"name", "group", "watchers"}


def delivery_asset(destination: str, **options: Any) -> Asset:
    """Return the asset of a destination of orders.

    `destination` as in `ArdOrderOperator`, so that both can share a value: `s3://bucket/prefix`, `gs://bucket/prefix`,
    `az://container/prefix` or a bare `bucket/prefix` (S3). All spellings of a location are the same asset. Characters
    beyond ASCII are percent-encoded in its URI, as Airflow requires, and so is the percent sign.
    `options` are those of `Asset`, for example `group`; Airflow 2 ignores `name`, `group` and `watchers`. Raises
    `ArdRequestError` for an invalid location.
    """
    if unsupported := [name for name in sorted(_SINCE_AIRFLOW_3 & options.keys()) if not hasattr(Asset, name)]:
        _log.warning("Datasets of this Airflow version have no %s; ignored", ", ".join(unsupported))
        options = {name: value for name, value in options.items() if name not in unsupported}
    uri = _asset_uri(parse_location(destination).uri)
    if len(uri) > _LONGEST_URI:
        raise ArdRequestError(
            f"expected at most {_LONGEST_URI} characters as the URI of an asset, got {len(uri)}", argument="destination"
        )
    return Asset(uri=uri, **options)


def _asset_uri(uri: str) -> str:
    """Return a location's URI in ASCII."""
    return quote(uri, safe=_UNCHANGED)


def delivered_orders(context: Context) -> list[dict[str, Any]]:
    """Return the orders whose delivery triggered this run, oldest first, without duplicates.

    Each is a dictionary `{"order_id", "output_uri", "collection_uri", "tiles"}`; the number of tiles is None if the
    task that published the event did not know it. Other events, such as those created in the UI, are ignored.
    """
    events: Any = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
    orders_by_id: dict[str, dict[str, Any]] = {}
    for event in sorted(
        (event for asset_events in events.values() for event in asset_events), key=lambda event: event.timestamp
    ):
        extra = event.extra if isinstance(event.extra, Mapping) else {}
        for order in extra.get("orders", [extra]):
            if isinstance(order, Mapping) and order.get("order_id"):
                orders_by_id[order["order_id"]] = dict(order)
    return list(orders_by_id.values())


def delivery_event(report: Mapping[str, Any], tiles: int | None) -> dict[str, Any]:
    """Return the extra of an asset event for an order's report; `tiles` is None if it is not known."""
    return {**{key: report[key] for key in ("order_id", "output_uri", "collection_uri")}, "tiles": tiles}


def publish_to_outlets(outlets: Iterable[Any], orders: list[dict[str, Any]], context: Context) -> None:
    """Attach orders to the events of a task's outlets: one order as it is, several as `{"orders": […]}`.

    An alias among the outlets gets one event per order, for the asset of the order's destination. Without orders the
    task is skipped: its success would publish a delivery that does not exist.
    """
    outlets = list(outlets)
    if outlets and not orders:
        raise AirflowSkipException("There are no orders to publish to the outlets")
    events: Any = context.get("outlet_events")
    if events is None:
        return
    extra = orders[0] if len(orders) == 1 else {"orders": orders}
    for outlet in outlets:
        if not isinstance(outlet, AssetAlias):
            events[outlet].extra = dict(extra)
            continue
        for order in orders:
            if order["output_uri"]:
                _publish_to_alias(events[outlet], order)


def _publish_to_alias(event: Any, order: dict[str, Any]) -> None:
    """Add an order's event; a location that Airflow refuses as an asset must not fail the task of a delivered order."""
    try:
        event.add(Asset(uri=_asset_uri(order["output_uri"])), extra=order)
    except ValueError as error:
        _log.warning("Order %s: no asset event for %s: %s", order["order_id"], order["output_uri"], error)
