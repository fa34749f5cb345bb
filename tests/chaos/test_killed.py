"""SIGKILL the process that places an order in a real Airflow; the retry leaves one order, with its ID in XCom.

`ARD_CHAOS=full` kills at every moment listed below, otherwise only at some of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from demo.standalone import StandaloneAirflow
from tests.chaos.conftest import FULL
from tests.chaos.processes import busy_workers, kill, task_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_ard.sandbox import Sandbox
    from airflow_provider_ard.sandbox.backend.request_log import RequestRecord

pytestmark = [pytest.mark.standalone, pytest.mark.timeout(600)]

# Time limit for one step, generous for slow machines.
STEP_LIMIT_S = 180
DAG = """
from datetime import timedelta

from airflow.sdk import dag

from airflow_provider_ard.operators.order import ArdOrderOperator


@dag(schedule=None, default_args={"retries": 3, "retry_delay": timedelta(seconds=1)})
def killed():
    ArdOrderOperator(
        task_id="order",
        acquisitions={"1040010060C9AD00": ["Z13-031131111333"]},
        destination="s3://ard-demo/killed",
    )


killed()
"""
ENVIRONMENT = {
    # A missing heartbeat reveals that a worker has died, by default after 5 min. Still long enough for a slow machine,
    # which must not mistake the retry for dead.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
}


@dataclass(frozen=True)
class Moment:
    """When to kill: `pause` seconds after the `nth` request of an endpoint arrives, or after its response (`has_response`)."""

    endpoint: str
    nth: int = 1
    has_response: bool = False
    pause: float = 0.0
    worker: bool = False
    faults: tuple[dict[str, Any], ...] = field(default=())

    def is_reached(self, records: list[RequestRecord]) -> bool:
        matching = [record for record in records if record.endpoint.startswith(self.endpoint)]
        return len(matching) >= self.nth and (not self.has_response or matching[self.nth - 1].status is not None)


def slow(endpoint: str, seconds: float, nth: int = 1) -> dict[str, Any]:
    return {"endpoint": endpoint, "kind": "latency", "seconds": seconds, "nth": nth}


def after_response(pause: float, *, worker: bool = False) -> Moment:
    # Slow, so that the process can be identified before the response arrives and still runs when it is killed.
    faults = (slow("POST /order", 2), slow("GET /order/status/*", 30))
    return Moment("POST /order", has_response=True, pause=pause, worker=worker, faults=faults)


# The latency precedes processing, so the API accepts an order that is in flight after its process has died.
MOMENTS = {
    "search in flight": Moment("GET /order", faults=(slow("GET /order", 30),)),
    "POST in flight": Moment("POST /order", faults=(slow("POST /order", 2),)),
    "POST in flight, accepted during the retry's search": Moment("POST /order", faults=(slow("POST /order", 20),)),
    "POST in flight, never accepted": Moment(
        "POST /order",
        faults=(slow("POST /order", 5), {"endpoint": "POST /order", "kind": "reset_before_accept", "nth": 1}),
    ),
    "search after a lost response": Moment(
        "GET /order",
        nth=2,
        faults=({"endpoint": "POST /order", "kind": "reset_after_accept", "nth": 1}, slow("GET /order", 30, nth=2)),
    ),
    "at the response": after_response(0.0),
    "10 ms after the response": after_response(0.01),
    "50 ms after the response": after_response(0.05),
    "order ID saved but not in XCom": Moment("GET /order/status/", faults=(slow("GET /order/status/*", 30),)),
    "POST in flight, worker killed as well": Moment("POST /order", worker=True, faults=(slow("POST /order", 2),)),
    "at the response, worker killed as well": after_response(0.0, worker=True),
}
SHORT = [
    "search in flight",
    "POST in flight",
    "at the response",
    "POST in flight, worker killed as well",
]
SELECTED_MOMENTS = {name: MOMENTS[name] for name in (MOMENTS if FULL else SHORT)}


@pytest.fixture(scope="module")
def ard() -> Iterator[Sandbox]:
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d") as ard:
        yield ard


@pytest.fixture(scope="module")
def airflow(ard: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneAirflow]:
    folder = tmp_path_factory.mktemp("killed")
    (folder / "dags").mkdir()
    (folder / "dags" / "killed.py").write_text(DAG)
    env = ENVIRONMENT | {"AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json}
    with StandaloneAirflow(folder / "airflow", folder / "dags", env=env) as airflow:
        airflow.wait_for_dag("killed")
        yield airflow


@pytest.fixture
def wait_for_requests(ard: Sandbox) -> Iterator[Callable[..., None]]:
    """Return a function that waits until a condition on the requests since the start of the test is true."""
    before = len(ard.requests)

    def wait(condition: Callable[[list[RequestRecord]], object]) -> None:
        deadline = time.monotonic() + STEP_LIMIT_S
        while not condition(ard.requests[before:]):
            assert time.monotonic() < deadline, [record.endpoint for record in ard.requests[before:]]
            time.sleep(0.001)

    yield wait
    ard.faults.clear()


@pytest.mark.parametrize("moment", SELECTED_MOMENTS.values(), ids=SELECTED_MOMENTS)
def test_retry_of_killed_task_makes_one_order(
    ard: Sandbox, airflow: StandaloneAirflow, wait_for_requests: Callable[..., None], moment: Moment
) -> None:
    before = {order.id for order in ard.orders}
    for rule in moment.faults:
        ard.faults.add(**rule)
    run_id = airflow.api.trigger("killed")
    wait_for_requests(len)
    victims = task_processes(airflow) + (busy_workers(airflow) if moment.worker else [])
    wait_for_requests(moment.is_reached)
    time.sleep(moment.pause)
    assert len(kill(victims)) == 1 + moment.worker
    # Requests of the dead try are still subject to the faults; those of the retry are not.
    ard.faults.clear()
    psutil.wait_procs(victims, timeout=30)

    task = airflow.wait_for_task("killed", run_id, "order", "success", STEP_LIMIT_S)

    assert task["try_number"] == 2, airflow.api.task_log("killed", run_id, task)
    order_ids = [order.id for order in ard.orders if order.id not in before]
    assert order_ids == [airflow.api.xcom("killed", run_id, "order")]
