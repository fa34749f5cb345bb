"""A process that only polls, such as the triggerer, loads no geometry, and imports the rest off the event loop."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

GEOMETRY = {"shapely", "pyproj", "numpy", "airflow_provider_ard.api.geo", "airflow_provider_ard.api.orders.request"}
SLOW_IMPORTS = {"requests", "oauthlib", "airflow_provider_ard.api.client", "airflow_provider_ard.api.orders.status"}
SCRIPT = """
import asyncio, json, sys, threading
import airflow.triggers.base
from airflow_provider_ard.triggers.{module} import {trigger} as Trigger

imported_on_event_loop = []

class Recorder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            imported_on_event_loop.append(name)

async def first_event():
    async for event in Trigger(**json.loads(sys.argv[1])).run():
        return event.payload

sys.meta_path.insert(0, Recorder)
event = asyncio.run(first_event())
print(json.dumps([event["status"], list(sys.modules), imported_on_event_loop]))
"""


def run_trigger(module, trigger, **arguments):
    """Run a trigger in a new process; return its event's status and the modules loaded, in all and by the event loop."""
    command = [sys.executable, "-c", SCRIPT.format(module=module, trigger=trigger), json.dumps(arguments)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == 0, process.stderr
    status, modules, imported_on_event_loop = json.loads(process.stdout.splitlines()[-1])
    return status, set(modules), set(imported_on_event_loop)


@pytest.mark.parametrize("count", [1, 3])
def test_order_trigger_loads_no_geometry(ard, place_order, count):
    order_ids = [place_order() for _ in range(count)]
    for order_id in order_ids:
        ard.finish_order(order_id)
    status, modules, imported_on_event_loop = run_trigger("order", "ArdOrderTrigger", order_ids=order_ids)
    assert status == "succeeded"
    assert modules >= SLOW_IMPORTS
    assert GEOMETRY.isdisjoint(modules)
    assert SLOW_IMPORTS.isdisjoint(imported_on_event_loop)


def test_select_trigger_loads_no_geometry(ard_connection):
    arguments = {"select_id": "404", "ard_conn_id": ard_connection, "poke_interval": 1, "deadline": time.time() + 2}
    status, modules, imported_on_event_loop = run_trigger("select", "ArdSelectTrigger", **arguments)
    assert status == "failed"
    assert modules >= SLOW_IMPORTS
    assert GEOMETRY.isdisjoint(modules)
    assert SLOW_IMPORTS.isdisjoint(imported_on_event_loop)
