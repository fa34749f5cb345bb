"""Follow a run of the example DAG and print its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from demo.standalone import StandaloneAirflow

DAG_ID = "ard_order_to_tiles"
LOG_LINES = 30


class RunReporter:
    """A run of the example DAG, triggered by the constructor; call `poll` until it returns True.

    `failures` contains the end of the log of each failed task.
    """

    def __init__(
        self, airflow: StandaloneAirflow, print_line: Callable[[str], None], params: Mapping[str, Any]
    ) -> None:
        self._airflow = airflow
        self._print = print_line
        self._reported: set[tuple[str, int]] = set()
        self._has_deferred = False
        self.failures: list[str] = []
        self.run_id = airflow.api.trigger(DAG_ID, params)
        print_line(f"DAG {DAG_ID} triggered, run {self.run_id}")

    def poll(self) -> bool:
        """Print updates; return whether the run has finished."""
        state = self._airflow.api.run_state(DAG_ID, self.run_id)
        tasks = self._airflow.api.tasks(DAG_ID, self.run_id)
        for task in sorted(tasks, key=lambda task: task["end_date"] or "~"):
            self._report(task, tasks)
        return state in {"success", "failed"}

    def _report(self, task: dict[str, Any], tasks: list[dict[str, Any]]) -> None:
        key = (task["task_id"], task["map_index"])
        if key in self._reported:
            return
        if task["state"] == "deferred" and not self._has_deferred:
            self._report_deferred(task)
        elif task["state"] == "success":
            self._report_success(task, tasks)
            # Last: if a request above fails, the next poll repeats the report.
            self._reported.add(key)
        elif task["state"] == "failed":
            log = self._airflow.api.task_log(DAG_ID, self.run_id, task).splitlines()[-LOG_LINES:]
            self.failures.append("\n".join([f"task {task['task_id']} failed. End of its log:", *log]))
            self._reported.add(key)

    def _report_deferred(self, task: dict[str, Any]) -> None:
        # A remaining task process is that of the sensor, which ends shortly after it has deferred.
        if not self._airflow.running_tasks():
            self._has_deferred = True
            self._print(f"waiting: task {task['task_id']} is deferred, and no worker process runs a task")

    def _report_success(self, task: dict[str, Any], tasks: list[dict[str, Any]]) -> None:
        task_id = task["task_id"]
        if task_id == "order":
            usage = self._xcom("order", "usage") or {}
            self._print(f"order {self._xcom('order')} submitted: {describe_usage(usage)}")
        elif task_id == "wait":
            report = self._xcom("wait")
            self._print(f"delivered: order {report['order_id']} {report['status']}, {report['output_uri']}")
        elif task_id == "list_tiles":
            self._print(f"{len(self._xcom('list_tiles'))} tiles to ingest")
        elif task_id == "ingest":
            ingest_tasks = [other for other in tasks if other["task_id"] == "ingest"]
            done = 1 + sum(("ingest", other["map_index"]) in self._reported for other in ingest_tasks)
            tile = self._xcom("list_tiles")[task["map_index"]]
            name = f"{tile['acquisition_id']} {tile['cell_id']} {tile['date']}"
            self._print(f"ingested {done} of {len(ingest_tasks)}: {name}")
        else:
            self._print(f"{task_id} written: {self._xcom(task_id)}")

    def _xcom(self, task_id: str, key: str = "return_value") -> Any:
        return self._airflow.api.xcom(DAG_ID, self.run_id, task_id, key=key)


def describe_usage(usage: Mapping[str, Any]) -> str:
    """Return an order's area and cost as text."""
    area = (usage.get("area") or {}).get("total_imagery_sqkm")
    cost = (usage.get("cost") or {}).get("total_imagery_cost")
    return ", ".join(
        [
            "area unknown" if area is None else f"{area:,.1f} km²",
            "not priced" if cost is None else f"cost {cost:,.2f}",
        ]
    )
