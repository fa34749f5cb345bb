"""Import time of a DAG file's imports: this provider, its peers, and `FileSensor` of the standard provider.

A DAG file imports operators and sensors, and with an asset watcher a trigger. Part of `make bench`. Each import runs in
a new interpreter with `airflow.sdk` already loaded, and the contenders alternate. Measures CPU time, which other load
on the machine affects little. `--docs` writes the table into docs/scale.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import environment_line, markdown_table, write_section

PEERS_PYTHON = Path(__file__).resolve().parents[1] / ".venv-bench" / "bin" / "python"
ROUNDS = 7
COMMAND = "python -m benchmarks.imports --docs"
HEAD = ("Operator and sensor modules", f"ms, median of {ROUNDS}", "range", "modules loaded")
OURS, WATCHING, BASELINE = "this provider", "this provider, with all triggers", "`FileSensor`"
# Peers that make HTTP requests themselves; the lightest is the second baseline.
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
OPERATORS = [
    "airflow_provider_ard.operators.order",
    "airflow_provider_ard.operators.select",
    "airflow_provider_ard.operators.tiles",
    "airflow_provider_ard.sensors.order",
]
CONTENDERS = {
    OURS: OPERATORS,
    WATCHING: [
        *OPERATORS,
        "airflow_provider_ard.triggers.imagery",
        "airflow_provider_ard.triggers.order",
        "airflow_provider_ard.triggers.select",
    ],
    BASELINE: ["airflow.providers.standard.sensors.filesystem"],
    **HTTP_PEERS,
}
SCRIPT = """
import importlib, json, sys, time
import airflow.sdk
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
before, start = set(sys.modules), time.process_time()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([(time.process_time() - start) * 1e3, len(set(sys.modules) - before)]))
"""


def measure(contender: str, home: str) -> tuple[float, int]:
    """Import a contender's modules in a new interpreter; return milliseconds and the number of modules loaded."""
    python = PEERS_PYTHON if contender in HTTP_PEERS else sys.executable
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    # Uses bytecode files, as every installation has them, but keeps them out of the source tree.
    env |= {"AIRFLOW_HOME": home, "PYTHONPYCACHEPREFIX": f"{home}/compiled"}
    command = [str(python), "-c", SCRIPT, *CONTENDERS[contender]]
    process = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    milliseconds, modules = json.loads(process.stdout.splitlines()[-1])
    return milliseconds, modules


def main() -> None:
    """Measure all contenders and print a table."""
    results: dict[str, list[tuple[float, int]]] = {contender: [] for contender in CONTENDERS}
    with tempfile.TemporaryDirectory() as home:
        for contender in CONTENDERS:
            # The first import writes the bytecode files.
            measure(contender, home)
        contenders = list(results)
        for number in range(ROUNDS):
            # Alternate the order, because the previous process's use of the CPU caches affects the time.
            for contender in contenders if number % 2 else reversed(contenders):
                results[contender].append(measure(contender, home))
    medians = {contender: statistics.median(ms for ms, _ in samples) for contender, samples in results.items()}
    lines = markdown_table(HEAD, [format_row(contender, results[contender]) for contender in CONTENDERS])
    print("\n".join(lines))
    lightest = min(medians[contender] for contender in HTTP_PEERS)
    for goal, ratio, limit in (
        (f"≤ 1.2 times {BASELINE}", medians[OURS] / medians[BASELINE], 1.2),
        ("≤ 1/8 of the lightest HTTP peer", medians[OURS] / lightest, 1 / 8),
    ):
        print(f"{goal}: {'met' if ratio <= limit else 'NOT MET'}, {ratio:.2f}")
    if "--docs" in sys.argv[1:]:
        write_section("docs/scale.md", "benchmarks.imports", [environment_line(COMMAND, "apache-airflow"), "", *lines])


def format_row(contender: str, samples: list[tuple[float, int]]) -> list[str]:
    """Return a row of the table."""
    times = sorted(ms for ms, _ in samples)
    return [contender, f"{statistics.median(times):.0f}", f"{times[0]:.0f} to {times[-1]:.0f}", str(samples[0][1])]


if __name__ == "__main__":
    main()
