"""A user's DAG for type checkers: `make typing` checks it with mypy and pyright in strict mode. It is never run.

An unneeded `type: ignore` is an error, so each one proves that the mistake on its line is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, assert_type

from airflow.sdk import Asset, AssetWatcher, Context

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.assets import delivered_orders, delivery_asset
from airflow_provider_ard.exceptions import ArdOrderFailed, ArdRequestError
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.operators.approval import ArdApproveOrderOperator
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger, new_acquisitions

order = ArdOrderOperator(
    task_id="order",
    acquisitions=["10300100B2B49700"],
    bbox=[-105.10, 40.13, -105.03, 40.19],
    destination="s3://my-bucket/imagery",
    settings={"water_mask": False},
    metadata={"project": "rivers"},
    max_cost=500,
    retries=2,
    retry_delay=timedelta(minutes=5),
)
ArdApproveOrderOperator(
    task_id="approve",
    acquisitions=["10300100B2B49700"],
    destination="s3://my-bucket/imagery",
    response_timeout=timedelta(days=3),
    defaults="Reject",
)
ArdOrderOperator(
    task_id="order_and_wait",
    acquisitions=["10300100B2B49700"],
    destination="s3://my-bucket/imagery",
    wait_for_completion=True,
    deferrable=False,
    poke_interval=timedelta(minutes=5),
    timeout=3600,
    storage_conn_id="aws_default",
)
delivered = delivery_asset("s3://my-bucket/imagery", group="imagery")
wait = ArdOrderSensor(
    task_id="wait",
    order_id="{{ ti.xcom_pull(task_ids='order') }}",
    timeout=timedelta(days=4),
    storage_conn_id="aws_default",
    outlets=[delivered],
)
tiles = ArdListTilesOperator(task_id="tiles", order_id="1", storage_conn_id="aws_default")
select = ArdSelectOperator(
    task_id="select",
    bbox=[-105.10, 40.13, -105.03, 40.19],
    datetime="{{ data_interval_start }}/{{ data_interval_end }}",
    query={"eo:cloud_cover": {"lte": 20}},
    stack_depth=100,
    skip_if_empty=True,
)
watcher = AssetWatcher(
    name="area",
    trigger=ArdNewImageryTrigger(bbox=[-105.10, 40.13, -105.03, 40.19], poke_interval=timedelta(minutes=30)),
)
imagery = Asset("new-imagery", watchers=[watcher])

ArdOrderOperator(task_id="wrong", acquisitions="10300100B2B49700", max_cost=[500])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ArdOrderOperator(task_id="wrong", bba="a", destination=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ArdOrderOperator("wrong")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ArdSelectOperator(task_id="wrong", bbox=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ArdNewImageryTrigger(bbox="everywhere", lookback="a month")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
delivery_asset(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ArdOrderSensor(task_id="wrong")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def read_order(order_id: str) -> str:
    """Use the hook in task code."""
    hook = ArdHook("ard_default")
    assert_type(hook.get_conn(), ArdClient)
    try:
        status = hook.get_order(order_id)
    except ArdRequestError as error:
        assert_type(error.argument, str | None)
        raise
    except ArdOrderFailed as error:
        return error.message
    assert_type(status, OrderStatus)
    return status.id


def delivered_order_ids(context: Context) -> list[str]:
    """Read the events of a delivery in task code."""
    assert_type(delivered_orders(context), list[dict[str, Any]])
    return [str(order["order_id"]) for order in delivered_orders(context)]


def new(triggering_asset_events: Mapping[Any, list[Any]], inlet_events: Any) -> list[Any]:
    """Read the events of a watcher in task code."""
    return new_acquisitions(triggering_asset_events, inlet_events)


def is_provider_error(error: Exception) -> bool:
    """Check the base class of all errors."""
    return isinstance(error, ArdError)


def arguments() -> dict[str, Any]:
    """Return arguments as an untyped dictionary."""
    return {"task_id": "made", "acquisitions": {"10300100B2B49700": ["Z13-031133320203"]}}


ArdOrderOperator(**arguments())
