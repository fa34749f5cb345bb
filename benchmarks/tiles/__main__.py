"""Cost of listing an order's tiles: `python -m benchmarks.tiles [--docs] [tiles]`, 10,000 tiles by default.

A server that is not the bottleneck (`benchmarks.tiles.server`) serves the STAC documents of an order with 20
acquisitions, each response after 20 ms, and in a second run after 100 ms, the shortest of the 100 to 200 ms that AWS
gives for small objects in S3. The operator lists them through an Airflow Connection, each case in a separate process;
only the order's status is mocked. An order of a twentieth of the tiles is listed as well, to compare the memory;
max-ard and pystac read that one, in the environments of `make conformance` and `make compatibility`, if they exist.
Prints seconds, CPU time, requests, added memory and the XCom's size. Finally, a DAG lists the tiles in batches, maps
over them and counts them, with `dag.test()`. `--docs` writes the table into docs/pipelines.md.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from airflow.dag_processing.dagbag import DagBag
from airflow.models.xcom import XComModel
from airflow.utils.db import initdb
from airflow.utils.session import create_session

from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from benchmarks.report import REPOSITORY, environment_line, markdown_table, write_section

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = "python -m benchmarks.tiles"
ROUNDS = 3
LATENCIES_MS = (20, 100)
PEER_PYTHONS = {
    "max-ard": REPOSITORY / ".venv-max-ard" / "bin" / "python",
    "pystac": REPOSITORY / ".venv-compatibility" / "bin" / "python",
}
HEAD = (
    "Reader",
    "Latency, ms",
    "Tiles",
    "s",
    "ms per tile",
    "CPU ms per tile",
    "Requests",
    "Added MiB",
    "XCom bytes per tile",
)
ALL_ASSETS = "all assets, batches of 100"
CASES: dict[str, dict[str, Any]] = {
    ALL_ASSETS: {"batch_size": 100},
    "visual and cloud-mask, batches of 100": {"assets": ["visual", "cloud-mask"], "batch_size": 100},
    "no assets, batches of 100": {"assets": [], "batch_size": 100},
}
DAG = """
from airflow.sdk import dag, task

from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from benchmarks.tiles.__main__ import order

ArdHook.get_order = lambda hook, order_id: order()


@dag(schedule=None)
def mapped():
    batches = ArdListTilesOperator(
        task_id="tiles", order_id="1", storage_conn_id="aws_default", assets=["visual"], batch_size=100
    )

    @task
    def ingest(batch):
        return len({tile["assets"]["visual"] for tile in batch})

    @task
    def count(batch_sizes):
        return sum(batch_sizes)

    count(ingest.expand(batch=batches.output))


