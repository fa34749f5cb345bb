"""OpenLineage events of a DAG run, emitted to a file by the OpenLineage provider."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from airflow_provider_ard.sandbox import Sandbox
from demo.standalone import clean_environment

DAG = """
from airflow.sdk import DAG
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

with DAG("lineage"):
    order = ArdOrderOperator(task_id="order", acquisitions={acquisitions!r}, destination="s3://bkt/a/b")
    ArdOrderSensor(task_id="wait", order_id=order.output, deferrable=False, poke_interval=1)
"""
RUN = """
import sys
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb
initdb()
run = DagBag(sys.argv[1]).dags["lineage"].test()
assert run.state == "success", run.state
"""


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    """Run a DAG; return the sandbox's URL, its order, the acquisitions and all events."""
    pytest.importorskip("airflow.sdk", reason="Airflow 2.11 has no airflow.sdk, which the DAG imports")
    home = tmp_path_factory.mktemp("lineage")
    events, dags = home / "events.jsonl", home / "dags"
    with Sandbox(order_duration="0.2s") as ard:
        acquisitions = ard.acquisitions[:2]
        dags.mkdir()
        (dags / "lineage.py").write_text(DAG.format(acquisitions=acquisitions))
        env = clean_environment() | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "AIRFLOW__OPENLINEAGE__NAMESPACE": "test",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(events), "append": True}
            ),
        }
        process = subprocess.run(
            [sys.executable, "-c", RUN, str(dags)], env=env, capture_output=True, text=True, timeout=240, check=False
        )
        assert process.returncode == 0, (process.stdout + process.stderr)[-6000:]
        order = ard.orders[0]
        return ard.url, order, acquisitions, [json.loads(line) for line in events.read_text().splitlines()]


@pytest.mark.parametrize("task", ["order", "wait"])
def test_inputs_are_acquisitions_and_output_is_the_destination(emitted, task):
    url, order, acquisitions, events = emitted
    (event,) = [e for e in events if e["eventType"] == "COMPLETE" and e["job"]["name"] == f"lineage.{task}"]
    host = url.partition("://")[2]
    assert [(dataset["namespace"], dataset["name"]) for dataset in event["inputs"]] == [
        (f"ard://{host}", a) for a in acquisitions
    ]
    assert [(dataset["namespace"], dataset["name"]) for dataset in event["outputs"]] == [("s3://bkt", "a/b")]
    (facet,) = event["run"]["facets"]["ard_orders"]["orders"]
    assert facet["order_id"] == order.id
    assert facet["cost"] == order.usage["cost"]["total_imagery_cost"]
    assert facet["area_sqkm"] == order.usage["area"]["total_imagery_sqkm"]


def test_events_do_not_contain_the_password(emitted):
    assert "sandbox-password" not in json.dumps(emitted[-1])
