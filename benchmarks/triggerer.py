"""A thousand deferred `ArdOrderSensor`s on one real triggerer, on SQLite or on Debian's PostgreSQL: what they cost.

    python -m benchmarks.triggerer [--orders 1000] [--database sqlite|postgresql] [--by-hand]

Every sensor starts on a worker, defers, waits in the triggerer, resumes on a worker and succeeds. `--by-hand` leaves
out the first of these, two thirds of the time: the rows that a deferral leaves in the database are written at once.
Prints what the triggerer used while all waited and while all resumed, what the sandbox was asked, and what the
triggerer warned about.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import requests

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.sandbox import Sandbox
from demo.standalone import StandaloneAirflow, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

DAG_ID = "waiting"
POOL = "waiting"
INTERVAL_S = 10
STEADY_S = 60
DAG = f"""
import json
import os

from airflow.sdk import dag

from airflow_provider_ard.sensors.order import ArdOrderSensor


@dag(dag_id="{DAG_ID}", schedule=None, max_active_tasks=64)
def waiting():
    with open(os.environ["ORDER_IDS"]) as file:
        ids = json.load(file)
    ArdOrderSensor.partial(task_id="wait", pool="{POOL}", poke_interval={INTERVAL_S}).expand(order_id=ids)


waiting()
"""


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--by-hand", action="store_true", help="write the deferrals into the database")
    options = parser.parse_args()
    print("$ python -m benchmarks.triggerer", *sys.argv[1:])
    print(f"Airflow {version('apache-airflow')}, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ard-triggerer-")))
        ard = stack.enter_context(Sandbox(order_duration="30d"))
        ids = place(ard, options.orders)
        (folder / "dags").mkdir()
        (folder / "dags" / "waiting.py").write_text(DAG)
        (folder / "ids.json").write_text(json.dumps(ids))
        env = {
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "ORDER_IDS": str(folder / "ids.json"),
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__MAX_MAP_LENGTH": str(max(1024, options.orders)),
            "AIRFLOW__TRIGGERER__CAPACITY": str(max(1000, options.orders)),
            "AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "64",
        }
        if options.database == "postgresql":
            env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = stack.enter_context(postgresql())
        airflow = stack.enter_context(StandaloneAirflow(folder / "home", folder / "dags", env=env))
        airflow.wait_for_dag(DAG_ID)
        measure(airflow, ard, ids, by_hand=options.by_hand)


def place(ard: Sandbox, count: int) -> list[str]:
    """Place orders at the sandbox and return their ids."""
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="bucket/prefix")
        return [client.submit_order(request).id for _ in range(count)]


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server of its own and yield the URI of an empty database; it does not run as root."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    data = Path(tempfile.mkdtemp(prefix="ard-postgresql-"))
    port = free_port()
    if as_user:
        shutil.chown(data, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        subprocess.run([*as_user, programs[-1] / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=data)

    run("initdb", "-D", str(data / "db"), "-U", "airflow", "--auth=trust")
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c max_connections=300"
    run("pg_ctl", "-D", str(data / "db"), "-w", "-l", str(data / "log"), "-o", options, "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "airflow", "airflow")
        yield f"postgresql+psycopg2://airflow@127.0.0.1:{port}/airflow"
    finally:
        run("pg_ctl", "-D", str(data / "db"), "-m", "immediate", "stop")
        shutil.rmtree(data, ignore_errors=True)


def defer_by_hand(airflow: StandaloneAirflow) -> None:
    """Write into the database what a deferral leaves there, for every sensor of the one run."""
    code = f"""
import json
from datetime import datetime, timedelta, timezone

from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from airflow_provider_ard.triggers.order import ArdOrderTrigger

with open({str(airflow.home.parent / "ids.json")!r}) as file:
    ids = json.load(file)
with create_session() as session:
    for task in session.query(TaskInstance).filter_by(dag_id={DAG_ID!r}):
        trigger = Trigger.from_object(ArdOrderTrigger([ids[task.map_index]], "ard_default", {INTERVAL_S}.0))
        session.add(trigger)
        session.flush()
        task.trigger_id = trigger.id
        task.trigger_timeout = datetime.now(timezone.utc) + timedelta(days=4)
        task.next_method, task.next_kwargs = "execute_complete", {{}}
        task.try_number, task.state = 1, "deferred"
