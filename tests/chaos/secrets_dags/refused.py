"""Secrets that Airflow stores before they can be masked: these DAG files raise `ArdRequestError`."""

from __future__ import annotations

import os

from airflow.sdk import DAG, task_group

from airflow_provider_ard.operators.order import ArdOrderOperator

CONFIG = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": os.environ["TEST_SAS_REFUSED"]}}
CELL = {"1040010060C9AD00": ["Z13-031131111333"]}

if "default_args" in __file__:
    with DAG("default_args", schedule=None, default_args={"output_config": CONFIG}):
        ArdOrderOperator(task_id="order", acquisitions=CELL)
else:
    with DAG("task_group", schedule=None):

        @task_group
        def orders(config):
            ArdOrderOperator(task_id="order", acquisitions=CELL, output_config=config)

        orders.expand(config=[CONFIG])
