"""Find and kill the processes of Airflow's tasks.

LocalExecutor runs a task in two processes: a worker, which speaks to the API server, and below it the task itself.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from demo.standalone import UUID

if TYPE_CHECKING:
    from demo.standalone import StandaloneAirflow


def task_processes(airflow: StandaloneAirflow) -> list[psutil.Process]:
    """Return the processes in which tasks run, without their workers."""
    found = []
    for process in airflow.processes():
        with contextlib.suppress(psutil.Error):
            title = " ".join(process.cmdline())
            if title.startswith("airflow worker -- ") and UUID.search(title) and "LocalExecutor" not in title:
                found.append(process)
    return found


def busy_workers(airflow: StandaloneAirflow) -> list[psutil.Process]:
    """Return the workers that have a running task.

    An idle one must be let live: it holds the lock of LocalExecutor's queue, which would never run a task again.
    """
    found = []
    for process in task_processes(airflow):
        with contextlib.suppress(psutil.Error):
            parent = process.parent()
            # A task may have outlived its worker.
            if parent and "LocalExecutor" in " ".join(parent.cmdline()):
                found.append(parent)
    return found


def kill(processes: list[psutil.Process]) -> list[psutil.Process]:
    """SIGKILL processes; return those that were still there."""
    killed = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            killed.append(process)
    return killed
