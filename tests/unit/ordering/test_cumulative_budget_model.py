"""Random sequences of orders, failures, retries, faults and days: no period ever exceeds its budget.

Task instances of several DAG runs and Connections' budgets share one account. The clock is the sandbox's, for the client as
well. `ARD_CHAOS=full` runs 100 examples instead of a few seconds' worth.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from airflow_provider_ard.api.budgets import Budget
from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering import cumulative_budget, existing_orders, placement
from airflow_provider_ard.ordering.cumulative_budget import BudgetGuard
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import place_order
from airflow_provider_ard.ordering.reservations import XComReservationStore
from airflow_provider_ard.sandbox import Sandbox
from tests.unit.ordering.conftest import PRICE, TILE, DagRun
from tests.unit.ordering.crashes import Crash, CrashingClient, CrashingStore, CrashPoint, Instance

IS_FULL = os.environ.get("ARD_CHAOS") == "full"
EXAMPLES, STEPS = (100, 60) if IS_FULL else (4, 30)
# The list lags less than the search for an order, and than a task waits for its order to be listed.
LAG_S, WINDOW_S = 0.05, 0.12
RUNS, INSTANCES = 2, 6
BUDGETS = (
    Budget(cost=2 * PRICE, per="day"),
    Budget(cost=4 * PRICE, per="month"),
    Budget(cost=3 * PRICE, per="60h", scope="account", argument="the Connection's extra budget"),
)
FAULTS: list[dict[str, Any]] = [
    *({"endpoint": "POST /order", "kind": kind} for kind in ("reset_before_accept", "reset_after_accept")),
    {"endpoint": "POST /order", "kind": "status", "status": 503},
    {"endpoint": "POST /order", "kind": "error_after_accept", "status": 500},
    {"endpoint": "POST /order", "kind": "gateway_json", "accept": True},
    {"endpoint": "GET /order", "kind": "status", "status": 503},
    {"endpoint": "GET /order", "kind": "body", "body": '{"data": [], "has_more": false}', "status": 206},
    {"endpoint": "GET /order", "kind": "drop_json", "path": "$.has_more"},
    {"endpoint": "GET /order", "kind": "drop_json", "path": "$.data[*].order.usage"},
    {"endpoint": "GET /order", "kind": "set_json", "path": "$.data[*].order.usage.cost.total_imagery_cost", "value": 0},
    {"endpoint": "GET /order", "kind": "set_json", "path": "$.data[*].order.usage.cost.total_imagery_cost", "value": None},
    {"endpoint": "GET /order", "kind": "set_json", "path": "$.data[*].status", "value": "FAILED"},
    {"endpoint": "GET /order", "kind": "drop_json", "path": "$.data[*].created"},
    {"endpoint": "GET /order/status/*", "kind": "status", "status": 502},
    {"kind": "list_lag", "seconds": LAG_S},
    {"kind": "filter_lag", "seconds": "30s"},
    {"kind": "ignore_filter"},
]  # fmt: skip


class Spending(RuleBasedStateMachine):
    """Task instances that order one tile each, in two DAG runs; some orders are placed by another tool."""

    clock: SimpleNamespace

    def __init__(self) -> None:
        super().__init__()
        self.ard = Sandbox(order_duration="3650d")
        self.ard.start()
        Spending.clock.now = self.ard.clock.time
        self.client = ArdClient(Login(self.ard.login, self.ard.password), host=self.ard.url, timeout=5)
        self.runs = [DagRun(f"run{number}") for number in range(RUNS)]
        self.instances = {
            (run, index): Instance(IdempotencyKey("dag", "order", f"run{run}", index), 0, "reuse", has_store=True)
            for run in range(RUNS)
            for index in range(INSTANCES)
        }

    def teardown(self) -> None:
        try:
            self.check_that_free_budget_is_used()
        finally:
            self.client.close()
            self.ard.stop()

    @initialize(hour=st.integers(0, 800))
    def start_at(self, hour: int) -> None:
        self.ard.clock.advance(timedelta(hours=hour))

    @rule(run=st.integers(0, RUNS - 1), index=st.integers(0, INSTANCES - 1), crash=st.none() | st.integers(0, 6))
    def attempt(self, run: int, index: int, crash: int | None) -> None:
        """Run a first try, a retry, or a try after a clear."""
        self.order(run, index, CrashPoint(crash))

    @rule(run=st.integers(0, RUNS - 1))
    def attempt_all(self, run: int) -> None:
        for index in range(INSTANCES):
            self.order(run, index, CrashPoint(None))

    @rule(fault=st.sampled_from(FAULTS), nth=st.integers(1, 4), times=st.sampled_from([1, 3, 1000]))
    def break_api(self, fault: dict[str, Any], nth: int, times: int) -> None:
        self.ard.faults.add(**({"nth": nth, "times": times} | fault))

    @rule()
    def recover_api(self) -> None:
        self.ard.faults.clear()

    @rule(hours=st.sampled_from([1, 7, 23, 24, 61, 300]))
    def pass_time(self, hours: int) -> None:
        """Advance the clock; while there is no crashed try, which a real one would have been retried by then."""
        self.ard.clock.advance(timedelta(hours=hours))

    @rule(position=st.integers(0, 30), status=st.sampled_from(["FAILED", "SUCCEEDED", "ERROR"]))
    def end_order(self, position: int, status: str) -> None:
        running = [order for order in self.ard.orders if order.status == "RUNNING"]
        if running:
            self.ard.set_order_status(running[position % len(running)].id, status)

    @invariant()
    def no_period_exceeds_its_budget(self) -> None:
        for budget in BUDGETS:
            for order in self.ard.orders:
                # The sum since the begin of the period in which an order was placed, without what failed by now.
                start = budget.window_start(order.created)
                placed = [
                    o for o in self.ard.orders if start <= o.created <= order.created and o.status not in FAILURES
                ]
                total = sum(o.usage["cost"]["total_imagery_cost"] for o in placed)
                assert not placed or total <= budget.cost + 0.001, (
                    budget,
                    [(o.id, o.created, o.status) for o in placed],
                )

    def order(self, run: int, index: int, point: CrashPoint) -> BaseException | None:
        """Run one try, and return the exception that ended it."""
        instance = self.instances[run, index]
        client: Any = CrashingClient(self.client, point)
        request = OrderRequest.of(acquisitions=[TILE], destination="s3://bucket/prefix")
        ti = self.runs[run].context(index)["ti"]
        reservations = XComReservationStore(ti, ["order"], "ard_default")
        try:
            guard = BudgetGuard(client, BUDGETS, instance.key, request, reservations)
            place_order(client, request, instance.key, guard=guard, store=CrashingStore(instance, point))
        except (ArdError, Crash) as error:
            return error
        return None

    def check_that_free_budget_is_used(self) -> None:
        """Check that orders are placed up to the budget once the API has recovered, and not beyond it."""
        self.ard.faults.clear()
        self.ard.clock.advance(timedelta(days=62))
        for run, index in self.instances:
            self.order(run, index, CrashPoint(None))
            self.order(run, index, CrashPoint(None))
        self.no_period_exceeds_its_budget()
        outcomes = [self.order(run, index, CrashPoint(None)) for run, index in self.instances]
        unexpected = [outcome for outcome in outcomes if not isinstance(outcome, ArdBudgetExceeded | None)]
        assert unexpected == []
        exceeded = outcomes.count(None) < len(outcomes)
        start = BUDGETS[0].window_start(self.ard.clock.now())
        today = [order for order in self.ard.orders if order.created >= start and order.status not in FAILURES]
        assert len(today) == 2 or not exceeded


FAILURES = ("FAILED", "ERROR")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let the client use the clock of the sandbox, and pause only briefly."""
    clock = SimpleNamespace(now=time.time)
    pause = time.sleep
    fast_time = SimpleNamespace(
        # Each example replaces the clock.
        time=lambda: clock.now(),  # noqa: PLW0108
        monotonic=time.monotonic,
        sleep=lambda seconds: pause(min(seconds, 0.02)),
    )
    for module in (cumulative_budget, placement, existing_orders):
        monkeypatch.setattr(module, "time", fast_time)
    monkeypatch.setattr(existing_orders, "SEARCH_WINDOW_S", WINDOW_S)
    monkeypatch.setattr(existing_orders, "LAST_SEARCH_TIMEOUT_S", 5.0)
    monkeypatch.setattr(cumulative_budget, "RESERVATION_WINDOW_S", WINDOW_S)
    monkeypatch.setattr(cumulative_budget, "LISTING_WINDOW_S", 2 * WINDOW_S)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: pause(min(seconds, 0.02)))
    return clock


@pytest.mark.timeout(7200 if IS_FULL else 300)
def test_no_sequence_of_events_exceeds_a_budget(clock: SimpleNamespace) -> None:
    Spending.clock = clock
    profile = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(Spending, settings=profile)
