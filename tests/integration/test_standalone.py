"""Tests against `airflow standalone`, for what needs a real triggerer and separate processes."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from demo.report import Ingested
from demo.runner import ITEM
from demo.standalone import REPOSITORY, StandaloneAirflow
from tests.integration.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_ard.sandbox import Sandbox
    from airflow_provider_ard.sandbox.backend.request_log import RequestRecord
    from demo.storage import S3Server

pytestmark = [pytest.mark.standalone, pytest.mark.timeout(1200)]

EXAMPLE = "ard_order_to_tiles"
APPROVAL = "ard_approval"
HAS_APPROVALS = Version(version("apache-airflow")) >= Version("3.3")
# Time limit for one step, generous for slow machines.
STEP_LIMIT_S = 120
WAITING_DAGS = """
from datetime import timedelta

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag


@dag(dag_id="one_task", schedule=None)
def one_task_dag():
    ArdOrderOperator(
        task_id="order",
        acquisitions={"1040010060C9AD00": ["Z13-031131111333"]},
        destination="s3://ard-demo/one_task",
        wait_for_completion=True,
        poke_interval=1,
    )


one_task_dag()


def order_and_wait(dag_id, ard_conn_id):
    @dag(dag_id=dag_id, schedule=None, default_args={"retries": 2, "retry_delay": timedelta(seconds=1)})
    def order_and_wait_dag():
        order = ArdOrderOperator(
            task_id="order",
            acquisitions={"1040010060C9AD00": ["Z13-031131111333"]},
            destination=f"s3://ard-demo/{dag_id}",
            ard_conn_id=ard_conn_id,
        )
        ArdOrderSensor(task_id="wait", order_id=order.output, poke_interval=1, ard_conn_id=ard_conn_id)

    return order_and_wait_dag()


