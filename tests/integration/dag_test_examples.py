"""Run DAGs one after the other by `dag.test()`: ``python dag_test_examples.py DAGS_FOLDER '{"dag_id": {a run's conf}}'``.

The last line tells of each its state, those of its tasks by id and map index, and what a task `report` has returned.
A process of its own, since Airflow reads its settings when it is first imported; one for all, since that takes longest.
"""

import json
import sys
from typing import Any

from airflow.utils.db import initdb

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # before Airflow 3.2
    from airflow.models.dagbag import DagBag


def outcome(dag: Any, conf: dict[str, Any]) -> dict[str, Any]:
    """Run a DAG and return what came of it."""
    run = dag.test(run_conf=conf)
    tasks = run.get_task_instances()
    return {
        "state": run.state,
        "tasks": {f"{ti.task_id}[{ti.map_index}]": ti.state for ti in tasks},
        "report": next((ti.xcom_pull(task_ids="report") for ti in tasks if ti.task_id == "report"), None),
    }


if __name__ == "__main__":
    initdb()
    bag = DagBag(sys.argv[1])
    outcomes = {dag_id: outcome(bag.dags[dag_id], conf) for dag_id, conf in json.loads(sys.argv[2]).items()}
    sys.stdout.write(json.dumps({"import_errors": bag.import_errors, "outcomes": outcomes}) + "\n")
