"""A task that orders without an AOI loads no geometry, which would take longer than its other imports."""

from __future__ import annotations

import json
import subprocess
import sys

GEOMETRY = {"shapely", "pyproj", "numpy"}
SCRIPT = """
import json, sys
from types import SimpleNamespace
from unittest import mock
from airflow_provider_ard.operators.order import ArdOrderOperator

task = ArdOrderOperator(task_id="o", acquisitions=sys.argv[1], destination="b/p")
ti = mock.Mock(dag_id="d", task_id="o", run_id="r", map_index=-1, try_number=1, max_tries=0)
order_id = task.execute({"ti": ti, "task_instance": ti, "task": SimpleNamespace(retries=0), "run_id": "r"})
print(json.dumps([order_id, list(sys.modules)]))
"""


def test_order_without_aoi_loads_no_geometry(ard, ard_connection):
    command = [sys.executable, "-c", SCRIPT, ard.acquisitions[0]]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == 0, process.stderr
    order_id, modules = json.loads(process.stdout.splitlines()[-1])
    assert order_id
    assert not GEOMETRY & set(modules)


def test_order_takes_one_login_one_search_one_post_and_one_read(ard, ard_connection, context):
    from airflow_provider_ard.operators.order import ArdOrderOperator

    before = len(ard.requests)
    ArdOrderOperator(task_id="o", acquisitions=ard.acquisitions[0], destination="b/p").execute(context)
    assert [request.endpoint for request in ard.requests[before:]] == [
        "POST /auth/authenticate",
        "GET /order",
        "POST /order",
        "GET /order",
    ]
