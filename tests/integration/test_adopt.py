"""`ard orders adopt` with a real metadata database: the cleared task uses the adopted order and places no new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import place_order
from airflow_provider_ard.ordering.submission_store import SUBMISSION_KEY, TaskStateSubmissionStore

pytest.importorskip("airflow.state", reason="Airflow before 3.3 has no task state store")

RUN = """
import sys
from datetime import datetime, timezone
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.utils.db import initdb
from airflow.utils.session import create_session
initdb()
with create_session() as session:
    session.merge(DagBundleModel(name="tests"))
    session.flush()
    session.add(DagModel(dag_id="imagery", bundle_name="tests"))
    session.flush()
    session.add(DagRun(dag_id="imagery", run_id="manual__1", run_type="manual", run_after=datetime.now(timezone.utc)))
"""
READ = """
import sys
from airflow.state import TaskScope, get_state_backend
print("RECORD", get_state_backend().get(TaskScope("imagery", "manual__1", "order"), "ard_order"))
"""


class Store(dict):
    def set(self, key, value, *, retention=None):
        self[key] = value


@pytest.fixture
def airflow(ard, tmp_path):
    env = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
        "_AIRFLOW_PROCESS_CONTEXT": "server",
    }

    def run(*arguments, check=True):
        command = [sys.executable, *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=check)

    run("-c", RUN)
    return run


def adopt(airflow, order_id, run_id="manual__1", **options):
    names = ("--dag-id", "imagery", "--task-id", "order", "--run-id", run_id)
    return airflow("-m", "airflow_provider_ard.cli", "orders", "adopt", order_id, *names, **options)


def test_adopted_order_is_used_without_a_new_one(ard, airflow):
    request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p")
    other = OrderRequest.of(acquisitions=ard.acquisitions[1], destination="s3://bkt/p")
    key = IdempotencyKey("imagery", "order", "manual__1")
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        order_id = client.submit_order(request).id
        place_order(client, request, key)
        assert adopt(airflow, order_id).returncode == 0
        (line,) = [line for line in airflow("-c", READ).stdout.splitlines() if line.startswith("RECORD ")]
        store = Store({SUBMISSION_KEY: json.loads(line.removeprefix("RECORD "))})
        placed = place_order(client, other, key, store=TaskStateSubmissionStore(store))
    assert (placed.order.id, placed.is_new) == (order_id, False)
    assert len(ard.orders) == 2


def test_unknown_order_and_unknown_run_are_errors(ard, airflow):
    assert adopt(airflow, "4711", check=False).returncode == 1
    request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p")
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        order_id = client.submit_order(request).id
    process = adopt(airflow, order_id, run_id="manual__2", check=False)
    assert process.returncode == 2
    assert "Traceback" not in process.stderr
