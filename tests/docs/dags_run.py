"""Load the DAGs of a folder and run those without a schedule: `python dags_run.py FOLDER`.

The last line of the output is the result as JSON. Runs as a separate process because Airflow reads its settings on import.
"""

import json
import sys

from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb

if __name__ == "__main__":
    initdb()
    bag = DagBag(sys.argv[1])
    states = {dag.dag_id: dag.test().state for dag in bag.dags.values() if dag.schedule is None}
    outcome = {"import_errors": bag.import_errors, "dags": sorted(bag.dags), "states": states}
    sys.stdout.write(json.dumps(outcome) + "\n")
