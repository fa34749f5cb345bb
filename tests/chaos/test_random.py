"""Many task instances, each placing an order and waiting for it, under random faults drawn from a seed."""

from __future__ import annotations

import collections
import random

import pytest

from airflow_provider_ard.exceptions import ArdNotFoundError, ArdOrderFailed, ArdUnavailableError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sensors.order import ArdOrderSensor
from tests.chaos.conftest import FULL, Store, Task, TaskInstance

RUNS = 1000 if FULL else 60
TRIES = 30
# `probability`: that the fault affects a request.
FAULTS = [
    {"endpoint": "POST /order", "kind": "reset_after_accept", "probability": 0.10},
    {"endpoint": "POST /order", "kind": "reset_before_accept", "probability": 0.05},
    {"endpoint": "POST /order", "kind": "error_after_accept", "probability": 0.10},
    {"endpoint": "POST /order", "kind": "status", "status": 429, "retry_after": 1, "probability": 0.05},
    {"endpoint": "POST /order", "kind": "gateway_html", "probability": 0.03},
    {"endpoint": "POST /order", "kind": "gateway_html", "status": 200, "probability": 0.03},
    {"kind": "fail_order", "probability": 0.05, "message": "no imagery"},
    {"endpoint": "GET /order", "kind": "status", "status": 503, "probability": 0.15},
    {"endpoint": "GET /order", "kind": "reset_before_accept", "probability": 0.05},
    {"endpoint": "GET /order/status/*", "kind": "status", "status": 502, "probability": 0.10},
    {"endpoint": "GET /order/status/*", "kind": "gateway_html", "probability": 0.05},
    {"endpoint": "GET /order/status/*", "kind": "reset_after_accept", "probability": 0.05},
    {"endpoint": "GET /order/status/*", "kind": "expire_token", "probability": 0.01},
    {"endpoint": "GET /order/status/*", "kind": "revoke_refresh_token", "probability": 0.02},
    {"endpoint": "POST /auth/authenticate", "kind": "status", "status": 503, "probability": 0.05},
]


class Crash(BaseException):
    """Stands for SIGKILL of the process."""


@pytest.fixture
def short_retries(monkeypatch):
    """Shorten the pauses between retries and the search window."""
    from tenacity import nap

    sleep = nap.time.sleep
    monkeypatch.setattr(nap.time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
    monkeypatch.setattr("airflow_provider_ard.ordering.existing_orders.SEARCH_WINDOW_S", 1.5)


@pytest.fixture
def crashes(monkeypatch):
    """Let one submission in twenty crash, before or after the POST."""
    from airflow_provider_ard.api.client import ArdClient

    chance = random.Random(7)
    submit = ArdClient.submit_order
    count = collections.Counter()

    def submit_or_crash(self, request):
        draw = chance.random()
        if draw < 0.025:
            count["before"] += 1
            raise Crash
        order = submit(self, request)
        if draw < 0.05:
            count["after"] += 1
            raise Crash
        return order

    monkeypatch.setattr(ArdClient, "submit_order", submit_or_crash)
    return count


@pytest.mark.timeout(1800)
def test_random_faults_make_one_order_per_task_instance(short_retries, crashes, monkeypatch, capsys):
    ended = collections.Counter()
    tries = collections.Counter()
    order_ids: dict[str, str] = {}
    with Sandbox(order_status_calls=4, seed=5) as ard:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
        for fault in FAULTS:
            ard.faults.add(**fault)
        for number in range(RUNS):
            ti = TaskInstance(run_id=f"run-{number}", max_tries=TRIES)
            context = {"ti": ti, "task": Task(TRIES), "task_state_store": Store()}
            order_id = place_order(ard, context, tries)
            order_ids[ti.run_id] = order_id
            ended[wait_for_order(order_id, context, tries)] += 1
        orders = {order.request["metadata"]["airflow_run_id"]: order for order in ard.orders}
        fired = collections.Counter(firing.rule.kind for firing in ard.faults.fired)
        with capsys.disabled():
            print(
                f"\n{RUNS} task instances, {len(ard.orders)} orders, ended {dict(ended)}; tries {dict(tries)}; "
                f"crashes {dict(crashes)}; faults {dict(fired)}"
            )
        assert len(ard.orders) == len(orders) == RUNS
        assert {run_id: order.id for run_id, order in orders.items()} == order_ids
        states = collections.Counter(order.status for order in ard.orders)
        assert ended == states
        assert sum(fired.values()) > RUNS / 2


def place_order(ard, context, tries):
    for context["ti"].try_number in range(1, TRIES):
        tries["order"] += 1
        task = ArdOrderOperator(task_id="order", acquisitions=ard.acquisitions[0], destination="b/p")
        try:
            return task.execute(context)
        except (ArdUnavailableError, Crash):
            continue
    raise AssertionError(f"not ended after {TRIES} tries")


def wait_for_order(order_id, context, tries):
    for _ in range(TRIES):
        tries["wait"] += 1
        task = ArdOrderSensor(task_id="wait", order_id=order_id, deferrable=False, poke_interval=0)
        try:
            return task.execute(context)["status"]
        except ArdOrderFailed as error:
            return "FAILED" if "no imagery" in str(error) else str(error)
        except ArdNotFoundError:
            raise AssertionError(f"order {order_id} was lost") from None
    raise AssertionError(f"not ended after {TRIES} tries")
