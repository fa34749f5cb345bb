from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip(
    "airflow.providers.openlineage.extractors",
    reason="the OpenLineage provider does not support this Airflow version",
    exc_type=ImportError,
)

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.lineage.openlineage import _dataset, lineage_of_delivery, lineage_of_order
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        ("s3://bkt/a/b", "s3://bkt", "a/b"),
        ("gs://bkt/a", "gs://bkt", "a"),
        ("az://box/a", "wasbs://box", "a"),
        ("s3://bkt", "s3://bkt", "/"),
    ],
)
def test_dataset_names_follow_openlineage(uri, namespace, name):
    assert (_dataset(uri).namespace, _dataset(uri).name) == (namespace, name)


@pytest.fixture
def orders(ard, client):
    return [
        client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[:n], destination="s3://bkt/p")).id
        for n in (1, 2)
    ]


def test_datasets_of_several_orders_are_deduplicated(ard, ard_connection, orders):
    datasets = lineage_of_order(ard_connection, orders)
    assert [dataset.name for dataset in datasets.inputs] == ard.acquisitions[:2]
    assert [dataset.namespace for dataset in datasets.outputs] == ["s3://bkt"]
    assert [order["order_id"] for order in datasets.run_facets["ard_orders"].orders] == orders


def test_tile_listing_reads_the_delivery(ard_connection, orders):
    datasets = ArdListTilesOperator(task_id="t", order_id=orders[0]).get_openlineage_facets_on_complete(None)
    assert [(dataset.namespace, dataset.name) for dataset in datasets.inputs] == [("s3://bkt", "p")]
    assert datasets.outputs == []
    assert datasets == lineage_of_delivery(ard_connection, orders[:1])


def test_dry_run_has_no_lineage(ard, ard_connection, context):
    task = ArdOrderOperator(task_id="t", acquisitions=ard.acquisitions[0], destination="s3://bkt/p", dry_run=True)
    task.execute(context)
    datasets = task.get_openlineage_facets_on_complete(None)
    assert (datasets.inputs, datasets.outputs, datasets.run_facets) == ([], [], {})


def test_operators_do_not_import_openlineage():
    script = """
import sys
from airflow_provider_ard.version_compat import BaseHook, BaseOperator, BaseSensorOperator
before = set(sys.modules)
import airflow_provider_ard.operators.order, airflow_provider_ard.operators.tiles, airflow_provider_ard.sensors.order
print(*sorted(set(sys.modules) - before))
"""
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    loaded = process.stdout.splitlines()[-1].split()
    assert "airflow_provider_ard.sensors.order" in loaded
    assert [name for name in loaded if "openlineage" in name or name.endswith(".lineage")] == []
