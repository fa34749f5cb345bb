"""SIGKILL of the process that places an order, in a real Airflow, and Airflow's own retry: one order, its id in XCom.

With `ARD_CHAOS=full` at every moment, otherwise at some of them.
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

# Patience for one step on a slow machine; nothing here is asserted about time.
SOON = 180
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
    # A task whose worker has died is found by its missing heartbeat; by default after 5 min. Long enough for a slow
    # machine, which must not take the retry for dead.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
}


@dataclass(frozen=True)
class Moment:
    """When to kill: after so many requests of an endpoint have come in, or have been answered, and `pause` later."""

    endpoint: str
    nth: int = 1
    answered: bool = False
    pause: float = 0.0
    worker: bool = False
    faults: tuple[dict[str, Any], ...] = field(default=())

    def is_reached(self, records: list[RequestRecord]) -> bool:
        met = [record for record in records if record.endpoint.startswith(self.endpoint)]
        return len(met) >= self.nth and (not self.answered or met[self.nth - 1].status is not None)


def slow(endpoint: str, seconds: float, nth: int = 1) -> dict[str, Any]:
    return {"endpoint": endpoint, "kind": "latency", "seconds": seconds, "nth": nth}


def right_after_the_answer(pause: float, *, worker: bool = False) -> Moment:
    # Slow, so that the process can be found before its answer comes, and does not end before it is killed.
    faults = (slow("POST /order", 2), slow("GET /order/status/*", 30))
    return Moment("POST /order", answered=True, pause=pause, worker=worker, faults=faults)


# A latency passes before the request is worked on: an order on the wire is accepted after its process is dead.
MOMENTS = {
    "the look-up is on the wire": Moment("GET /order", faults=(slow("GET /order", 30),)),
    "the POST is on the wire": Moment("POST /order", faults=(slow("POST /order", 2),)),
    "the POST is on the wire, to be accepted while the retry looks": Moment(
        "POST /order", faults=(slow("POST /order", 20),)
    ),
    "the POST is on the wire, never to be accepted": Moment(
        "POST /order",
        faults=(slow("POST /order", 5), {"endpoint": "POST /order", "kind": "reset_before_accept", "nth": 1}),
    ),
    "the answer was lost, and the order is looked for": Moment(
        "GET /order",
        nth=2,
        faults=({"endpoint": "POST /order", "kind": "reset_after_accept", "nth": 1}, slow("GET /order", 30, nth=2)),
    ),
    "with the answer": right_after_the_answer(0.0),
    "10 ms after the answer": right_after_the_answer(0.01),
    "50 ms after the answer": right_after_the_answer(0.05),
    "the id is written down, and not in XCom": Moment("GET /order/status/", faults=(slow("GET /order/status/*", 30),)),
    "the POST is on the wire, and the worker dies too": Moment(
        "POST /order", worker=True, faults=(slow("POST /order", 2),)
    ),
    "with the answer, and the worker dies too": right_after_the_answer(0.0, worker=True),
}
SHORT = [
    "the look-up is on the wire",
    "the POST is on the wire",
    "with the answer",
    "the POST is on the wire, and the worker dies too",
]
CHOSEN = {name: MOMENTS[name] for name in (MOMENTS if FULL else SHORT)}


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
def meet(ard: Sandbox) -> Iterator[Callable[..., None]]:
    """Wait until something holds of the requests since the test began, looking every millisecond."""
    before = len(ard.requests)

    def meet(holds: Callable[[list[RequestRecord]], object]) -> None:
        deadline = time.monotonic() + SOON
        while not holds(ard.requests[before:]):
            assert time.monotonic() < deadline, [record.endpoint for record in ard.requests[before:]]
            time.sleep(0.001)

    yield meet
    ard.faults.clear()


@pytest.mark.parametrize("moment", CHOSEN.values(), ids=CHOSEN)
def test_a_killed_task_is_retried_and_there_is_one_order(
    ard: Sandbox, airflow: StandaloneAirflow, meet: Callable[..., None], moment: Moment
) -> None:
    before = {order.id for order in ard.orders}
    for rule in moment.faults:
        ard.faults.add(**rule)
    run_id = airflow.api.trigger("killed")
    meet(len)
    victims = task_processes(airflow) + (busy_workers(airflow) if moment.worker else [])
    meet(moment.is_reached)
    time.sleep(moment.pause)
    assert len(kill(victims)) == 1 + moment.worker
    # What the dead try has sent still meets the faults; the retry is to meet none.
    ard.faults.clear()
    psutil.wait_procs(victims, timeout=30)

    task = airflow.wait_for_task("killed", run_id, "order", "success", SOON)

    assert task["try_number"] == 2, airflow.api.task_log("killed", run_id, task)
    placed = [order.id for order in ard.orders if order.id not in before]
    assert placed == [airflow.api.xcom("killed", run_id, "order")]
