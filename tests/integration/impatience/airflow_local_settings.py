"""A policy of the whole Airflow, as an administrator sets one: examples hurry, unchanged as they are."""

from datetime import timedelta
from typing import Any


def task_policy(task: Any) -> None:
    """Let sensors look once a second, and a try that a busy machine has killed be followed by another at once."""
    task.retry_delay = timedelta(seconds=1)
    if task.task_type == "ArdOrderSensor":
        task.poke_interval = 1.0


def dag_policy(dag: Any) -> None:
    """Let watchers look once a second."""
    for asset in getattr(getattr(dag.timetable, "asset_condition", None), "objects", ()):
        for watcher in getattr(asset, "watchers", ()):
            watcher.trigger.poke_interval = 1.0
