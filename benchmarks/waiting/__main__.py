"""`make bench`: the cost of waiting, of this provider and its peers on the same server at the same interval.

Each measurement runs in a new process with a new server, one after the other, in both environments (`.venv`,
`.venv-bench`). `--quick` runs few of them, in parallel and in this environment only: its counts are right, its times
are not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import environment_line
from benchmarks.waiting import cold_start
from benchmarks.waiting.contenders import CONTENDERS, Task
from benchmarks.waiting.processes import REPOSITORY, environment, server
from benchmarks.waiting.table import digest, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS_PYTHON = REPOSITORY / ".venv-bench" / "bin" / "python"
COMMAND = "make bench"
INTERVAL_S, QUICK_INTERVAL_S, ROUNDS = 5.0, 2.0, 2
# How long a phase may take, and a complete measurement; a contender that takes longer does not support the size.
CAP_S, LIMIT_S = 25.0, 120.0
# For the contender that never polls, so no phase ends by itself.
BARE_CAP_S = 5.0
SIZES = (100, 1_000, 10_000)
# No peer polls 10,000 orders every 5 s: Databricks is not done after two minutes, and the others open a connection per
# request and so use up the machine's 28,000 ports, each unusable for a minute after its end.
FEWER_SIZES = {"http": SIZES[:2], "dbt-cloud": SIZES[:2], "databricks": SIZES[:2], "fivetran": SIZES[:2]}
# These matter only with many waits.
FEWER_SIZES |= {"ours-rare-gc": SIZES[2:], "bare": SIZES[1:]}
QUICK = (("ours", 1_000), ("http", 100))


def measure(contender: str, orders: int, interval: float, python: Path | str) -> dict[str, Any]:
    """Measure one contender at one size. Return what its process reports, or why it reported nothing."""
    with server() as (host, port), environment(contender, host, port) as env:
        cap = CAP_S if CONTENDERS[contender].polls else BARE_CAP_S
        task = Task(contender, orders, interval, ROUNDS, cap, host, port)
        env["WAITING"] = json.dumps(asdict(task))
        command = [str(python), "-m", "benchmarks.waiting.client"]
        try:
            done = subprocess.run(
                command, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return {"task": asdict(task), "missing": f"not done after {LIMIT_S:g} s"}
    if done.returncode:
        raise RuntimeError(f"{contender} at {orders}: {done.stderr[-3000:]}")
    return digest(json.loads(done.stdout.splitlines()[-1]))


def measure_with_load(contender: str, orders: int) -> dict[str, Any]:
    """Measure, print the progress, and add the load average, which shows how far the times can be trusted."""
    python = PEERS_PYTHON if CONTENDERS[contender].is_peer else sys.executable
    print(f"{CONTENDERS[contender].name}, {orders} orders …", file=sys.stderr, flush=True)
    before = os.getloadavg()[0]
    return measure(contender, orders, INTERVAL_S, python) | {"load": [before, os.getloadavg()[0]]}


def run_key(run: dict[str, Any]) -> tuple[str, int]:
    """Return the contender and the number of orders of a run."""
    return run["task"]["contender"], run["task"]["orders"]


def measure_all(only: str | None) -> Iterator[dict[str, Any]]:
    """Measure all contenders, or one of them, at all sizes that they support."""
    for size in SIZES:
        for contender in CONTENDERS:
            if only in {None, contender} and size in FEWER_SIZES.get(contender, SIZES):
                yield measure_with_load(contender, size)


def measure_quick() -> list[dict[str, Any]]:
    """Run few measurements, in parallel."""
    with ThreadPoolExecutor(len(QUICK)) as pool:
        return list(pool.map(lambda run: measure(*run, QUICK_INTERVAL_S, sys.executable), QUICK))


def main() -> None:
    """Measure, print the table and save the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiting", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="counts only")
    parser.add_argument("--json", type=Path, help="file to save the figures to")
    parser.add_argument("--only", choices=CONTENDERS, help="measure one, and take the others from the saved figures")
    args = parser.parse_args()
    started_at = time.monotonic()
    saved = json.loads(args.json.read_text())["runs"] if args.only and args.json else []
    runs = {run_key(run): run for run in saved}
    for run in measure_quick() if args.quick else measure_all(args.only):
        runs[run_key(run)] = run
        if args.json:
            # After each run, as all of them take long.
            figures = {"environment": environment_line(COMMAND, "apache-airflow"), "runs": list(runs.values())}
            args.json.write_text(json.dumps(figures, indent=1) + "\n")
    seconds = time.monotonic() - started_at
    print(table(list(runs.values())))
    if not args.quick:
        cold_start.main()
    loads = [value for run in runs.values() for value in run.get("load", os.getloadavg()[:1])]
    print(f"\n{seconds:.0f} s on {os.cpu_count()} processors; load average from {min(loads):.1f} to {max(loads):.1f}")


if __name__ == "__main__":
    main()
