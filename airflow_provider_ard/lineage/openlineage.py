"""What OpenLineage is told of orders. Loaded by its listener only, in the process that has run the task."""

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
    """Return the lineage of whoever places orders or waits for them: acquisitions in, the delivered places out."""
    client, orders = _look_up(ard_conn_id, order_ids)
    acquisitions = dict.fromkeys(name for order in orders for name in order.acquisition_ids)
    return OperatorLineage(
        inputs=[Dataset(namespace=f"ard://{urlsplit(client.base).netloc}", name=name) for name in acquisitions],
        outputs=_places(orders),
        run_facets=_facets(orders),
    )


def lineage_of_delivery(ard_conn_id: str, order_ids: Sequence[str]) -> OperatorLineage[Any, Any]:
    """Return the lineage of whoever reads what orders delivered."""
    _, orders = _look_up(ard_conn_id, order_ids)
    return OperatorLineage(inputs=_places(orders), run_facets=_facets(orders))


def _look_up(ard_conn_id: str, order_ids: Sequence[str]) -> tuple[ArdClient, list[OrderStatus]]:
    # One attempt: lineage is worth no wait.
    client = ArdHook(ard_conn_id, max_attempts=1).get_conn()
    found: dict[str, object] = {}
    poll = StatusReader(client, full_details=True).start_poll(set(order_ids))
    while not poll.is_finished:
        found |= poll.request_next().updates
    if poll.outage:
        raise poll.outage
    return client, [order for one in order_ids if isinstance(order := found.get(one), OrderStatus)]


def _places(orders: Sequence[OrderStatus]) -> list[Dataset]:
    return [_place(uri) for uri in dict.fromkeys(order.report()["output_uri"] for order in orders) if uri]


def _place(uri: str) -> Dataset:
    """Return a delivered place by OpenLineage's rules of naming.

    An order's status does not tell the storage account of an Azure container, so its namespace goes without.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    return Dataset(namespace=f"{'wasbs' if scheme == 'az' else scheme}://{bucket}", name=prefix or "/")


def _facets(orders: Sequence[OrderStatus]) -> dict[str, RunFacet]:
    told = [
        {
            "order_id": order.id,
            "status": order.status,
            "area_sqkm": order.usage.area_sqkm if order.usage else None,
            "cost": order.usage.total_cost if order.usage else None,
        }
        for order in orders
    ]
    return {RUN_FACET: ArdOrdersRunFacet(orders=told)} if told else {}
