"""Mapped task instances that order at the same time, without any limit of Airflow: never more than the budget."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from threading import Barrier

import pytest
from packaging.version import Version

from airflow_provider_ard.exceptions import ArdBudgetExceeded, ArdUnavailableError
from tests.unit.ordering.conftest import PRICE, TILE

INSTANCES, ROOM = 50, 10


@pytest.fixture
def retry_pauses():
    """Keep the pauses, as the races depend on them."""
    return []


def prepare_thread():
    """Let this thread execute operators: Airflow 2 prepares only the one that imports it."""
    if Version(version("apache-airflow")).major == 2:
        from airflow.models.baseoperator import ExecutorSafeguard

        ExecutorSafeguard._sentinel.callers = {}


def run_instances(order, run, instances, **arguments):
    """Run task instances concurrently, each with the retries of Airflow, and count their outcomes."""
    barrier = Barrier(instances)

    def run_instance(map_index):
        prepare_thread()
        task = order(**arguments)
        barrier.wait()
        for try_number in range(1, 21):
            try:
                task.execute(run.context(map_index, try_number=try_number))
            except ArdUnavailableError:
                time.sleep(random.uniform(0, 0.5))
            except ArdBudgetExceeded:
                return "exceeded"
            else:
                return "ordered"
        return "unavailable"

    with ThreadPoolExecutor(instances) as executor:
        return Counter(executor.map(run_instance, range(instances)))


@pytest.mark.parametrize("lag", ["0s", "2s"])
def test_exactly_the_budget_is_ordered(ard, order, run, lag):
    ard.faults.add(kind="list_lag", seconds=lag)
    outcomes = run_instances(order, run, INSTANCES, budget={"cost": ROOM * PRICE, "per": "month"})
    assert len(ard.orders) == len(ard.submissions) == ROOM
    assert outcomes == {"ordered": ROOM, "exceeded": INSTANCES - ROOM}


def test_lost_responses_and_outages_never_exceed_the_budget(ard, order, run, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.ordering.existing_orders.SEARCH_WINDOW_S", 1.0)
    ard.faults.add("POST /order", kind="reset_after_accept", probability=0.3, dry_run=False)
    ard.faults.add("GET /order", kind="status", status=503, probability=0.2)
    outcomes = run_instances(order, run, 20, budget={"cost": 5 * PRICE, "per": "month"}, acquisitions=[TILE])
    assert len(ard.orders) == len(ard.submissions) <= 5
    assert outcomes["ordered"] == len(ard.orders)
