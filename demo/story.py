"""Follow a run of the example DAG, and tell of it as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from demo.standalone import StandaloneAirflow

DAG_ID = "ard_order_to_tiles"
LOG_LINES = 30


class Story:
    """One run of the example DAG, started when this is made; call `is_over` again and again.

    `failures` has a text with the end of the log for each task that has failed.
    """

    def __init__(self, airflow: StandaloneAirflow, say: Callable[[str], None], params: Mapping[str, Any]) -> None:
        self._airflow = airflow
        self._say = say
        self._told: set[tuple[str, int]] = set()
        self._seen_deferred = False
        self.failures: list[str] = []
        self.run_id = airflow.api.trigger(DAG_ID, params)
        say(f"DAG {DAG_ID} triggered, run {self.run_id}")

    def is_over(self) -> bool:
        """Tell what is new; True when the run has ended."""
        state = self._airflow.api.run_state(DAG_ID, self.run_id)
        tasks = self._airflow.api.tasks(DAG_ID, self.run_id)
        for task in sorted(tasks, key=lambda one: one["end_date"] or "~"):
            self._tell(task, tasks)
        return state in {"success", "failed"}

    def _tell(self, task: dict[str, Any], tasks: list[dict[str, Any]]) -> None:
        key = (task["task_id"], task["map_index"])
        if key in self._told:
            return
        if task["state"] == "deferred" and not self._seen_deferred:
            self._tell_deferred(task)
        elif task["state"] == "success":
            self._tell_success(task, tasks)
            # Not before: an answer that is late ends the telling, and the next call begins it anew.
            self._told.add(key)
        elif task["state"] == "failed":
            log = self._airflow.api.task_log(DAG_ID, self.run_id, task).splitlines()[-LOG_LINES:]
            self.failures.append("\n".join([f"task {task['task_id']} has failed. The end of its log:", *log]))
            self._told.add(key)

    def _tell_deferred(self, task: dict[str, Any]) -> None:
        # Nothing else of this run can be running now, so any task process would be the sensor's own; the one that
        # has just deferred may take a moment to end.
        if not self._airflow.running_tasks():
            self._seen_deferred = True
            self._say(f"waiting: task {task['task_id']} is deferred, and no worker process runs a task")

    def _tell_success(self, task: dict[str, Any], tasks: list[dict[str, Any]]) -> None:
        task_id = task["task_id"]
        if task_id == "order":
            usage = self._xcom("order", "usage") or {}
            self._say(f"order {self._xcom('order')} placed: {describe_usage(usage)}")
        elif task_id == "wait":
            report = self._xcom("wait")
            self._say(f"delivered: order {report['order_id']} {report['status']}, {report['output_uri']}")
        elif task_id == "list_tiles":
            self._say(f"{len(self._xcom('list_tiles'))} tiles to ingest")
        elif task_id == "ingest":
            siblings = [one for one in tasks if one["task_id"] == "ingest"]
            done = 1 + sum(("ingest", one["map_index"]) in self._told for one in siblings)
            tile = self._xcom("list_tiles")[task["map_index"]]
            self._say(f"ingested {done} of {len(siblings)}: {tile['acquisition_id']} {tile['cell_id']} {tile['date']}")
        else:
            self._say(f"{task_id} written: {self._xcom(task_id)}")

    def _xcom(self, task_id: str, key: str = "return_value") -> Any:
        return self._airflow.api.xcom(DAG_ID, self.run_id, task_id, key=key)


def describe_usage(usage: Mapping[str, Any]) -> str:
    """Say an order's area and cost, as far as they are known."""
    area = (usage.get("area") or {}).get("total_imagery_sqkm")
    cost = (usage.get("cost") or {}).get("total_imagery_cost")
    return ", ".join(
        [
            "area not known" if area is None else f"{area:,.1f} km²",
            "not priced" if cost is None else f"cost {cost:,.2f}",
        ]
    )
