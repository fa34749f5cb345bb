"""Find and kill the processes of Airflow tasks.

LocalExecutor runs a task in two processes: a worker, which talks to the API server, and its child, the task itself.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from demo.standalone import UUID

if TYPE_CHECKING:
    from demo.standalone import StandaloneAirflow


def task_processes(airflow: StandaloneAirflow) -> list[psutil.Process]:
    """Return the processes of running tasks, without their workers."""
    tasks = []
    for process in airflow.processes():
        with contextlib.suppress(psutil.Error):
            title = " ".join(process.cmdline())
            if title.startswith("airflow worker -- ") and UUID.search(title) and "LocalExecutor" not in title:
                tasks.append(process)
    return tasks


def busy_workers(airflow: StandaloneAirflow) -> list[psutil.Process]:
    """Return the workers that have a running task.

    Idle workers are left out. They hold the lock of LocalExecutor's queue, so killing one would stop all tasks forever.
    """
    workers = []
    for process in task_processes(airflow):
        with contextlib.suppress(psutil.Error):
            parent = process.parent()
            # The task may have outlived its worker.
            if parent and "LocalExecutor" in " ".join(parent.cmdline()):
                workers.append(parent)
    return workers


def kill(processes: list[psutil.Process]) -> list[psutil.Process]:
    """SIGKILL processes and return those that were still running."""
    killed = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            killed.append(process)
    return killed
