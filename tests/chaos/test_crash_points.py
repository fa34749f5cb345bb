"""A crash at every step between "about to order" and "id handed on", then the retry: one order, its id known.

The crash is a BaseException that nothing in the way may catch, as little as a SIGKILL; what the dead try held in memory is
lost, and the task state store and the API's list are all that is left. `test_killed.py` does the same with real processes.
"""

from __future__ import annotations

import itertools
import threading
from unittest import mock

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.exceptions import ArdOrderInDoubtError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.ordering import select_store
from airflow_provider_ard.ordering.existing_orders import OrderSearch
from airflow_provider_ard.ordering.placement import OrderPlacement
from airflow_provider_ard.ordering.submission_store import TaskStateSubmissionStore
from tests.chaos.conftest import FULL, Store


class Crash(BaseException):
    """The process is gone."""


def crash_before(*_: object, **__: object) -> None:
    raise Crash


def crash_after(function):
    def wrapper(*args, **kwargs):
        function(*args, **kwargs)
        raise Crash

    return wrapper


def nth_call(n, crashing, function):
    calls = itertools.count(1)

    def wrapper(*args, **kwargs):
        return (crashing if next(calls) == n else function)(*args, **kwargs)

    return wrapper


# How long the list lags, seconds; the look-up window of this test is longer, as 30 s is in earnest.
LAG_S = 5.0 if FULL else 1.0
SUBMIT, KEEP = ArdClient.submit_order, TaskStateSubmissionStore.save
# Where the first try dies: each place is (object, attribute, what stands there instead).
POINTS = {
    "before the look-up": (ArdClient, "list_orders", crash_before),
    "after the look-up": (OrderSearch, "orders", crash_after(OrderSearch.orders)),
    "before the budget check": (ArdOrderOperator, "_budget_check", crash_before),
    "before the intent is written": (TaskStateSubmissionStore, "save", crash_before),
    "after the intent is written": (TaskStateSubmissionStore, "save", nth_call(1, crash_after(KEEP), KEEP)),
    "before the POST": (ArdClient, "submit_order", crash_before),
    "after the POST, before its answer is read": (ArdClient, "submit_order", crash_after(SUBMIT)),
    "before the id is written down": (OrderPlacement, "_confirm", crash_before),
    "while the id is written down": (TaskStateSubmissionStore, "save", nth_call(2, crash_before, KEEP)),
    "after the id is written down": (TaskStateSubmissionStore, "save", nth_call(2, crash_after(KEEP), KEEP)),
    "before it is told": (ArdOrderOperator, "_tell", crash_before),
    "after it is told": (ArdOrderOperator, "_tell", crash_after(ArdOrderOperator._tell)),
}
FAULTS = {
    "no fault": None,
    "the answer is lost": {"kind": "reset_after_accept"},
    "500 after accept": {"kind": "error_after_accept"},
    "reset before accept": {"kind": "reset_before_accept"},
    "the list lags": "lag",
}
LAST = ("after the id is written down", "before it is told", "after it is told")
if not FULL:
    FAULTS = {name: FAULTS[name] for name in ("the answer is lost", "reset before accept", "the list lags")}


@pytest.fixture
def quick_nap(monkeypatch):
    """Let retries wait a little, but not for long."""
    from tenacity import nap

    sleep = nap.time.sleep
    monkeypatch.setattr(nap.time, "sleep", lambda seconds: sleep(min(seconds, 0.2)))


@pytest.fixture(params=[True, False] if FULL else [True], ids=lambda known: "Airflow 3.3" if known else "older Airflow")
def remembers(request, context):
    if request.param:
        context["task_state_store"] = Store()
    context["task"].retries = 5
    context["ti"].max_tries = 5
    return request.param


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_crash_and_a_retry_make_one_order(
    ard, ard_connection, context, remembers, short_window, quick_nap, point, fault
):
    crash_and_retry(ard, context, point, fault, "reuse")


@pytest.mark.parametrize("fault", FAULTS.values() if FULL else [None], ids=FAULTS if FULL else ["no fault"])
@pytest.mark.parametrize("point", POINTS if FULL else LAST)
def test_an_order_asked_for_anew_is_bought_once_as_well(
    ard, ard_connection, context, remembers, short_window, quick_nap, point, fault
):
    crash_and_retry(ard, context, POINTS[point], fault, "resubmit")


SELECT_POINTS = {
    "after its id is written down": (select_store, "save_select_id", crash_after(select_store.save_select_id)),
    "before it is looked at": (ArdSelectOperator, "_look", crash_before),
    "before it is handed on": (ArdSelectOperator, "_hand_on", crash_before),
    "after it is handed on": (ArdSelectOperator, "_hand_on", crash_after(ArdSelectOperator._hand_on)),
}


@pytest.mark.parametrize("point", SELECT_POINTS.values(), ids=SELECT_POINTS)
def test_a_crash_and_a_retry_submit_one_select(ard, ard_connection, context, quick_nap, point):
    context["task_state_store"] = Store()

    def try_once():
        return ArdSelectOperator(task_id="task", bbox=[-105.13, 40.14, -105.06, 40.19], poke_interval=1).execute(
            context
        )

    with mock.patch.object(*point), pytest.raises(Crash):
        try_once()
    context["ti"].try_number = 2
    context["ti"].xcoms.clear()
    assert try_once()
    assert context["ti"].xcoms["counts"]["tiles"] > 0
    assert sum(record.endpoint == "POST /select" for record in ard.requests) == 1


def crash_and_retry(ard, context, point, fault, if_exists):
    """Let one try die at a point and others follow until one ends; there must be one order, and its id known."""

    def try_once():
        task = ArdOrderOperator(
            task_id="task", acquisitions=ard.acquisitions[0], destination="bkt/p", if_exists=if_exists
        )
        return task.execute(context)

    if fault and fault != "lag":
        ard.faults.add("POST /order", nth=1, **fault)
    with mock.patch.object(point[0], point[1], point[2]):
        try:
            try_once()
        except Crash:
            pass
        except ArdOrderInDoubtError:
            # The request was cut off before it was accepted: this try is over without a crash.
            assert fault["kind"] == "reset_before_accept"
    timer = None
    if fault == "lag":
        rule = ard.faults.add("GET /order", kind="empty_page")
        timer = threading.Timer(LAG_S, ard.faults.remove, (rule,))
        timer.start()
    order_id = None
    for context["ti"].try_number in range(2, 6):
        # Airflow wipes XCom before each try.
        context["ti"].xcoms.clear()
        try:
            order_id = try_once()
            break
        except ArdOrderInDoubtError:
            continue
    if timer:
        timer.join()
    assert [order.id for order in ard.orders] == [order_id]
    assert context["ti"].xcoms["order_id"] == order_id
