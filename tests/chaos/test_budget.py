"""Budgets in a real Airflow: orders that task processes place at the same time, runs of one DAG, and a wait.

Only with `ARD_CHAOS=full`, in about five minutes; `tests/unit/ordering/test_cumulative_budget_race.py` has the races of one
DAG run for each CI run.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_ard.sandbox import Sandbox
from demo.standalone import StandaloneAirflow
from tests.chaos.conftest import FULL
from tests.unit.ordering.conftest import PRICE

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 900
DAGS = f"""
from datetime import timedelta

from airflow.sdk import dag

from airflow_provider_ard.operators.order import ArdOrderOperator

ORDER = {{"acquisitions": {{"10400100F8AF9F00": ["Z13-031131111312"]}}, "destination": "s3://ard-demo/budget"}}
RETRIES = {{"retries": 30, "retry_delay": timedelta(seconds=1)}}


# Each DAG has a scope of its own. A pool of many slots, so that task instances order at the same time.
@dag(schedule=None, default_args=RETRIES)
def mapped():
    budget = {{"cost": 10 * {PRICE}, "per": "month", "pool": "default_pool"}}
    ArdOrderOperator.partial(task_id="order", budget=budget, destination="s3://ard-demo/budget").expand(
        acquisitions=[ORDER["acquisitions"]] * 50
    )


@dag(schedule=None, default_args=RETRIES, max_active_runs=20)
def runs():
    ArdOrderOperator(task_id="order", budget={{"cost": 5 * {PRICE}, "per": "month"}}, on_exceeded="skip", **ORDER)


@dag(schedule=None, default_args=RETRIES, max_active_runs=2)
def waiting():
    ArdOrderOperator(task_id="order", budget={{"cost": {PRICE}, "per": "2m"}}, on_exceeded="wait", **ORDER)


mapped()
runs()
waiting()
"""

pytestmark = [
    pytest.mark.standalone,
    pytest.mark.timeout(4 * LIMIT_S),
    pytest.mark.skipif(not FULL, reason="takes minutes; ARD_CHAOS=full runs it"),
]


@pytest.fixture(scope="module")
def ard() -> Iterator[Sandbox]:
    with Sandbox(order_duration="3d") as sandbox:
        # So that an order is not in the list yet when the next one is placed.
        sandbox.faults.add(kind="list_lag", seconds="3s")
        yield sandbox


@pytest.fixture(scope="module")
def airflow(ard: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneAirflow]:
    folder = tmp_path_factory.mktemp("budget")
    (folder / "dags").mkdir()
    (folder / "dags" / "budgets.py").write_text(DAGS)
    env = {"AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json, "AIRFLOW__CORE__PARALLELISM": "8"}
    with StandaloneAirflow(folder / "airflow", folder / "dags", env=env, start_within=300) as standalone:
        standalone.wait_for_dag("waiting")
        yield standalone


def finish(airflow: StandaloneAirflow, dag_id: str, run_ids: list[str]) -> Counter[str]:
    """Wait for the end of the runs, and count the states of their task instances."""
    tasks: list[dict[str, Any]] = []

    def have_ended() -> bool:
        tasks[:] = [task for run_id in run_ids for task in airflow.api.tasks(dag_id, run_id)]
        return all(task["state"] in {"success", "failed", "skipped", "upstream_failed"} for task in tasks)

    airflow.wait_until(have_ended, within=LIMIT_S, what=f"the end of {dag_id}", every=2)
    return Counter(task["state"] for task in tasks)


def orders_of(ard: Sandbox, dag_id: str) -> list[Any]:
    return [order for order in ard.orders if order.request["metadata"]["airflow_dag_id"] == dag_id]


def test_concurrent_mapped_orders_use_the_budget_exactly(ard: Sandbox, airflow: StandaloneAirflow) -> None:
    outcomes = finish(airflow, "mapped", [airflow.api.trigger("mapped")])
    assert len(orders_of(ard, "mapped")) == 10
    assert outcomes == {"success": 10, "failed": 40}


def test_concurrent_runs_use_the_budget_exactly(ard: Sandbox, airflow: StandaloneAirflow) -> None:
    outcomes = finish(airflow, "runs", [airflow.api.trigger("runs") for _ in range(15)])
    assert len(orders_of(ard, "runs")) == 5
    assert outcomes == {"success": 5, "skipped": 10}


def test_waiting_order_is_placed_when_the_window_has_room(ard: Sandbox, airflow: StandaloneAirflow) -> None:
    run_ids = [airflow.api.trigger("waiting") for _ in range(2)]
    assert finish(airflow, "waiting", run_ids) == {"success": 2}
    first, second = orders_of(ard, "waiting")
    assert (second.created - first.created).total_seconds() >= 120
