"""Fixtures that run commands in this process against a sandbox with three orders."""

from __future__ import annotations

import io

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.cli import output
from airflow_provider_ard.cli.__main__ import main


@pytest.fixture
def run(ard_connection, monkeypatch, capsys, retry_pauses):
    """Return a function that runs a command and returns exit code, standard output and standard error."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")

    def run(*arguments):
        code, stdout = 0, io.StringIO()
        # Not `sys.stdout`, to which Airflow 2 logs: `output.stdout` separates the two.
        monkeypatch.setattr(output, "stdout", lambda: stdout)
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
        return code, stdout.getvalue(), capsys.readouterr().err

    return run


@pytest.fixture
def orders(ard, client):
    """Place three orders of two DAGs, oldest first; the second has failed, the third has succeeded."""

    def place_order(number, **metadata):
        request = OrderRequest.of(
            acquisitions=ard.acquisitions[number], destination=f"s3://bkt/p{number}", metadata=metadata
        )
        return client.submit_order(request).id

    ids = [
        place_order(0, airflow_dag_id="first", campaign="spring"),
        place_order(1, airflow_dag_id="second", campaign="spring", airflow_task_id="order"),
        place_order(2, airflow_dag_id="second", campaign=["summer", "autumn"]),
    ]
    ard.set_order_status(ids[1], "FAILED", "no imagery")
    ard.set_order_status(ids[2], "SUCCEEDED", None)
    return ids
