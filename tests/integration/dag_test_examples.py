"""Run DAGs in sequence with `dag.test()`: `python dag_test_examples.py DAGS_FOLDER '{"dag_id": {conf of the run}}'`.

The last line of output is JSON with each run's state, its task states by ID and map index, and the return value of a task
`report`. It runs in a separate process because Airflow reads its settings on import, and once for all DAGs because that
import is slow.
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
    """Run a DAG and return the states of the run and its tasks."""
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
