"""Run the example DAG by `dag.test()`: ``python dag_test_run.py DAGS_FOLDER PARAMS``; the last line is its outcome.

A process of its own, since Airflow reads its settings when it is first imported.
"""

import json
import sys

from airflow.utils.db import initdb

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # before Airflow 3.2
    from airflow.models.dagbag import DagBag

if __name__ == "__main__":
    initdb()
    bag = DagBag(sys.argv[1])
    run = bag.dags["ard_order_to_tiles"].test(run_conf=json.loads(sys.argv[2]))
    sys.stdout.write(json.dumps({"state": run.state, "import_errors": bag.import_errors}) + "\n")
