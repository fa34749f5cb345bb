"""``make bench``: what waiting costs, ours and peers on the same server at the same interval.

Each measurement has a server and a process of its own; all of them run one after the other, in both environments
(`.venv`, `.venv-bench`). `--quick` measures less, side by side and in this environment alone: its counts are right, its
times are not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.waiting.contenders import CONN_ID, CONTENDERS, Task
from benchmarks.waiting.table import digest, table

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS_PYTHON = REPOSITORY / ".venv-bench" / "bin" / "python"
INTERVAL_S, QUICK_INTERVAL_S, ROUNDS = 5.0, 2.0, 2
# How long a phase may take, and a whole measurement; a contender that takes longer does not bear the size.
CAP_S, LIMIT_S = 25.0, 120.0
# Of the one that asks nothing, so that no phase ends by itself.
BARE_CAP_S = 5.0
SIZES = (100, 1_000, 10_000)
# Peers that open a connection a request stop early. A machine has 28,000 ports for connections to one server, and each
# is out of use for a minute after its end: 10,000 orders asked every 5 s use them up in the third round.
FEWER_SIZES = {"http": SIZES[:2], "dbt-cloud": SIZES[:2], "fivetran": SIZES[:2]}
# What these show is to be seen where many wait.
FEWER_SIZES |= {"ours-seldom": SIZES[1:], "bare": SIZES[1:]}
QUICK = (("ours", 1_000), ("http", 100))


@contextlib.contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Run a server; yield its host and port."""
    command = [sys.executable, "-m", "benchmarks.waiting.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdin
        assert process.stdout
        try:
            host, _, port = process.stdout.readline().strip().removeprefix("http://").partition(":")
            yield host, int(port)
        finally:
            process.stdin.close()


def measure(contender: str, orders: int, interval: float, python: Path | str) -> dict[str, Any]:
    """Measure one contender at one size. Return what its process says, or why it said nothing."""
    with server() as (host, port), tempfile.TemporaryDirectory() as home:
        cap = CAP_S if CONTENDERS[contender].asks else BARE_CAP_S
        task = Task(contender, orders, interval, ROUNDS, cap, host, port)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        env = inherited | {
            "HOME": home,
            "NO_PROXY": host,
            "AIRFLOW_HOME": home,
            "AIRFLOW__SECRETS__BACKEND": "benchmarks.waiting.secrets.CountingSecrets",
            "WAITING_CONNECTIONS": json.dumps({CONN_ID: CONTENDERS[contender].connection(host, port)}),
            "WAITING": json.dumps(asdict(task)),
        }
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


def measured(contender: str, orders: int) -> dict[str, Any]:
    """Measure and say so. The load average tells how far the times can be trusted."""
    python = PEERS_PYTHON if CONTENDERS[contender].is_peer else sys.executable
    print(f"{CONTENDERS[contender].name}, {orders} orders …", file=sys.stderr, flush=True)
    before = os.getloadavg()[0]
    return measure(contender, orders, INTERVAL_S, python) | {"load": [before, os.getloadavg()[0]]}


def place(run: dict[str, Any]) -> tuple[str, int]:
    """Return whose run it is, and how many orders wait in it."""
    return run["task"]["contender"], run["task"]["orders"]


def everything(only: str | None) -> Iterator[dict[str, Any]]:
    """Measure all contenders, or one of them, at all sizes that they bear."""
    for size in SIZES:
        for contender in CONTENDERS:
            if only in {None, contender} and size in FEWER_SIZES.get(contender, SIZES):
                yield measured(contender, size)


def quick() -> list[dict[str, Any]]:
    """Measure little, all at once."""
    with ThreadPoolExecutor(len(QUICK)) as pool:
        return list(pool.map(lambda one: measure(*one, QUICK_INTERVAL_S, sys.executable), QUICK))


def main() -> None:
    """Measure, print the table and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiting", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="counts only")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    parser.add_argument("--only", choices=CONTENDERS, help="measure one, and take the others from the kept figures")
    given = parser.parse_args()
    began = time.monotonic()
    known = json.loads(given.json.read_text())["runs"] if given.only and given.json else []
    runs = {place(run): run for run in known}
    for run in quick() if given.quick else everything(given.only):
        runs[place(run)] = run
        if given.json:
            # After each, as the whole takes long.
            given.json.write_text(json.dumps({"runs": list(runs.values())}, indent=1) + "\n")
    seconds = time.monotonic() - began
    print(table(list(runs.values())))
    loads = [value for run in runs.values() for value in run.get("load", os.getloadavg()[:1])]
    told = f"load average from {min(loads):.1f} to {max(loads):.1f}"
    print(f"\n{seconds:.0f} s on {os.cpu_count()} processors; {told}")


if __name__ == "__main__":
    main()
