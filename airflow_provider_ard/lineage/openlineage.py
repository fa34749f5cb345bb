"""OpenLineage facets of orders. Loaded only by the OpenLineage listener, in the process that ran the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.openlineage.facet import Dataset, RunFacet
from airflow.providers.openlineage.extractors import OperatorLineage
from attr import define

from airflow_provider_ard import __version__
from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.api.orders.status_reader import StatusReader
from airflow_provider_ard.hooks.ard import ArdHook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_ard.api.client import ArdClient

RUN_FACET = "ard_orders"


@define
class ArdOrdersRunFacet(RunFacet):
    """The orders of a run, each `{"order_id", "status", "area_sqkm", "cost"}`: km², the account's currency."""

    orders: list[dict[str, Any]]
    provider_version: str = __version__


def lineage_of_order(ard_conn_id: str, order_ids: Sequence[str]) -> OperatorLineage[Any, Any]:
    """Return the lineage of placing orders or waiting for them: acquisitions in, destinations out."""
    client, orders = _request_orders(ard_conn_id, order_ids)
    acquisitions = dict.fromkeys(name for order in orders for name in order.acquisition_ids)
    return OperatorLineage(
        inputs=[Dataset(namespace=f"ard://{urlsplit(client.base_url).netloc}", name=name) for name in acquisitions],
        outputs=_output_datasets(orders),
        run_facets=_facets(orders),
    )


def lineage_of_delivery(ard_conn_id: str, order_ids: Sequence[str]) -> OperatorLineage[Any, Any]:
    """Return the lineage of reading deliveries: destinations in."""
    _, orders = _request_orders(ard_conn_id, order_ids)
    return OperatorLineage(inputs=_output_datasets(orders), run_facets=_facets(orders))


def _request_orders(ard_conn_id: str, order_ids: Sequence[str]) -> tuple[ArdClient, list[OrderStatus]]:
    # One attempt: lineage must not delay a task.
    client = ArdHook(ard_conn_id, max_attempts=1).get_conn()
    statuses: dict[str, object] = {}
    poll = StatusReader(client, full_details=True).start_poll(set(order_ids))
    while not poll.is_finished:
        statuses |= poll.request_next()
    if poll.outage:
        raise poll.outage
    return client, [order for order_id in order_ids if isinstance(order := statuses.get(order_id), OrderStatus)]


def _output_datasets(orders: Sequence[OrderStatus]) -> list[Dataset]:
    return [_dataset(uri) for uri in dict.fromkeys(order.report()["output_uri"] for order in orders) if uri]


def _dataset(uri: str) -> Dataset:
    """Return a destination by OpenLineage's naming rules.

    An order's status does not contain the storage account of an Azure container, so its namespace does not either.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    return Dataset(namespace=f"{'wasbs' if scheme == 'az' else scheme}://{bucket}", name=prefix or "/")


def _facets(orders: Sequence[OrderStatus]) -> dict[str, RunFacet]:
    order_details = [
        {
            "order_id": order.id,
            "status": order.status,
            "area_sqkm": order.usage.area_sqkm if order.usage else None,
            "cost": order.usage.total_cost if order.usage else None,
        }
        for order in orders
    ]
    return {RUN_FACET: ArdOrdersRunFacet(orders=order_details)} if order_details else {}
