"""Delivered imagery as Airflow assets (datasets in Airflow 2), and the URIs of what is delivered.

An order's end is an event of the asset that the sensor, or the listing of tiles, has among its `outlets`:

    ArdOrderSensor(task_id="wait", order_id=…, outlets=[delivery_asset("s3://bucket/prefix")])

and a DAG with `schedule=[delivery_asset("s3://bucket/prefix")]` reads it with `delivered_orders(context)`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, Asset, AssetAlias

from airflow_provider_ard.api.delivery.layout import (
    acquisition_collection_uri,
    item_uri,
    parse_location,
    request_uri,
    root_collection_uri,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.providers.common.compat.sdk import Context

__all__ = [
    "acquisition_collection_uri",
    "delivered_orders",
    "delivery_asset",
    "item_uri",
    "request_uri",
    "root_collection_uri",
]

_log = logging.getLogger(__name__)
_SINCE_AIRFLOW_3 = {"name", "group", "watchers"}


def delivery_asset(destination: str, **options: Any) -> Asset:
    """Return the asset of the place that orders are delivered to.

    `destination` as `ArdOrderOperator` takes it, so that both can be given the same text: `s3://bucket/prefix`,
    `gs://bucket/prefix`, `az://container/prefix` or a bare `bucket/prefix` (S3). However it is written, one place is
    one asset. `options` go to `Asset`, for example `group`; Airflow 2 has no `name`, `group` or `watchers`, and goes
    without. Raises `ArdRequestError` for what is no such place.
    """
    if lacking := [name for name in sorted(_SINCE_AIRFLOW_3 & options.keys()) if not hasattr(Asset, name)]:
        _log.warning("The datasets of this Airflow have no %s: left out.", ", ".join(lacking))
        options = {name: value for name, value in options.items() if name not in lacking}
    return Asset(uri=parse_location(destination).uri, **options)


def delivered_orders(context: Context) -> list[dict[str, Any]]:
    """Return the orders whose delivery has triggered this run, the first first, each once.

    A dictionary each, `{"order_id", "output_uri", "collection_uri", "tiles"}`: the number of tiles is None where the
    task that told of the order could not know it. Events of other origin, such as by hand in the UI, are left out.
    """
    events: Any = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
    found: dict[str, dict[str, Any]] = {}
    for event in sorted((event for told in events.values() for event in told), key=lambda event: event.timestamp):
        extra = event.extra if isinstance(event.extra, Mapping) else {}
        for order in extra.get("orders", [extra]):
            if isinstance(order, Mapping) and order.get("order_id"):
                found[order["order_id"]] = dict(order)
    return list(found.values())


def delivery_event(report: Mapping[str, Any], tiles: int | None) -> dict[str, Any]:
    """Return what an asset's event tells of an order, from its report; `tiles` is None if that is not known."""
    return {**{key: report[key] for key in ("order_id", "output_uri", "collection_uri")}, "tiles": tiles}


def tell_outlets(outlets: Iterable[Any], orders: list[dict[str, Any]], context: Context) -> None:
    """Let the events of a task's outlets tell of orders: one order as it is, several as `{"orders": […]}`.

    An alias among the outlets gets an event for each order, of the asset of where that order was delivered to. Without
    an order the task is skipped: by its success, Airflow would tell the outlets of a delivery that there was none of.
    """
    outlets = list(outlets)
    if outlets and not orders:
        raise AirflowSkipException("There are no orders to tell the outlets of.")
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
                events[outlet].add(Asset(uri=order["output_uri"]), extra=order)
