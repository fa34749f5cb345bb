"""Names of Airflow that only tests use, at their locations in Airflow 2.11 and 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_ard.version_compat import import_first

__all__ = ["DAG", "TaskDeferred", "TaskGroup", "task_group"]

if TYPE_CHECKING:
    from airflow.sdk import DAG, TaskGroup, task_group
    from airflow.sdk.exceptions import TaskDeferred
else:
    DAG = import_first("airflow.sdk:DAG", "airflow.models.dag:DAG")
    TaskDeferred = import_first("airflow.sdk.exceptions:TaskDeferred", "airflow.exceptions:TaskDeferred")
    TaskGroup = import_first("airflow.sdk:TaskGroup", "airflow.utils.task_group:TaskGroup")
    task_group = import_first("airflow.sdk:task_group", "airflow.decorators:task_group")
