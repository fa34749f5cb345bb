"""Twenty orders succeed exactly once while components of a real Airflow are killed and restarted at random.

`ARD_STORM_SECONDS` sets how long processes are killed (300 s), `ARD_STORM_SEED` the seed of the random choices. Runs with
`ARD_CHAOS=full` only: in CI, `make cluster-short` kills the same components, on several hosts.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_ard.sandbox import Sandbox
from tests.chaos.cluster import Cluster
from tests.chaos.conftest import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.standalone import StandaloneAirflow

SECONDS = float(os.environ.get("ARD_STORM_SECONDS", "300"))
SEED = int(os.environ.get("ARD_STORM_SEED", "1"))
ORDERS = 20
# Time limit for the run to end after the last kill, generous for slow machines.
RECOVERY_LIMIT_S = 1200
KILL_PAUSES_S = (3.0, 8.0)

pytestmark = [
    pytest.mark.standalone,
    pytest.mark.timeout(int(SECONDS) + RECOVERY_LIMIT_S + 600),
    pytest.mark.skipif(not FULL, reason="takes minutes; ARD_CHAOS=full runs it"),
]

DAG = f"""
from datetime import timedelta

from airflow.sdk import dag, task_group

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor


@task_group
def order_and_wait(destination):
    order = ArdOrderOperator(
        task_id="order", acquisitions={{"1040010060C9AD00": ["Z13-031131111333"]}}, destination=destination
    )
    ArdOrderSensor(task_id="wait", order_id=order.output, poke_interval=2)


@dag(schedule=None, default_args={{"retries": 50, "retry_delay": timedelta(seconds=1)}})
def storm():
    order_and_wait.expand(destination=[f"s3://ard-demo/{{number}}" for number in range({ORDERS})])


storm()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "storm.py").write_text(DAG)
    options = [
        *("--order-duration", f"{SECONDS / 3:g}s", "--storage", str(tmp_path / "delivered"), "--pixels", "64"),
        # Slow, so that orders are placed during most of the storm and processes die while placing one.
        *("--fault", f"kind=latency,endpoint=POST /order,seconds={min(10.0, SECONDS / ORDERS):g}"),
        # One response in five is lost, independently of the kills.
        *("--fault", "kind=reset_after_accept,endpoint=POST /order,probability=0.2"),
    ]
    with Cluster(tmp_path, tmp_path / "dags", options) as cluster:
        cluster.airflow.wait_for_dag("storm")
        yield cluster


def results(airflow: StandaloneAirflow, run_id: str, tasks: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the order ID in XCom and the sensor's report for each map index."""
    indexes = sorted(task["map_index"] for task in tasks if task["task_id"] == "order_and_wait.order")
    return [
        (
            airflow.api.xcom("storm", run_id, "order_and_wait.order", map_index=index),
            airflow.api.xcom("storm", run_id, "order_and_wait.wait", map_index=index),
        )
        for index in indexes
    ]


def test_random_kills_cause_no_lost_or_duplicate_order(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    airflow, random, killed = cluster.airflow, Random(SEED), Counter[str]()
    run_id = airflow.api.trigger("storm")
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        time.sleep(random.uniform(*KILL_PAUSES_S))
        if target := cluster.kill_one(random):
            killed[target] += 1
    airflow.wait_until(
        lambda: airflow.api.run_state("storm", run_id) in {"success", "failed"},
        within=RECOVERY_LIMIT_S,
        what=f"the run has ended\n{cluster.log_tails()}",
    )

    tasks = airflow.api.tasks("storm", run_id)
    tries = Counter(task["try_number"] for task in tasks)
    assert Counter((task["task_id"], task["state"]) for task in tasks) == {
        ("order_and_wait.order", "success"): ORDERS,
        ("order_and_wait.wait", "success"): ORDERS,
    }
    reports = results(airflow, run_id, tasks)
    airflow.stop()
    with Sandbox(state=cluster.state) as ard:
        orders = {order.id: order for order in ard.orders}
    keys = {order.request["metadata"]["airflow_key"] for order in orders.values()}
    with capsys.disabled():
        print(f"\nstorm with seed {SEED}: {killed.total()} kills in {SECONDS:g} s: {dict(killed)}")
        print(f"{len(orders)} orders, {len(keys)} idempotency keys; tries of {len(tasks)} tasks: {dict(tries)}")
    assert len(orders) == ORDERS
    assert {order_id for order_id, _ in reports} == orders.keys()
    assert all((report["order_id"], report["status"]) == (order_id, "SUCCEEDED") for order_id, report in reports)
    # Without kills the test would prove nothing.
    assert killed.total() >= 5
