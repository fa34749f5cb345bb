"""Twenty orders in a real Airflow while everything is killed and restarted at random: twenty orders, twenty successes.

`ARD_STORM_SECONDS` is how long the killing lasts (with `ARD_CHAOS=full` minutes), `ARD_STORM_SEED` which storm it is.
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

SECONDS = float(os.environ.get("ARD_STORM_SECONDS", "300" if FULL else "75"))
SEED = int(os.environ.get("ARD_STORM_SEED", "1"))
ORDERS = 20
# Patience for the calm after the storm on a slow machine; nothing here is asserted about time.
CALM = 1200
PAUSES = (3.0, 8.0)

pytestmark = [pytest.mark.standalone, pytest.mark.timeout(int(SECONDS) + CALM + 600)]

DAG = f"""
from datetime import timedelta

from airflow.sdk import dag, task_group

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor


@task_group
def one(destination):
    order = ArdOrderOperator(
        task_id="order", acquisitions={{"1040010060C9AD00": ["Z13-031131111333"]}}, destination=destination
    )
    ArdOrderSensor(task_id="wait", order_id=order.output, poke_interval=2)


@dag(schedule=None, default_args={{"retries": 50, "retry_delay": timedelta(seconds=1)}})
def storm():
    one.expand(destination=[f"s3://ard-demo/{{number}}" for number in range({ORDERS})])


storm()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "storm.py").write_text(DAG)
    options = [
        *("--order-duration", f"{SECONDS / 3:g}s", "--storage", str(tmp_path / "delivered"), "--pixels", "64"),
        # Slow, so that orders are being placed during most of the storm, and many a process dies in the middle of it.
        *("--fault", f"kind=latency,endpoint=POST /order,seconds={min(10.0, SECONDS / ORDERS):g}"),
        # Killed or not, one answer in five is lost.
        *("--fault", "kind=reset_after_accept,endpoint=POST /order,share=0.2"),
    ]
    with Cluster(tmp_path, tmp_path / "dags", options) as cluster:
        cluster.airflow.wait_for_dag("storm")
        yield cluster


def results(airflow: StandaloneAirflow, run_id: str, tasks: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return of each map index the order's id in XCom and the sensor's report."""
    indexes = sorted(task["map_index"] for task in tasks if task["task_id"] == "one.order")
    return [
        (
            airflow.api.xcom("storm", run_id, "one.order", map_index=index),
            airflow.api.xcom("storm", run_id, "one.wait", map_index=index),
        )
        for index in indexes
    ]


def test_twenty_orders_come_through_a_storm_of_kills(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    airflow, random, killed = cluster.airflow, Random(SEED), Counter[str]()
    run_id = airflow.api.trigger("storm")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(random.uniform(*PAUSES))
        if target := cluster.kill_one(random):
            killed[target] += 1
    airflow.wait_until(
        lambda: airflow.api.run_state("storm", run_id) in {"success", "failed"},
        within=CALM,
        what=f"the run is over\n{cluster.log_tails()}",
    )

    tasks = airflow.api.tasks("storm", run_id)
    tries = Counter(task["try_number"] for task in tasks)
    assert Counter((task["task_id"], task["state"]) for task in tasks) == {
        ("one.order", "success"): ORDERS,
        ("one.wait", "success"): ORDERS,
    }
    told = results(airflow, run_id, tasks)
    airflow.stop()
    with Sandbox(state=cluster.state) as ard:
        orders = {order.id: order for order in ard.orders}
    keys = {order.request["metadata"]["airflow_key"] for order in orders.values()}
    with capsys.disabled():
        print(f"\nStorm {SEED} of {SECONDS:g} s killed {killed.total()} times: {dict(killed)}")
        print(f"{len(orders)} orders under {len(keys)} keys; tries of {len(tasks)} tasks: {dict(tries)}")
    assert len(orders) == ORDERS
    assert {order_id for order_id, _ in told} == orders.keys()
    assert all((report["order_id"], report["status"]) == (order_id, "SUCCEEDED") for order_id, report in told)
    # A storm in which nobody died would show nothing.
    assert killed.total() >= 5
