"""The part of Airflow's public REST API that runs and inspects a DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

# Per request; a busy machine with SQLite is slow.
TIMEOUT_S = 20.0


class AirflowApi:
    """A client of Airflow's REST API. Raises `requests.HTTPError` for an error response."""

    prefix = "/api/v2"

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        # Ignore proxies from the environment: both processes run on this machine.
        self._session.trust_env = False

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON response to GET `path`, relative to the API's prefix."""
        response = self._session.get(f"{self.url}{self.prefix}{path}", params=params, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.json()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON response to POST `path`, relative to the API's prefix."""
        response = self._session.post(f"{self.url}{self.prefix}{path}", json=body, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.json()

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON response to PATCH `path`, relative to the API's prefix."""
        response = self._session.patch(f"{self.url}{self.prefix}{path}", json=body, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.json()

    def log_in(self, user: str, password: str) -> None:
        """Log in as this user, and use the token for all later requests."""
        response = self._session.post(
            f"{self.url}/auth/token", json={"username": user, "password": password}, timeout=TIMEOUT_S
        )
        response.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def is_healthy(self) -> bool:
        """Return whether every component is healthy; False also without a response."""
        try:
            health = self.get("/monitor/health")
        except requests.RequestException:
            return False
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def import_errors(self) -> dict[str, str]:
        """Return the traceback of each DAG file that could not be read."""
        return {error["filename"]: error["stack_trace"] for error in self.get("/importErrors")["import_errors"]}

    def has_dag(self, dag_id: str) -> bool:
        """Return whether the DAG has been parsed."""
        response = self._session.get(f"{self.url}{self.prefix}/dags/{dag_id}", timeout=TIMEOUT_S)
        return bool(response.ok)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Trigger a run with `conf`, which overrides params, and return its run ID."""
        run = self.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": dict(conf or {})})
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run: queued, running, success or failed."""
        return str(self.get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run, one per map index, with `id`, `task_id`, `state`, `try_number`."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self.get(path, limit=200)["task_instances"])

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return an unmapped task's instance."""
        return dict(self.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"))

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task has pushed under a key."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        # Without `deserialize`, which would convert an order ID to a number.
        return self.get(path, map_index=map_index)["value"]

    def task_log(self, dag_id: str, run_id: str, task: Mapping[str, Any]) -> str:
        """Return the log of a task instance's current try, one line per event, with shortened tracebacks."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        content = self.get(path, map_index=task["map_index"], full_content="true")["content"]
        return "\n".join(_line(event) for event in content)


def _line(event: str | dict[str, Any]) -> str:
    if isinstance(event, str):
        return event
    line = f"{event.get('level', ''):8}{event.get('event', '')}"
    for error in event.get("error_detail") or ():
        line += f"\n        {error.get('exc_type')}: {error.get('exc_value')}"
    return line
