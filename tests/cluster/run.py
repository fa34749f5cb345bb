"""One run of the cluster test; `python -m tests.cluster` starts it in namespaces of its own."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster import checks
from tests.cluster.airflow_components import CELERY, FAKETIME, LOCAL
from tests.cluster.cluster import Cluster
from tests.cluster.events import Events
from tests.cluster.load import Load

if TYPE_CHECKING:
    from types import FrameType

KEPT_LOGS = Path(".cluster")
PROGRESS_INTERVAL_S = 30.0
TICK_S = 0.2


def main() -> None:
    """Run it, print the result, and exit with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="an empty one, which other users may enter")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--events", type=int, required=True, help="the most incidents that happen")
    parser.add_argument("--executor", choices=[CELERY, LOCAL], default=CELERY)
    parser.add_argument("--limit", type=float, default=1500, help="seconds after which unfinished tasks count as lost")
    parser.add_argument("--keep", action="store_true", help="keep the logs also of a run without problems")
    options = parser.parse_args()
    print(f"cluster: seed {options.seed}, {options.executor}, {options.orders} orders", flush=True)
    if options.executor == CELERY and FAKETIME is None:
        print("No clock skew: libfaketime is not installed")
    # The first process of a process ID namespace ignores signals without a handler.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        problems = run(options, options.folder)
    except BaseException:
        keep_logs(options)
        raise
    if problems or options.keep:
        keep_logs(options)
    sys.exit(1 if problems else 0)


def stop(signum: int, frame: FrameType | None) -> None:
    """End the run; its logs are kept."""
    sys.exit(128 + signum)


def run(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run the load under random incidents, print what was counted, and return what is wrong."""
    begin = time.monotonic()
    with Cluster.create(folder, options.executor) as cluster:
        cluster.start(options.seed)
        load = Load(folder, options.orders, options.executor)
        load.start(cluster.supervisor)
        started = time.monotonic()
        print(f"started in {started - begin:.0f} s", flush=True)
        events = Events(cluster, options.seed, options.events)
        follow(cluster, load, events, deadline=started + options.limit)
        duration = time.monotonic() - started
        restarts = cluster.supervisor.restarts
        tasks = load.tasks()
        returned = {task: load.returned(task) for task in (checks.ORDER, checks.WAIT, checks.LIST_TILES)}
    orders = checks.read_orders(folder / "sandbox.sqlite")
    result = checks.check(tasks, returned, orders, options.orders)
    print(f"cluster: seed {options.seed}, {options.executor}: {duration:.0f} s; {dict(result.counts)}")
    print(f"{events.counts.total()} incidents: {dict(sorted(events.counts.items()))}; {restarts} restarts of programs")
    print("\n".join(result.problems) or "Each order was placed once, each wait ended as its order, no task was lost.")
    return result.problems


def follow(cluster: Cluster, load: Load, events: Events, *, deadline: float) -> None:
    """Let incidents happen until all runs have ended or the deadline has passed."""
    next_progress_at = next_check_at = time.monotonic()
    while (now := time.monotonic()) < deadline:
        cluster.supervisor.tick()
        events.tick()
        if now >= next_check_at:
            next_check_at = now + 2.0
            if load.is_finished():
                break
        if now >= next_progress_at:
            next_progress_at = now + PROGRESS_INTERVAL_S
            print(f"{time.strftime('%X')} {load.progress()}", flush=True)
        time.sleep(TICK_S)
    events.end()


def keep_logs(options: argparse.Namespace) -> None:
    """Copy the logs of all programs and tasks, and the sandbox's state."""
    folder: Path = options.folder
    target = KEPT_LOGS / f"{options.executor}-{options.seed}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("logs", "task-logs"):
        if (folder / name).exists():
            shutil.copytree(folder / name, target / name)
    for file in folder.glob("sandbox.sqlite*"):
        shutil.copy(file, target)
    print(f"Logs: {target}")


if __name__ == "__main__":
    main()
