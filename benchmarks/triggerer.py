"""Cost of a thousand deferred `ArdOrderSensor`s on one real triggerer, with SQLite or Debian's PostgreSQL.

    python -m benchmarks.triggerer [--orders 1000] [--database sqlite|postgresql] [--insert-deferrals]

Every sensor starts on a worker, defers, waits in the triggerer, resumes on a worker and succeeds. `--insert-deferrals`
skips the start on a worker, which takes two thirds of the time, and inserts the database rows of the deferrals. Prints
the triggerer's resource use while all sensors wait and while all resume, the requests to the sandbox, and the
triggerer's warnings.
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
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--insert-deferrals", action="store_true", help="insert the deferrals into the database")
    options = parser.parse_args()
    print("$ python -m benchmarks.triggerer", *sys.argv[1:])
    print(f"Airflow {version('apache-airflow')}, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ard-triggerer-")))
        ard = stack.enter_context(Sandbox(order_duration="30d"))
        ids = place_orders(ard, options.orders)
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
        measure(airflow, ard, ids, insert_deferrals=options.insert_deferrals)


def place_orders(ard: Sandbox, count: int) -> list[str]:
    """Place orders in the sandbox and return their IDs."""
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="bucket/prefix")
        return [client.submit_order(request).id for _ in range(count)]


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a temporary PostgreSQL server, never as root, and yield the URI of an empty database."""
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


def insert_deferral_rows(airflow: StandaloneAirflow) -> None:
    """Insert the database rows of a deferral for every sensor of the run."""
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


def measure(airflow: StandaloneAirflow, ard: Sandbox, ids: list[str], *, insert_deferrals: bool) -> None:
    """Run all sensors through waiting and resuming, and print a line for each phase."""
    if insert_deferrals:
        # Without slots in the pool no sensor starts.
        airflow.api.post("/pools", {"name": POOL, "slots": 0})
    else:
        airflow.api.post("/pools", {"name": POOL, "slots": 64})
    run_id = airflow.api.trigger(DAG_ID)

    def states() -> dict[str, int]:
        """Count the sensors by state; empty while the API server is too busy to respond."""
        path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances"
        try:
            return {
                state: airflow.api.get(path, limit=1, state=state)["total_entries"]
                for state in ("scheduled", "deferred", "success", "failed")
            }
        except requests.RequestException:
            return {}

    start = time.monotonic()
    if insert_deferrals:
        airflow.wait_until(lambda: states().get("scheduled") == len(ids), within=600, what="all scheduled", every=1)
        insert_deferral_rows(airflow)
    airflow.wait_until(lambda: states().get("deferred") == len(ids), within=3600, what="all deferred", every=5)
    how = "inserted" if insert_deferrals else "started on workers"
    print(f"all {len(ids):,} deferred after {time.monotonic() - start:.0f} s ({how})")
    # Wait for the first poll round that includes all orders.
    time.sleep(2 * INTERVAL_S)

    request_count, before = len(ard.requests), Usage(airflow)
    time.sleep(STEADY_S)
    after = Usage(airflow)
    endpoints = Counter(record.endpoint.split("?")[0] for record in ard.requests[request_count:])
    rounds = STEADY_S / INTERVAL_S
    print(
        f"waiting, {STEADY_S} s with poll interval {INTERVAL_S} s: {sum(endpoints.values()) / rounds:.1f} requests per "
        f"round ({dict(endpoints)}); triggerer {100 * (after.cpu - before.cpu) / STEADY_S:.1f} % of a core, "
        f"{after.rss / 2**20:.0f} MiB resident"
    )

    for order_id in ids:
        ard.finish_order(order_id)
    airflow.api.patch(f"/pools/{POOL}", {"pool": POOL, "slots": 64, "description": "", "include_deferred": False})
    finished, before = time.monotonic(), Usage(airflow)
    airflow.wait_until(lambda: states().get("deferred") == 0, within=1800, what="none deferred", every=1)
    fired = time.monotonic() - finished
    during = Usage(airflow).cpu - before.cpu

    def have_ended() -> bool:
        counts = states()
        return counts.get("success", 0) + counts.get("failed", 0) == len(ids)

    airflow.wait_until(have_ended, within=3600, what="all ended", every=5)
    print(
        f"resuming: no sensor deferred after {fired:.0f} s, all ended after {time.monotonic() - finished:.0f} s: "
        f"{states()}; triggerer {during:.1f} s of CPU time"
    )
    logins = sum("/auth/authenticate" in record.path and record.method == "POST" for record in ard.requests)
    print(f"logins: {logins} in total, by the triggerer and by each sensor's first poll on a worker")
    lines = warnings(airflow.log_file)
    print(f"warnings and errors in the triggerer's log: {sum(lines.values())}")
    for line, count in lines.most_common(10):
        print(f"  {count} x {line}")


class Usage:
    """Current CPU time (s) and resident memory (bytes) of the triggerer and its children."""

    def __init__(self, airflow: StandaloneAirflow) -> None:
        self.cpu, self.rss = 0.0, 0
        for process in airflow.processes():
            with contextlib.suppress(psutil.Error):
                if "triggerer" in " ".join(process.cmdline()):
                    cpu_times = process.cpu_times()
                    self.cpu += cpu_times.user + cpu_times.system
                    self.rss += process.memory_info().rss


def warnings(log: Path) -> Counter[str]:
    """Count the triggerer's warnings and errors, without their timestamps."""
    counts: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        component, _, text = line.partition("|")
        if "triggerer" in component and any(level in text.lower() for level in ("[warning", "[error", "traceback")):
            counts[text.split("]", 1)[-1].strip()[:160]] += 1
    return counts


if __name__ == "__main__":
    main()