"""
    subprocess.run([sys.executable, "-c", code], env=airflow.environment, check=True)


def measure(airflow: StandaloneAirflow, ard: Sandbox, ids: list[str], *, by_hand: bool) -> None:
    """Take a run through waiting and resuming; print a line for each."""
    if by_hand:
        # Nothing starts in a pool without a slot.
        airflow.api.post("/pools", {"name": POOL, "slots": 0})
    else:
        airflow.api.post("/pools", {"name": POOL, "slots": 64})
    run_id = airflow.api.trigger(DAG_ID)

    def states() -> dict[str, int]:
        """Count the sensors by state; nothing, not zero, while the API server is too busy to answer."""
        path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances"
        try:
            return {
                state: airflow.api.get(path, limit=1, state=state)["total_entries"]
                for state in ("scheduled", "deferred", "success", "failed")
            }
        except requests.RequestException:
            return {}

    began = time.monotonic()
    if by_hand:
        airflow.wait_until(lambda: states().get("scheduled") == len(ids), within=600, what="all scheduled", every=1)
        defer_by_hand(airflow)
    airflow.wait_until(lambda: states().get("deferred") == len(ids), within=3600, what="all deferred", every=5)
    how = "by hand" if by_hand else "worker starts"
    print(f"all {len(ids):,} deferred after {time.monotonic() - began:.0f} s ({how})")
    # Until the first round that holds them all is over.
    time.sleep(2 * INTERVAL_S)

    seen, before = len(ard.requests), Usage(airflow)
    time.sleep(STEADY_S)
    after = Usage(airflow)
    asked = Counter(one.endpoint.split("?")[0] for one in ard.requests[seen:])
    rounds = STEADY_S / INTERVAL_S
    print(
        f"waiting, {STEADY_S} s at an interval of {INTERVAL_S} s: {sum(asked.values()) / rounds:.1f} requests a round "
        f"({dict(asked)}); triggerer {100 * (after.cpu - before.cpu) / STEADY_S:.1f} % of a core, "
        f"{after.rss / 2**20:.0f} MiB resident"
    )

    for order_id in ids:
        ard.finish_order(order_id)
    airflow.api.patch(f"/pools/{POOL}", {"pool": POOL, "slots": 64, "description": "", "include_deferred": False})
    finished, before = time.monotonic(), Usage(airflow)
    airflow.wait_until(lambda: states().get("deferred") == 0, within=1800, what="none deferred", every=1)
    fired = time.monotonic() - finished
    during = Usage(airflow).cpu - before.cpu

    def ended() -> bool:
        now = states()
        return now.get("success", 0) + now.get("failed", 0) == len(ids)

    airflow.wait_until(ended, within=3600, what="all ended", every=5)
    print(
        f"resuming: no sensor deferred after {fired:.0f} s, all ended after {time.monotonic() - finished:.0f} s: "
        f"{states()}; triggerer {during:.1f} s of processor time"
    )
    logins = sum("/auth/authenticate" in one.path and one.method == "POST" for one in ard.requests)
    print(f"logins in all: {logins} of the triggerer and of each sensor's first look on a worker")
    told = warnings(airflow.log_file)
    print(f"warnings and errors in the triggerer's log: {sum(told.values())}")
    for line, count in told.most_common(10):
        print(f"  {count} x {line}")


class Usage:
    """Processor time (s) and resident memory (bytes) of the triggerer and its children, now."""

    def __init__(self, airflow: StandaloneAirflow) -> None:
        self.cpu, self.rss = 0.0, 0
        for process in airflow.processes():
            with contextlib.suppress(psutil.Error):
                if "triggerer" in " ".join(process.cmdline()):
                    used = process.cpu_times()
                    self.cpu += used.user + used.system
                    self.rss += process.memory_info().rss


def warnings(log: Path) -> Counter[str]:
    """Return the triggerer's warnings and errors without their times, each with how often it came."""
    found: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        component, _, text = line.partition("|")
        if "triggerer" in component and any(level in text.lower() for level in ("[warning", "[error", "traceback")):
            found[text.split("]", 1)[-1].strip()[:160]] += 1
    return found


if __name__ == "__main__":
    main()
