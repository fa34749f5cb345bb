"""Cost of listing an order's tiles: `python -m benchmarks.tiles [tiles]`, 10,000 tiles by default.

The STAC documents of an order with 20 acquisitions are stored on a moto S3 server. The operator lists them through an
Airflow Connection, each case in a separate process; only the order's status is mocked. Prints seconds, additional
memory, and the XCom's size as JSON. Finally, a DAG lists the tiles in batches, maps over them and counts them, with
`dag.test()`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from airflow.dag_processing.dagbag import DagBag
from airflow.models.xcom import XComModel
from airflow.utils.db import initdb
from airflow.utils.session import create_session

from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.operators.tiles import ArdListTilesOperator

ASSETS = {
    "visual": "-visual.tif",
    "pan_analytic": "-pan.tif",
    "ms_analytic": "-ms.tif",
    **{
        key: f"-{key}.gpkg"
        for key in (
            *("cloud-mask", "cloud-shadow-mask", "data-mask", "healthy-vegetation-mask", "ms-saturation-mask"),
            *("pan-flare-mask", "terrain-shadow-mask", "water-mask", "cloud-mask-raster"),
        )
    },
}
ACQUISITIONS = 20
CASES: dict[str, dict[str, Any]] = {
    "all assets, batches of 100": {"batch_size": 100},
    "visual and cloud-mask, batches of 100": {"assets": ["visual", "cloud-mask"], "batch_size": 100},
    "no assets, batches of 100": {"assets": [], "batch_size": 100},
}
DAG = """
from airflow.sdk import dag, task

from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from benchmarks.tiles import order

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


def order() -> OrderStatus:
    """Return the mocked status of the order."""
    request = {"output_config": {"bucket": "bench", "prefix": "p"}}
    return OrderStatus.model_validate({"id": "1", "status": "SUCCEEDED", "order": request})


def build_documents(tiles: int) -> dict[str, bytes]:
    """Return the delivered documents of an order by object key."""
    documents: dict[str, bytes] = {}
    links: dict[str, list[str]] = {}
    for number in range(tiles):
        acquisition = f"1040010{number % ACQUISITIONS:06X}A00"
        quadkey = "".join(str(number >> 2 * digit & 3) for digit in range(11, -1, -1))
        key = f"13/{quadkey}/2026-01-{number % ACQUISITIONS + 1:02d}/{acquisition}"
        ring = [[-105.0 + number * 1e-6, 40.0], [-104.9, 40.0], [-104.9, 40.1], [-105.0, 40.1], [-105.0, 40.0]]
        transform = [0.305, 0.0, 450000.0, 0.0, -0.305, 4430000.0]
        assets = {
            name: {
                "href": f"./{acquisition}{suffix}",
                "type": "image/tiff",
                "roles": ["data"],
                "proj:transform": transform,
            }
            for name, suffix in ASSETS.items()
        }
        item = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "assets": assets}
        documents[f"p/{key}.json"] = json.dumps(item, indent=1).encode()
        links.setdefault(acquisition, []).append(f"../{key}.json")
    for acquisition, hrefs in links.items():
        collection = {"links": [{"rel": "item", "href": href} for href in hrefs]}
        documents[f"p/acquisition_collections/{acquisition}_collection.json"] = json.dumps(collection).encode()
    children = [{"rel": "child", "href": f"../acquisition_collections/{name}_collection.json"} for name in links]
    documents["p/order_collections/1_root_collection.json"] = json.dumps({"links": children}).encode()
    return documents


def upload(url: str, content: dict[str, bytes]) -> None:
    """Upload the documents to the S3 server."""
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="demo", aws_secret_access_key="demo", region_name="us-east-1"
    )
    client.create_bucket(Bucket="bench")
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda key: client.put_object(Bucket="bench", Key=key, Body=content[key]), content))


def run_case(name: str, tiles: int) -> None:
    """List the tiles in this process and print a table row."""
    task = ArdListTilesOperator(task_id="t", order_id="1", storage_conn_id="aws_default", **CASES[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with mock.patch.object(ArdHook, "get_order", return_value=order()):
        batches = task.execute({"ti": mock.Mock()})
    elapsed = time.perf_counter() - start
    assert sum(map(len, batches)) == tiles
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    size = len(json.dumps(batches).encode())
    print(f"{name:40}{elapsed:8.1f}{memory:10.0f}{len(batches):9}{size / tiles:12.0f}{size / 2**20:12.1f}", flush=True)


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


def main(tiles: int) -> None:
    """Serve the documents and run each case in a separate process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    env = os.environ | {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW_CONN_ARD_DEFAULT": json.dumps({"conn_type": "ard", "login": "demo", "password": "demo"}),
    }
    extra = {"endpoint_url": url, "region_name": "us-east-1"}
    env["AIRFLOW_CONN_AWS_DEFAULT"] = json.dumps(
        {"conn_type": "aws", "login": "demo", "password": "demo", "extra": extra}
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], **quiet)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        content = build_documents(tiles)
        size = sum(map(len, content.values()))
        print(
            f"{tiles:,} tiles of {ACQUISITIONS} acquisitions, {len(ASSETS)} assets each, {size / 2**20:.0f} MiB of STAC"
        )
        upload(url, content)
        print(f"\n{'':40}{'s':>8}{'added MiB':>10}{'batches':>9}{'XCom B/tile':>12}{'XCom MiB':>12}", flush=True)
        with tempfile.TemporaryDirectory() as home:
            for name in CASES:
                command = [sys.executable, "-m", "benchmarks.tiles", "--case", name, str(tiles)]
                subprocess.run(command, env=env | {"AIRFLOW_HOME": home}, check=True)
            env |= {"AIRFLOW_HOME": home, "AIRFLOW__CORE__DAGS_FOLDER": f"{home}/dags"}
            command = [sys.executable, "-m", "benchmarks.tiles", "--map", str(tiles)]
            subprocess.run(command, env=env, check=True)
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        run_case(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["--map"]:
        run_mapped(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
