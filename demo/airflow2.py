"""Differences of Airflow 2: a webserver instead of an API server, REST v1, one task at a time on SQLite."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import requests

from demo.rest import TIMEOUT_S, AirflowApi

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PASSWORD_FILE = "standalone_admin_password.txt"  # noqa: S105 -- the name of a file


def is_airflow_2() -> bool:
    """Return whether Airflow 2 is installed."""
    return version("apache-airflow").startswith("2.")


def environment(port: int) -> dict[str, str]:
    """Return the settings of Airflow 2 for a standalone whose webserver listens on this port of 127.0.0.1."""
    return {
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
        # The only executor that works with SQLite.
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW__WEBSERVER__BASE_URL": f"http://127.0.0.1:{port}",
        # Signs the requests for logs that one component sends to another.
        "AIRFLOW__WEBSERVER__SECRET_KEY": "secret-key-of-the-demo",
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
        "AIRFLOW__WEBSERVER__WORKERS": "1",
        # On a busy machine the webserver would shut down after the default timeouts.
        "AIRFLOW__WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": "300",
        "AIRFLOW__WEBSERVER__WEB_SERVER_WORKER_TIMEOUT": "300",
    }


def password(home: Path) -> str:
    """Return the password that `airflow standalone` has generated for its user."""
    return (home / PASSWORD_FILE).read_text().strip()


def running_task(title: str) -> str | None:
    """Return the task instance that a process title contains, None for a process that runs no task."""
    for mark in ("airflow task runner: ", "airflow tasks run "):
        if mark in title:
            return " ".join(title.partition(mark)[2].split()[:3])
    return None


class Airflow2Api(AirflowApi):
    """`AirflowApi` for REST v1."""

    prefix = "/api/v1"

    def log_in(self, user: str, password: str) -> None:
        """Send this user's name and password with all later requests."""
        self._session.auth = (user, password)

    def is_healthy(self) -> bool:
        """Return whether every component is healthy; the scheduler parses the DAG files itself."""
        try:
            health = self.get("/health")
        except requests.RequestException:
            return False
        parts = ("metadatabase", "scheduler", "triggerer")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Trigger a run with `conf`, which overrides params, and return its run ID."""
        return str(self.post(f"/dags/{dag_id}/dagRuns", {"conf": dict(conf or {})})["dag_run_id"])

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task has pushed under a key."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(path, map_index=map_index, stringify="false")["value"]

    def task_log(self, dag_id: str, run_id: str, task: Mapping[str, Any]) -> str:
        """Return the log of a task instance's current try."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        response = self._session.get(
            f"{self.url}{self.prefix}{path}",
            params={"map_index": task["map_index"], "full_content": "true"},
            headers={"Accept": "text/plain"},
            timeout=TIMEOUT_S,
        )
        response.raise_for_status()
        return response.text
