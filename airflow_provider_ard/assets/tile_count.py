"""The number of tiles of a delivered order, for its asset event."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.assets.delivery import delivery_event
from airflow_provider_ard.hooks.storage import AirflowObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_ard.hooks.ard import ArdHook

log = logging.getLogger(__name__)


def delivery_events(
    hook: ArdHook, reports: Iterable[Mapping[str, Any]], storage_conn_id: str | None
) -> list[dict[str, Any]]:
    """Return the extras of the asset events of orders, with their numbers of tiles."""
    return [delivery_event(report, count_tiles(hook, report, storage_conn_id)) for report in reports]


def count_tiles(hook: ArdHook, report: Mapping[str, Any], storage_conn_id: str | None) -> int | None:
    """Return the number of an order's tiles, from the storage or its request; None if neither provides it."""
    # Loads geometry, which a DAG file must not.
    from airflow_provider_ard.api.delivery.scope import OrderScope
    from airflow_provider_ard.api.delivery.stac import find_items

    try:
        scope = OrderScope(hook.get_order(report["order_id"]).order)
        if storage_conn_id is None:
            return scope.tile_count
        store = AirflowObjectStore(storage_conn_id)
        return len(find_items(report["collection_uri"], store, in_scope=scope.contains))
    except Exception as error:  # noqa: BLE001 -- the wait for a delivered order must not fail for a number
        log.warning("Order %s: counting its tiles failed: %s", report["order_id"], error)
        return None
