"""Requests whose responses repeat the login or the order."""

from __future__ import annotations

import os

from airflow.sdk import DAG

from airflow_provider_ard.operators.order import ArdOrderOperator

CELL = {"1040010060C9AD00": ["Z13-031131111333"]}
SAS = os.environ["TEST_SAS_ECHOED"]

with DAG("echoed", schedule=None, default_args={"retries": 0}):
    for connection in ("ard_token", "ard_password", "ard_client", "ard_refresh"):
        ArdOrderOperator(
            task_id=connection,
            acquisitions=CELL,
            output_config={"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": SAS}},
            ard_conn_id=connection,
        )