mapped()
"""


class Reader(NamedTuple):
    """One reader of an order of so many tiles from a server of this latency."""

    name: str
    latency_ms: int
    tiles: int


def order() -> OrderStatus:
    """Return the mocked status of the order."""
    request = {"output_config": {"bucket": "bench", "prefix": "p"}}
    return OrderStatus.model_validate({"id": "1", "status": "SUCCEEDED", "order": request})


def run_case(name: str, tiles: int) -> None:
    """List the tiles in this process and print the figures."""
    task = ArdListTilesOperator(task_id="t", order_id="1", storage_conn_id="aws_default", **CASES[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    with mock.patch.object(ArdHook, "get_order", return_value=order()):
        batches = task.execute({"ti": mock.Mock()})
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert sum(map(len, batches)) == tiles
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    size = len(json.dumps(batches).encode())
    print(json.dumps({"seconds": seconds, "cpu": cpu, "tiles": tiles, "memory": memory, "size": size}))


def run_mapped(tiles: int) -> None:
    """List, batch and map the tiles in a DAG run in this process, and print the result."""
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    folder.mkdir()
    (folder / "mapped.py").write_text(DAG)
    initdb()
    dag = DagBag(folder).dags["mapped"]
    start = time.perf_counter()
    # Airflow prints each task's events.
    with contextlib.redirect_stdout(io.StringIO()):
        run = dag.test()
    elapsed = time.perf_counter() - start
    with create_session() as session:
        results = list(session.query(XComModel).filter_by(run_id=run.run_id, key="return_value"))
    (count,) = (int(xcom.value) for xcom in results if xcom.task_id == "count")
    tasks = sum(xcom.task_id == "ingest" for xcom in results)
    assert count == tiles, (count, tiles)
    print(f"\nDAG that lists, maps and counts: {count:,} tiles in {tasks} mapped tasks, {elapsed:.1f} s: {run.state}")


def measure(command: list[str], env: dict[str, str], address: str) -> dict[str, Any]:
    """Run a reader in a process of its own; return its figures and the number of its requests."""
    request_count(address)
    process = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if process.returncode:
        raise RuntimeError(process.stderr[-3000:])
    figures: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return figures | {"requests": request_count(address)}


def request_count(address: str) -> int:
    """Return how many requests the server has received since this was called last."""
    with urllib.request.urlopen(f"{address}/count", timeout=60) as response:
        return int(response.read())


@contextlib.contextmanager
def serve(tiles: int, latency_ms: int) -> Iterator[str]:
    """Run the server in a process of its own; yield its address."""
    command = [sys.executable, "-m", "benchmarks.tiles.server", str(tiles), str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def environment(address: str, home: str) -> dict[str, str]:
    """Return the environment variables of a task: its Connections."""
    extra = {"endpoint_url": address, "region_name": "us-east-1"}
    storage = {"conn_type": "aws", "login": "demo", "password": "demo", "extra": extra}
    return os.environ | {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": f"{home}/dags",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW_CONN_ARD_DEFAULT": json.dumps({"conn_type": "ard", "login": "demo", "password": "demo"}),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(storage),
    }


def row(reader: Reader, figures: dict[str, Any]) -> list[str]:
    """Return the cells of a reader."""
    tiles, size = reader.tiles, figures.get("size")
    return [
        reader.name,
        str(reader.latency_ms),
        f"{tiles:,}",
        f"{figures['seconds']:.1f}",
        f"{figures['seconds'] / tiles * 1000:.2f}",
        f"{figures['cpu'] / tiles * 1000:.2f}",
        f"{figures['requests']:,}",
        f"{figures['memory']:.0f}",
        f"{size / tiles:,.0f}" if size else "",
    ]


def median_runs(tiles: int, latency_ms: int, home: str) -> dict[Reader, dict[str, Any]]:
    """Run all readers alternately; return the run of median duration of each."""
    runs: dict[Reader, list[dict[str, Any]]] = {}
    fewer = tiles // 20
    # What is read does not depend on the latency.
    names = CASES if latency_ms == LATENCIES_MS[0] else (ALL_ASSETS,)
    with serve(tiles, latency_ms) as large, serve(fewer, latency_ms) as small:
        cases = [*((Reader(name, latency_ms, tiles), large) for name in names)]
        cases.append((Reader(ALL_ASSETS, latency_ms, fewer), small))
        for _ in range(ROUNDS):
            for reader, address in cases:
                command = [sys.executable, "-m", "benchmarks.tiles", "--case", reader.name, str(reader.tiles)]
                runs.setdefault(reader, []).append(measure(command, environment(address, home), address))
            for name, python in PEER_PYTHONS.items():
                if python.exists():
                    command = [str(python), "benchmarks/tiles/peers.py", name, small]
                    peer = Reader(name, latency_ms, fewer)
                    runs.setdefault(peer, []).append(measure(command, dict(os.environ), small))
    # A reader that skips tiles would only seem fast.
    assert all(run["tiles"] == reader.tiles for reader, each in runs.items() for run in each)
    return {reader: sorted(each, key=lambda run: run["seconds"])[ROUNDS // 2] for reader, each in runs.items()}


def ratios(results: dict[Reader, dict[str, Any]], latency_ms: int, tiles: int) -> str:
    """Return how much longer each peer takes per tile than the operator with all assets, as a phrase."""
    ours = results[Reader(ALL_ASSETS, latency_ms, tiles)]["seconds"] / tiles
    peers = [
        f"{reader.name} {figures['seconds'] / reader.tiles / ours:.1f} times"
        for reader, figures in results.items()
        if reader.name in PEER_PYTHONS and reader.latency_ms == latency_ms
    ]
    return f"at {latency_ms} ms {', '.join(peers)}"


def main(arguments: list[str]) -> None:
    """Run each reader, print the table, and write it into the documentation with `--docs`."""
    tiles = next((int(argument) for argument in arguments if argument.isdigit()), 10_000)
    with tempfile.TemporaryDirectory() as home:
        results: dict[Reader, dict[str, Any]] = {}
        for latency_ms in LATENCIES_MS:
            results |= median_runs(tiles, latency_ms, home)
        lines = [*markdown_table(HEAD, [row(reader, figures) for reader, figures in results.items()]), ""]
        lines.append(
            f"Per tile, as long as all assets of {tiles:,} tiles: "
            f"{'; '.join(ratios(results, latency_ms, tiles) for latency_ms in LATENCIES_MS)}; medians of {ROUNDS} "
            f"alternating runs. {environment_line(COMMAND, 's3fs')}"
        )
        print("\n".join(lines), flush=True)
        if "--docs" in arguments:
            write_section("docs/pipelines.md", "benchmarks.tiles", lines)
        with serve(tiles, LATENCIES_MS[0]) as address:
            command = [sys.executable, "-m", "benchmarks.tiles", "--map", str(tiles)]
            subprocess.run(command, env=environment(address, home), cwd=REPOSITORY, check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        run_case(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["--map"]:
        run_mapped(int(sys.argv[2]))
    else:
        main(sys.argv[1:])
