"""Run the example DAG with `dag.test()`: `python dag_test_run.py DAGS_FOLDER PARAMS`.

The last line of output is JSON with the run's state. It runs in a separate process because Airflow reads its settings on
import.
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
