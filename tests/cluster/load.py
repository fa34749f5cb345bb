"""The runs of the DAGs: start them, follow their tasks in the database, and read what they returned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2

from demo.rest import AirflowApi
from demo.standalone import USER
from tests.cluster.airflow_components import API_URL, hosts
from tests.cluster.services import connect, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.supervisor import Supervisor

DEFERRED, RESCHEDULED = "cluster_deferred", "cluster_rescheduled"
# Mapped tasks of one run; several runs, so that placing, waiting and listing happen at the same time.
ORDERS_PER_RUN = 20
START_LIMIT_S = 300.0
FINAL_STATES = ("success", "failed", "upstream_failed", "skipped", "removed")


@dataclass(frozen=True)
class TaskRow:
    """A task instance in the database."""

    run_id: str
    task_id: str
    map_index: int
    state: str | None
    try_number: int

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


class Load:
    """Runs with `orders` mapped order tasks in total; one wait in five is rescheduled, the others are deferred."""

    def __init__(self, folder: Path, orders: int, executor: str) -> None:
        self.orders = orders
        self._folder = folder
        self._executor = executor

    def start(self, supervisor: Supervisor) -> None:
        """Wait until Airflow is healthy and the DAGs are parsed, and trigger the runs."""
        api = AirflowApi(API_URL)
        wait_until(supervisor, api.is_healthy, "all components of Airflow to be healthy", START_LIMIT_S)
        password_file = (
            self._folder / "homes" / hosts(self._executor)[0] / "simple_auth_manager_passwords.json.generated"
        )
        api.log_in(USER, str(json.loads(password_file.read_text())[USER]))
        for dag_id in (DEFERRED, RESCHEDULED):
            wait_until(supervisor, lambda dag_id=dag_id: api.has_dag(dag_id), f"{dag_id} to be parsed", START_LIMIT_S)
        rescheduled = self.orders // 5
        deferred = self.orders - rescheduled
        counts = [min(ORDERS_PER_RUN, deferred - first) for first in range(0, deferred, ORDERS_PER_RUN)]
        for number, count in enumerate(counts):
            api.trigger(DEFERRED, {"orders": count, "name": f"deferred-{number}"})
        api.trigger(RESCHEDULED, {"orders": rescheduled, "name": "rescheduled"})

    def is_finished(self) -> bool:
        """Return whether all runs have ended; False while the database is down."""
        try:
            rows = self._query("SELECT state FROM dag_run")
        except psycopg2.Error:
            return False
        return all(state in {"success", "failed"} for (state,) in rows)

    def progress(self) -> dict[str, int]:
        """Return the number of task instances per task and state; empty while the database is down."""
        query = "SELECT task_id || ' ' || coalesce(state, 'none'), count(*) FROM task_instance GROUP BY 1 ORDER BY 1"
        try:
            return dict(self._query(query))
        except psycopg2.Error:
            return {}

    def tasks(self) -> list[TaskRow]:
        """Return all task instances."""
        rows = self._query("SELECT run_id, task_id, map_index, state, try_number FROM task_instance ORDER BY 1, 2, 3")
        return [TaskRow(*row) for row in rows]

    def returned(self, task_id: str) -> dict[tuple[str, int], Any]:
        """Return what the instances of a task returned, by run ID and map index."""
        query = "SELECT run_id, map_index, value FROM xcom WHERE key = 'return_value' AND task_id = %s"
        return {(run_id, map_index): value for run_id, map_index, value in self._query(query, task_id)}

    def _query(self, query: str, *arguments: str) -> list[tuple[Any, ...]]:
        connection = connect(self._folder)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, arguments)
                return list(cursor.fetchall())
        finally:
            connection.close()
