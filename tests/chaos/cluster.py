"""Run the components of Airflow and the sandbox as separate processes that are restarted when they are killed."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
from typing import TYPE_CHECKING

import psutil

from airflow_provider_ard.sandbox import Sandbox
from demo.standalone import StandaloneAirflow
from tests.chaos.processes import busy_workers, kill, task_processes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

AIRFLOW = [sys.executable, "-m", "airflow"]
COMPONENTS = {
    # A log server would bind a port that an orphaned process may still hold.
    "scheduler": [*AIRFLOW, "scheduler", "--skip-serve-logs"],
    "dag-processor": [*AIRFLOW, "dag-processor"],
    "api-server": [*AIRFLOW, "api-server"],
    "triggerer-1": [*AIRFLOW, "triggerer", "--skip-serve-logs"],
    "triggerer-2": [*AIRFLOW, "triggerer", "--skip-serve-logs"],
}
# Detects dead processes in seconds instead of minutes.
ENVIRONMENT = {
    # Tasks mostly wait for the sandbox, so more of them than cores can run.
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "12",
    "AIRFLOW__WORKERS__SOCKET_CLEANUP_TIMEOUT": "5",
}
# Relative frequency of kills. Components that restart slowly are killed less often, so that tasks make progress.
WEIGHTS = {
    "task": 5,
    "worker": 3,
    "triggerer-1": 2,
    "triggerer-2": 2,
    "sandbox": 3,
    "scheduler": 1,
    "scheduler and all workers": 1,
    "api-server": 1,
    "dag-processor": 0.5,
}


class Cluster:
    """Context manager that runs all Airflow components and the sandbox; `airflow` gives access to the API.

    `sandbox_options` are passed to the sandbox's command line. The SQLite file `state` holds its orders afterwards.
    `without` names components that are not started.
    """

    def __init__(
        self, folder: Path, dags: Path, sandbox_options: Sequence[str], *, without: Sequence[str] = ()
    ) -> None:
        self._folder = folder
        self.state = folder / "sandbox.sqlite"
        with Sandbox(state=self.state) as ard:
            connection, self.sandbox_url = ard.connection_json, ard.url
        port = self.sandbox_url.rpartition(":")[2]
        sandbox = [sys.executable, "-m", "airflow_provider_ard.sandbox", "--port", port, "--state", str(self.state)]
        plan = folder / "plan.json"
        always = COMPONENTS | {"sandbox": [*sandbox, *sandbox_options]}
        for name in without:
            del always[name]
        plan.write_text(json.dumps({"first": [[*AIRFLOW, "db", "migrate"]], "always": always}))
        env = ENVIRONMENT | {
            "AIRFLOW_CONN_ARD_DEFAULT": connection,
            # All components must accept each other's tokens, also after a restart.
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(32),
        }
        self.airflow = StandaloneAirflow(
            folder / "airflow", dags, env=env, start_within=300, command=("-m", "tests.chaos.components", str(plan))
        )

    def __enter__(self) -> Cluster:
        self.airflow.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.airflow.stop()

    def kill_one(self, random: Random) -> str | None:
        """SIGKILL a random process and return its kind, None if no such process exists now."""
        target = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if target == "task":
            victims = task_processes(self.airflow)
        elif target == "worker":
            victims = busy_workers(self.airflow)
        elif target == "scheduler and all workers":
            victims = self._component("scheduler", with_children=True)
            return target if kill(victims) else None
        else:
            victims = self._component(target)
        return target if victims and kill([random.choice(victims)]) else None

    def kill_triggerer(self) -> bool:
        """SIGKILL the first triggerer and the child process that runs its triggers."""
        return bool(kill(self._component("triggerer-1", with_children=True)))

    def log_tails(self, lines: int = 15) -> str:
        """Return the last lines of each component's output."""
        tails = []
        for file in sorted(self._folder.glob("*.log")):
            tail = file.read_text(errors="replace").splitlines()[-lines:]
            tails.append("\n".join([f"--- {file.name}", *tail]))
        return "\n".join(tails)

    def _component(self, name: str, *, with_children: bool = False) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(int((self._folder / f"{name}.pid").read_text()))
            return [process, *(process.children(recursive=True) if with_children else ())]
        return []
