"""Cluster policy that makes unchanged example DAGs poll and retry quickly."""

from datetime import timedelta
from typing import Any


def task_policy(task: Any) -> None:
    """Let sensors poll every second, and retry quickly after a busy machine has killed a try."""
    task.retry_delay = timedelta(seconds=1)
    if task.task_type in {"ArdOrderSensor", "ArdOrderOperator"}:
        task.poke_interval = 1.0


def dag_policy(dag: Any) -> None:
    """Let asset watchers poll every second, and deadlines expire after one, with a callback that writes a file."""
    for asset in getattr(getattr(dag.timetable, "asset_condition", None), "objects", ()):
        for watcher in getattr(asset, "watchers", ()):
            watcher.trigger.poke_interval = 1.0
    for alert in getattr(dag, "deadline", None) or ():
        alert.interval = timedelta(seconds=1)
        alert.callback = type(alert.callback)("late_runs.record")
