"""Publish a placed order: XComs of its ID, links and usage, and its cost in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdError
from airflow_provider_ard.links.order import push_links

if TYPE_CHECKING:
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus, Usage
    from airflow_provider_ard.hooks.ard import ArdHook

log = logging.getLogger(__name__)


def publish_order(ti: Any, hook: ArdHook, request: OrderRequest, order: OrderStatus) -> None:
    """Push the order's ID, links and usage to XCom, and log its cost."""
    from airflow_provider_ard.api.delivery.layout import root_collection_uri

    ti.xcom_push(key="order_id", value=order.id)
    output_uri = request.destination.uri
    report = {
        "order_id": order.id,
        "output_uri": output_uri,
        "collection_uri": root_collection_uri(output_uri, order.id),
    }
    push_links(ti, hook.ard_conn_id, [report], hook.get_conn().order_url(order.id))
    usage = order.usage or _read_usage(hook, order.id)
    if usage is None:
        return
    ti.xcom_push(key="usage", value=usage.model_dump(mode="json"))
    log.info("Order %s: %s, delivery to %s", order.id, usage, output_uri)
    _warn_if_cells_were_ignored(usage, request, order.id)


def _read_usage(hook: ArdHook, order_id: str) -> Usage | None:
    try:
        return hook.get_order(order_id).usage
    except ArdError as error:
        log.warning("Order %s: reading its usage failed: %s", order_id, error)
        return None


def _warn_if_cells_were_ignored(usage: Usage, request: OrderRequest, order_id: str) -> None:
    from airflow_provider_ard.ordering.budget import check_requested_cells

    try:
        check_requested_cells(usage, request)
    except ArdBudgetExceeded as error:
        log.warning("Order %s was placed, but %s", order_id, error)
