"""Mapped orders, each waited for and listed: one DAG whose waits are deferred, and one whose waits are rescheduled."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task, task_group

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

# One cell each, of the sandbox's catalog.
ACQUISITIONS = [
    {"1040010060C9AD00": ["Z13-031131111312"]},
    {"10400100E82CCE00": ["Z13-031131111303"]},
    {"10300100807F4800": ["Z13-031131111312"]},
    {"1040010046499B00": ["Z19-302022020230"]},
]
WAITS = {
    "cluster_deferred": {"poke_interval": 2},
    "cluster_rescheduled": {"poke_interval": 10, "deferrable": False, "mode": "reschedule"},
}


@task
def plan(params):
    """Return what to order, once per mapped task; `name` is the first folder of the destination."""
    return [ACQUISITIONS[number % len(ACQUISITIONS)] for number in range(params["orders"])]


@task_group
def deliver(acquisitions, waiting):
    order = ArdOrderOperator(
        task_id="order", acquisitions=acquisitions, destination="s3://cluster/{{ params.name }}/{{ ti.map_index }}"
    )
    wait = ArdOrderSensor(task_id="wait", order_id=order.output, timeout=timedelta(hours=2), **WAITS[waiting])
    tiles = ArdListTilesOperator(task_id="list_tiles", order_id=order.output, storage_conn_id="aws_default")
    order >> wait >> tiles


for dag_id in WAITS:
    with DAG(
        dag_id,
        schedule=None,
        params={"orders": 4, "name": "run"},
        # Kills and cuts are counted as tries, so there must be enough of them. Waits start before the next order.
        default_args={"retries": 50, "retry_delay": timedelta(seconds=2), "weight_rule": "upstream"},
    ):
        deliver.partial(waiting=dag_id).expand(acquisitions=plan())
