"""What a DAG file pays for its imports: this provider, its peers, and `FileSensor` of the standard provider.

Part of ``make bench``. Each import has a fresh interpreter, with `airflow.sdk` loaded already; the contenders take
turns. Processor time, as it says the same on a machine that has other work.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PEERS_PYTHON = Path(__file__).resolve().parents[1] / ".venv-bench" / "bin" / "python"
TURNS = 9
OURS, YARDSTICK = "this provider", "`FileSensor`"
# What makes an HTTP request itself; the lightest of these is the other yardstick.
HTTP_PEERS = {
    "HTTP": [
        "airflow.providers.http.operators.http",
        "airflow.providers.http.sensors.http",
        "airflow.providers.http.triggers.http",
    ],
    "dbt Cloud": [
        "airflow.providers.dbt.cloud.operators.dbt",
        "airflow.providers.dbt.cloud.sensors.dbt",
        "airflow.providers.dbt.cloud.triggers.dbt",
    ],
    "Databricks": [
        "airflow.providers.databricks.operators.databricks",
        "airflow.providers.databricks.triggers.databricks",
    ],
    "Fivetran": [
        "fivetran_provider_async.operators",
        "fivetran_provider_async.sensors",
        "fivetran_provider_async.triggers",
    ],
}
CONTENDERS = {
    OURS: [
        "airflow_provider_ard.operators.order",
        "airflow_provider_ard.operators.select",
        "airflow_provider_ard.operators.tiles",
        "airflow_provider_ard.sensors.order",
        "airflow_provider_ard.triggers.imagery",
        "airflow_provider_ard.triggers.order",
        "airflow_provider_ard.triggers.select",
    ],
    YARDSTICK: ["airflow.providers.standard.sensors.filesystem"],
    **HTTP_PEERS,
}
SCRIPT = """
import importlib, json, sys, time
import airflow.sdk
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
before, began = set(sys.modules), time.process_time()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([(time.process_time() - began) * 1e3, len(set(sys.modules) - before)]))
"""


def turn(contender: str, home: str) -> tuple[float, int]:
    """Import a contender's modules in a new interpreter. Return milliseconds and modules loaded."""
    python = PEERS_PYTHON if contender in HTTP_PEERS else sys.executable
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    # Compiled files, as every installation has them, and none of them left in the tree.
    env |= {"AIRFLOW_HOME": home, "PYTHONPYCACHEPREFIX": f"{home}/compiled"}
    command = [str(python), "-c", SCRIPT, *CONTENDERS[contender]]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    milliseconds, modules = json.loads(done.stdout.splitlines()[-1])
    return milliseconds, modules


def main() -> None:
    """Let all take turns and print a table."""
    seen: dict[str, list[tuple[float, int]]] = {contender: [] for contender in CONTENDERS}
    with tempfile.TemporaryDirectory() as home:
        for contender in CONTENDERS:
            # Once for the compiled files.
            turn(contender, home)
        contenders = list(seen)
        for number in range(TURNS):
            # Not always after the same one: what it has left in the processor's caches is part of the time.
            for contender in contenders if number % 2 else reversed(contenders):
                seen[contender].append(turn(contender, home))
    medians = {contender: statistics.median(ms for ms, _ in turns) for contender, turns in seen.items()}
    print(f"| operator, sensor and trigger modules | ms, median of {TURNS} | least to most | modules loaded |")
    print("| --- | --- | --- | --- |")
    for contender, turns in seen.items():
        times = sorted(ms for ms, _ in turns)
        print(f"| {contender} | {medians[contender]:.0f} | {times[0]:.0f} to {times[-1]:.0f} | {turns[0][1]} |")
    lightest = min(medians[contender] for contender in HTTP_PEERS)
    for goal, ratio, most in (
        (f"≤ 1.5 times {YARDSTICK}", medians[OURS] / medians[YARDSTICK], 1.5),
        ("≤ 1/8 of the lightest HTTP peer", medians[OURS] / lightest, 1 / 8),
    ):
        print(f"{goal}: {'met' if ratio <= most else 'NOT MET'}, {ratio:.2f}")


if __name__ == "__main__":
    main()
