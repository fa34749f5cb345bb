"""A crash at any step of placing an order, followed by a retry, leaves one order whose ID is in XCom.

The crash is a BaseException, which no code on the way catches, so that only the task state store and the API's list of
orders survive it, as after a SIGKILL. `test_killed.py` does the same with real processes.
"""

from __future__ import annotations

import itertools
from unittest import mock

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.exceptions import ArdOrderInDoubtError
from airflow_provider_ard.operators import order_xcoms
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.ordering import select_store
from airflow_provider_ard.ordering.existing_orders import OrderSearch
from airflow_provider_ard.ordering.placement import OrderPlacement
from airflow_provider_ard.ordering.submission_store import TaskStateSubmissionStore
from tests.chaos.conftest import FULL, Store


class Crash(BaseException):
    """Stands for SIGKILL of the process."""


def crash_before(_):
    def wrapper(*_, **__):
        raise Crash

    return wrapper


def crash_after(function):
    def wrapper(*args, **kwargs):
        function(*args, **kwargs)
        raise Crash

    return wrapper


def on_nth_call(n, crash):
    """Return a decorator that applies another one, `crash_before` or `crash_after`, to the nth call only."""

    def decorate(function):
        calls, crashing = itertools.count(1), crash(function)

        def wrapper(*args, **kwargs):
            return (crashing if next(calls) == n else function)(*args, **kwargs)

        return wrapper

    return decorate


def patched(point):
    """Let the next call at a crash point crash."""
    owner, attribute, decorate = point
    return mock.patch.object(owner, attribute, decorate(getattr(owner, attribute)))


# Delay in seconds until the list shows a new order, shorter than the search window of this test.
LAG_S = 5.0 if FULL else 1.0
# Where the first try crashes: (object, attribute, decorator of the attribute).
POINTS = {
    "before the search": (OrderSearch, "orders", crash_before),
    "after the search": (OrderSearch, "orders", crash_after),
    "before the submission": (OrderPlacement, "submit", crash_before),
    "before the intent is saved": (TaskStateSubmissionStore, "save", crash_before),
    "after the intent is saved": (TaskStateSubmissionStore, "save", on_nth_call(1, crash_after)),
    "before the POST": (ArdClient, "submit_order", crash_before),
    "after the POST, before the response is read": (ArdClient, "submit_order", crash_after),
    "before the order ID is saved": (OrderPlacement, "_confirm", crash_before),
    "while the order ID is saved": (TaskStateSubmissionStore, "save", on_nth_call(2, crash_before)),
    "after the order ID is saved": (TaskStateSubmissionStore, "save", on_nth_call(2, crash_after)),
    "before the order is published": (order_xcoms, "publish_order", crash_before),
    "after the order is published": (order_xcoms, "publish_order", crash_after),
}
FAULTS = {
    "no fault": None,
    "response lost": {"endpoint": "POST /order", "kind": "reset_after_accept", "nth": 1},
    "500 after accept": {"endpoint": "POST /order", "kind": "error_after_accept", "nth": 1},
    "reset before accept": {"endpoint": "POST /order", "kind": "reset_before_accept", "nth": 1},
    "list lags": {"endpoint": "GET /order", "kind": "list_lag", "seconds": LAG_S},
}
LAST = ("after the order ID is saved", "before the order is published", "after the order is published")
if not FULL:
    FAULTS = {name: FAULTS[name] for name in ("response lost", "reset before accept", "list lags")}


@pytest.fixture
def short_retry_pauses(monkeypatch):
    """Limit the pauses between retries to 0.2 s."""
    from tenacity import nap

    sleep = nap.time.sleep
    monkeypatch.setattr(nap.time, "sleep", lambda seconds: sleep(min(seconds, 0.2)))


@pytest.fixture(
    params=[True, False] if FULL else [True], ids=lambda has_store: "Airflow 3.3" if has_store else "older Airflow"
)
def has_store(request, context):
    if request.param:
        context["task_state_store"] = Store()
    context["task"].retries = 5
    context["ti"].max_tries = 5
    return request.param


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_retry_after_crash_makes_one_order(
    ard, ard_connection, context, has_store, short_search_window, short_retry_pauses, point, fault
):
    crash_and_retry(ard, context, point, fault, "reuse")


@pytest.mark.parametrize("fault", FAULTS.values() if FULL else [None], ids=FAULTS if FULL else ["no fault"])
@pytest.mark.parametrize("point", POINTS if FULL else LAST)
def test_resubmit_after_crash_makes_one_order(
    ard, ard_connection, context, has_store, short_search_window, short_retry_pauses, point, fault
):
    crash_and_retry(ard, context, POINTS[point], fault, "resubmit")


SELECT_POINTS = {
    "after the Select ID is saved": (select_store, "save_select_id", crash_after),
    "before the first poll": (ArdSelectOperator, "_poll", crash_before),
    "before the result is returned": (ArdSelectOperator, "_push_results", crash_before),
    "after the result is returned": (ArdSelectOperator, "_push_results", crash_after),
}


@pytest.mark.parametrize("point", SELECT_POINTS.values(), ids=SELECT_POINTS)
def test_retry_after_crash_submits_one_select(ard, ard_connection, context, short_retry_pauses, point):
    context["task_state_store"] = Store()

    def try_once():
        return ArdSelectOperator(task_id="task", bbox=[-105.13, 40.14, -105.06, 40.19], poke_interval=1).execute(
            context
        )

    with patched(point), pytest.raises(Crash):
        try_once()
    context["ti"].try_number = 2
    context["ti"].xcoms.clear()
    assert try_once()
    assert context["ti"].xcoms["counts"]["tiles"] > 0
    assert sum(record.endpoint == "POST /select" for record in ard.requests) == 1


def crash_and_retry(ard, context, point, fault, if_exists):
    """Crash one try at `point`, retry until a try succeeds, and check that one order exists and its ID is in XCom."""

    def try_once():
        task = ArdOrderOperator(
            task_id="task", acquisitions=ard.acquisitions[0], destination="bkt/p", if_exists=if_exists
        )
        return task.execute(context)

    if fault:
        ard.faults.add(**fault)
    with patched(point):
        try:
            try_once()
            # Only a lost response can skip a crash point, except that Airflow before 3.3 has no store to crash in.
            assert (fault and fault["endpoint"] == "POST /order") or "task_state_store" not in context
        except Crash:
            pass
        except ArdOrderInDoubtError:
            # The connection was reset before the API accepted the order, so this try failed before its crash point.
            assert fault["kind"] == "reset_before_accept"
    order_id = None
    for context["ti"].try_number in range(2, 6):
        # Airflow clears XCom before each try.
        context["ti"].xcoms.clear()
        try:
            order_id = try_once()
            break
        except ArdOrderInDoubtError:
            continue
    assert [order.id for order in ard.orders] == [order_id]
    assert context["ti"].xcoms["order_id"] == order_id