order_and_wait("waiting", "ard_default")
order_and_wait("wrong_password", "ard_wrong")
"""


@dataclass(frozen=True)
class Stack:
    """The running services."""

    airflow: StandaloneAirflow
    ard: Sandbox
    s3: S3Server


@dataclass(frozen=True)
class ExampleRun:
    """Observations of one run of the example DAG."""

    run_id: str
    order_id: str
    states_while_waiting: list[str]
    running_while_waiting: list[set[str]]
    requests: list[RequestRecord]
    final: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def stack(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    from airflow_provider_ard.sandbox import Sandbox

    folder = tmp_path_factory.mktemp("standalone")
    (folder / "dags").mkdir()
    for name in (EXAMPLE, APPROVAL):
        shutil.copy(REPOSITORY / "dags_examples" / f"{name}.py", folder / "dags")
    (folder / "dags" / "waiting.py").write_text(WAITING_DAGS)
    # Orders end only when a test finishes them.
    with Sandbox(order_duration="1d", storage="s3", s3_endpoint=s3.url, pixels=64) as ard:
        wrong = json.loads(ard.connection_json) | {"password": "no-such-password"}
        env = {
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "AIRFLOW_CONN_ARD_WRONG": json.dumps(wrong),
            "AIRFLOW_CONN_AWS_DEFAULT": s3.connection_json,
        }
        with StandaloneAirflow(folder / "airflow", folder / "dags", env=env) as airflow:
            for dag_id in (EXAMPLE, "waiting", "wrong_password", "one_task", *([APPROVAL] if HAS_APPROVALS else [])):
                airflow.wait_for_dag(dag_id)
            yield Stack(airflow, ard, s3)


@pytest.fixture(scope="module")
def example(stack: Stack) -> ExampleRun:
    """Run the example DAG once, observe it while it waits, and let its order succeed."""
    airflow, ard = stack.airflow, stack.ard
    before = len(ard.requests)
    run_id = airflow.api.trigger(EXAMPLE)
    airflow.wait_for_task(EXAMPLE, run_id, "wait", "deferred", STEP_LIMIT_S)
    # The worker process exits shortly after deferring.
    wait_until(lambda: not airflow.running_tasks(), 30, "the worker is free")
    states, running = [], []
    for _ in range(8):
        states.append(airflow.api.task(EXAMPLE, run_id, "wait")["state"])
        running.append(airflow.running_tasks())
        time.sleep(0.5)
    order_id = airflow.api.xcom(EXAMPLE, run_id, "order")
    ard.wait_for_deliveries()
    ard.finish_order(order_id)
    airflow.wait_until(
        lambda: airflow.api.run_state(EXAMPLE, run_id) in {"success", "failed"},
        within=5 * STEP_LIMIT_S,
        what="the run has ended",
        # Airflow 2 hashes the password at each call, which takes much of a busy processor.
        every=2,
    )
    final = {f"{task['task_id']}{task['map_index']}": task for task in airflow.api.tasks(EXAMPLE, run_id)}
    return ExampleRun(run_id, order_id, states, running, ard.requests[before:], final)


def logins(records: list[RequestRecord]) -> list[RequestRecord]:
    return [record for record in records if record.endpoint.startswith("POST /auth/authenticate")]


def waiting_run(stack: Stack) -> tuple[str, str]:
    """Start a run, wait until its sensor is deferred, and return the run ID and the order ID."""
    run_id = stack.airflow.api.trigger("waiting")
    wait_for_pause(stack, "waiting", run_id, "wait", "deferred")
    return run_id, stack.airflow.api.xcom("waiting", run_id, "order")


def wait_for_pause(stack: Stack, dag_id: str, run_id: str, task_id: str, state: str) -> None:
    """Wait until a task has left its worker, and the scheduler has processed the exit of its process.

    If it processed that only after the task was queued again, it would consider the task killed and count a try.
    """
    stack.airflow.wait_for_task(dag_id, run_id, task_id, state, STEP_LIMIT_S)
    log_line = f"executor event with state success for task instance TaskInstanceKey(dag_id='{dag_id}', task_id='{task_id}', run_id='{run_id}'"
    wait_until(
        lambda: log_line in stack.airflow.log_file.read_text(errors="replace"),
        STEP_LIMIT_S,
        "the scheduler has processed the event",
    )


def status_requests(stack: Stack, order_id: str) -> int:
    return sum(record.endpoint.endswith(f"/order/status/{order_id}") for record in stack.ard.requests)


def test_sensor_waits_deferred_without_worker(example: ExampleRun) -> None:
    assert set(example.states_while_waiting) == {"deferred"}
    assert set().union(*example.running_while_waiting) == set()


def test_all_tasks_succeed_in_first_try(stack: Stack, example: ExampleRun) -> None:
    assert {task["state"] for task in example.final.values()} == {"success"}
    first_tries = {
        name: stack.airflow.api.task_log(EXAMPLE, example.run_id, task | {"try_number": 1})
        for name, task in example.final.items()
        if task["try_number"] != 1
    }
    assert first_tries == {}


def test_order_id_is_in_xcom(stack: Stack, example: ExampleRun) -> None:
    assert example.order_id in {order.id for order in stack.ard.orders}
    report = stack.airflow.api.xcom(EXAMPLE, example.run_id, "wait")
    assert (report["order_id"], report["status"]) == (example.order_id, "SUCCEEDED")
    usage = stack.airflow.api.xcom(EXAMPLE, example.run_id, "order", key="usage")
    assert usage["area"]["total_imagery_sqkm"] > 0


def test_every_delivered_tile_is_ingested(stack: Stack, example: ExampleRun, tmp_path: Path) -> None:
    delivered = {uri for uri in stack.s3.uris("s3://ard-demo/delivered") if ITEM.search(uri)}
    listed = stack.airflow.api.xcom(EXAMPLE, example.run_id, "list_tiles")
    assert len(delivered) >= 4
    assert {tile["item_uri"] for tile in listed} == delivered
    assert {uri for tile in listed for uri in tile["assets"].values()} <= set(stack.s3.uris("s3://ard-demo/delivered"))
    assert Ingested.fetch(stack.s3, "s3://ard-demo/ingested", tmp_path).item_uris() == delivered


def test_order_is_one_post_without_dry_run(example: ExampleRun) -> None:
    posts = [record for record in example.requests if record.endpoint == "POST /order"]
    assert [(record.dry_run, record.status) for record in posts] == [(False, 200)]


def test_each_process_logs_in_at_most_once(example: ExampleRun) -> None:
    # Operator, first poll of the sensor, listing of tiles; and the triggerer, unless it logged in for an earlier run.
    assert len(logins(example.requests)) in {3, 4}


def test_failed_order_fails_sensor_with_message_of_api(stack: Stack) -> None:
    run_id, order_id = waiting_run(stack)
    stack.ard.fail_order(order_id, "The acquisition was withdrawn")
    task = stack.airflow.wait_for_task("waiting", run_id, "wait", "failed", STEP_LIMIT_S)
    assert (task["try_number"], task["max_tries"]) == (1, 2)
    assert "The acquisition was withdrawn" in stack.airflow.api.task_log("waiting", run_id, task)


def test_one_task_orders_and_waits(stack: Stack) -> None:
    submissions = len(stack.ard.submissions)
    run_id = stack.airflow.api.trigger("one_task")
    wait_for_pause(stack, "one_task", run_id, "order", "deferred")
    order_id = stack.airflow.api.xcom("one_task", run_id, "order", key="order_id")
    stack.ard.finish_order(order_id)
    task = stack.airflow.wait_for_task("one_task", run_id, "order", "success", STEP_LIMIT_S)
    assert task["try_number"] == 1
    report = stack.airflow.api.xcom("one_task", run_id, "order")
    assert (report["order_id"], report["status"]) == (order_id, "SUCCEEDED")
    assert len(stack.ard.submissions) == submissions + 1


@pytest.mark.skipif(not HAS_APPROVALS, reason="approvals are tested with Airflow 3.3")
def test_approved_order_is_placed_and_rejected_one_is_not(stack: Stack) -> None:
    api, submissions = stack.airflow.api, len(stack.ard.submissions)
    rejected, approved = (api.trigger(APPROVAL) for _ in range(2))
    for run_id, option in ((rejected, "Reject"), (approved, "Approve")):
        wait_for_pause(stack, APPROVAL, run_id, "approve", "awaiting_input")
        path = f"/dags/{APPROVAL}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
        cost = api.xcom(APPROVAL, run_id, "approve", key="usage")["cost"]["total_imagery_cost"]
        assert f"| Cost | {cost:,.2f} |" in api.get(path)["body"]
        api.patch(path, {"chosen_options": [option]})
    stack.airflow.wait_for_task(APPROVAL, rejected, "wait", "skipped", STEP_LIMIT_S)
    for task_id, state in (("approve", "success"), ("order", "success"), ("wait", "deferred")):
        stack.airflow.wait_for_task(APPROVAL, approved, task_id, state, STEP_LIMIT_S)
    assert api.task(APPROVAL, rejected, "order")["state"] == "skipped"
    assert api.xcom(APPROVAL, approved, "approve") == cost
    assert len(stack.ard.submissions) == submissions + 1
    stack.ard.finish_order(api.xcom(APPROVAL, approved, "order"))
    stack.airflow.wait_for_task(APPROVAL, approved, "wait", "success", STEP_LIMIT_S)


def test_wrong_password_fails_operator_and_log_names_connection(stack: Stack) -> None:
    submissions = len(stack.ard.submissions)
    run_id = stack.airflow.api.trigger("wrong_password")
    task = stack.airflow.wait_for_task("wrong_password", run_id, "order", "failed", STEP_LIMIT_S)
    log = stack.airflow.api.task_log("wrong_password", run_id, task)
    assert (task["try_number"], task["max_tries"]) == (1, 2)
    assert "ArdAuthError" in log
    assert "'ard_wrong'" in log
    assert "no-such-password" not in log
    assert len(stack.ard.submissions) == submissions


def test_sensor_survives_outage(stack: Stack) -> None:
    run_id, order_id = waiting_run(stack)
    before = status_requests(stack, order_id)
    wait_until(lambda: status_requests(stack, order_id) > before, STEP_LIMIT_S, "the triggerer has polled")
    stack.ard.stop()
    try:
        # Several failing polls: poke_interval is 1 s.
        time.sleep(6)
        assert stack.airflow.api.task("waiting", run_id, "wait")["state"] == "deferred"
    finally:
        stack.ard.start()
    stack.ard.finish_order(order_id)
    task = stack.airflow.wait_for_task("waiting", run_id, "wait", "success", STEP_LIMIT_S)
    assert task["try_number"] == 1
