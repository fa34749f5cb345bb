from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_ard.exceptions import ArdBudgetExceeded, ArdRequestError
from airflow_provider_ard.operators.order_budget import CHECK_INTERVAL
from airflow_provider_ard.ordering.reservations import RESERVATION_KEY
from airflow_provider_ard.sandbox import Assumptions
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS
from airflow_provider_ard.triggers.budget import ArdBudgetTrigger
from airflow_provider_ard.version_compat import AirflowFailException, AirflowSkipException
from tests.airflow_names import TaskDeferred
from tests.unit.ordering.conftest import AREA, PRICE, DagRun

TWO = {"cost": 2 * PRICE, "per": "month"}


def endpoints(ard):
    return [record.endpoint for record in ard.requests if "auth" not in record.endpoint]


def test_orders_fit_up_to_the_exact_budget(ard, order, run):
    task = order(budget=TWO)
    for map_index in range(2):
        task.execute(run.context(map_index))
    context = run.context(2)
    with pytest.raises(ArdBudgetExceeded, match="budget: ") as caught:
        task.execute(context)
    error = caught.value
    assert isinstance(error, AirflowFailException)
    assert error.budget == {"cost": 2 * PRICE, "per": "month", "scope": "dag"}
    assert (error.spent, error.reserved, error.requested) == (0, pytest.approx(2 * PRICE), PRICE)
    assert (error.limit, error.estimate) == (2 * PRICE, PRICE)
    now = datetime.now(UTC)
    assert error.resets_at is not None
    assert now < error.resets_at <= now + timedelta(days=31)
    assert (error.resets_at.day, error.resets_at.hour, error.resets_at.utcoffset()) == (1, 0, timedelta())
    assert len(ard.orders) == len(ard.submissions) == 2
    assert context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"] == PRICE
    assert context["ti"].xcoms[RESERVATION_KEY] is None


@pytest.mark.parametrize(
    "budget",
    [
        {"area_sqkm": AREA, "per": "day"},
        {"area_sqkm": AREA, "cost": 1e6, "per": "year"},
        {"cost": f"{PRICE}", "per": "7d"},
        [{"cost": 1e6, "per": "month"}, {"cost": PRICE, "per": "12h", "scope": "account"}],
        json.dumps({"cost": PRICE, "per": "month"}),
        {"cost": PRICE, "per": timedelta(hours=36)},
    ],
    ids=str,
)
def test_second_order_exceeds_each_form_of_budget(ard, order, run, budget):
    order(budget=budget).execute(run.context(0))
    with pytest.raises(ArdBudgetExceeded):
        order(budget=budget).execute(run.context(1))
    assert len(ard.submissions) == 1


def test_order_without_budget_sends_no_further_requests(ard, order, run):
    order().execute(run.context())
    assert endpoints(ard) == ["GET /order", "POST /order", "GET /order"]


def test_order_with_budget_reads_the_list_before_and_after_the_purchase(ard, order, run):
    order(budget=TWO).execute(run.context())
    assert endpoints(ard) == ["GET /order", "POST /order", "GET /order", "POST /order", "GET /order", "GET /order"]


def test_failed_orders_do_not_count_and_succeeded_ones_do(ard, order, run):
    task = order(budget=TWO)
    for map_index, status in enumerate(["FAILED", "SUCCEEDED", "FAILED", "RUNNING"]):
        order_id = task.execute(run.context(map_index))
        if status != "RUNNING":
            ard.set_order_status(order_id, status)
    with pytest.raises(ArdBudgetExceeded) as caught:
        task.execute(run.context(4))
    assert (caught.value.spent, caught.value.reserved) == (PRICE, PRICE)
    assert len(ard.submissions) == 4


def test_reattaching_needs_no_budget(ard, order, run):
    order_id = order(budget={"cost": PRICE, "per": "month"}).execute(run.context())
    assert order(budget={"cost": 0, "per": "month"}).execute(run.context(try_number=2)) == order_id
    assert len(ard.submissions) == 1


def test_dry_run_ignores_budgets(ard, order, run):
    assert order(budget={"cost": 0, "per": "day"}, dry_run=True).execute(run.context()) is None
    assert ard.orders == []


def test_scope_of_the_dag_ignores_other_dags_and_namespaces(ard, order, run, monkeypatch):
    budget = {"cost": PRICE, "per": "month"}
    other = DagRun().context()
    other["ti"].dag_id = "other"
    order().execute(other)
    order(budget=budget).execute(run.context())
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", with_extra(ard, namespace="prod"))
    order(budget=budget).execute(run.context(1))
    with pytest.raises(ArdBudgetExceeded):
        order(budget=budget).execute(run.context(2))
    assert len(ard.orders) == 3


def test_scope_of_the_account_counts_orders_of_other_tools(ard, order, run, place_order):
    place_order()
    with pytest.raises(ArdBudgetExceeded, match="the account"):
        order(budget={"cost": PRICE, "per": "month", "scope": "account"}).execute(run.context())
    # Of another DAG run, so that the API is seen to return metadata.
    order().execute(DagRun("earlier").context())
    order(budget=TWO).execute(run.context())


@pytest.mark.parametrize("metadata", sorted({*ASSUMPTIONS["metadata"]} - {"absent"}))
def test_scope_of_a_tag_counts_orders_with_the_same_value(ard, order, run, metadata):
    budget = {"cost": PRICE, "per": "month", "scope": "tag:campaign"}
    order(budget=budget, metadata={"campaign": "spring"}).execute(run.context(0))
    order(budget=budget, metadata={"campaign": 7}).execute(run.context(1))
    ard.assumptions = Assumptions(metadata=metadata)
    # The client removes NUL characters from statuses.
    for value in ("spring", "spr\0ing", 7, "7"):
        with pytest.raises(ArdBudgetExceeded, match="campaign"):
            order(budget=budget, metadata={"campaign": value}).execute(run.context(2))
    assert len(ard.orders) == 2


@pytest.mark.parametrize("metadata", [None, *({"campaign": value} for value in ("", True, ["a"], 2**53 + 1))])
def test_order_without_a_value_for_the_tag_is_rejected(ard, order, run, metadata):
    budget = {"cost": PRICE, "per": "month", "scope": "tag:campaign"}
    with pytest.raises(ArdRequestError, match=r"metadata: .*tag:campaign") as caught:
        order(budget=budget, metadata=metadata).execute(run.context())
    assert caught.value.argument == "metadata"
    assert ard.requests == []


def test_orders_outside_of_the_window_do_not_count(ard, order, run):
    budget = {"cost": PRICE, "per": "12h"}
    ard.clock.set(datetime.now(UTC) - timedelta(hours=13))
    order().execute(run.context(0))
    forget_time_of_submission(ard)
    ard.clock.set(datetime.now(UTC) - timedelta(hours=2))
    order(budget=budget).execute(run.context(1))
    forget_time_of_submission(ard)
    with pytest.raises(ArdBudgetExceeded) as caught:
        order(budget=budget).execute(run.context(2))
    # It has room when the order of two hours ago leaves the window.
    assert caught.value.resets_at is not None
    assert abs(caught.value.resets_at - datetime.now(UTC) - timedelta(hours=10)) < timedelta(minutes=1)


def forget_time_of_submission(ard):
    """Remove the tag, as its time is that of this machine."""
    for placed in ard.orders:
        placed.request["metadata"].pop("airflow_submitted_at", None)


def with_extra(ard, **extra):
    connection = json.loads(ard.connection_json)
    return json.dumps(connection | {"extra": {**(connection.get("extra") or {}), **extra}})


def test_connection_budget_applies_in_addition_to_that_of_the_operator(ard, order, run, monkeypatch):
    budget = [{"cost": 2 * PRICE, "per": "month"}]
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", with_extra(ard, budget=json.dumps(budget)))
    order().execute(run.context(0))
    with pytest.raises(ArdBudgetExceeded, match=r"^budget: "):
        order(budget={"cost": PRICE, "per": "month"}).execute(run.context(1))
    order(budget={"cost": 1e6, "per": "month"}).execute(run.context(1))
    with pytest.raises(ArdBudgetExceeded, match="extra budget: ") as caught:
        order(budget={"cost": 1e6, "per": "month"}).execute(run.context(2))
    assert caught.value.budget == budget[0] | {"scope": "account"}
    assert len(ard.orders) == 2


def test_skip_skips_the_task(ard, order, run):
    context = run.context()
    with pytest.raises(AirflowSkipException, match="budget: "):
        order(budget={"cost": 1, "per": "month"}, on_exceeded="skip").execute(context)
    assert ard.orders == []
    assert context["ti"].xcoms[RESERVATION_KEY] is None


def test_max_cost_fails_whatever_on_exceeded_is(order, run):
    with pytest.raises(ArdBudgetExceeded, match="max_cost") as caught:
        order(budget=TWO, max_cost=1, on_exceeded="skip").execute(run.context())
    assert caught.value.budget is None


def test_wait_defers_until_the_window_has_room_and_then_orders(ard, order, run):
    task = order(budget={"cost": PRICE, "per": "30m"}, on_exceeded="wait")
    first = task.execute(run.context(0))
    waiting = run.context(1)
    with pytest.raises(TaskDeferred) as caught:
        task.execute(waiting)
    trigger = caught.value.trigger
    assert isinstance(trigger, ArdBudgetTrigger)
    remaining = trigger.resume_at - datetime.now(UTC).timestamp()
    assert 1700 < remaining <= 1800
    assert caught.value.method_name == "execute_after_wait"
    assert waiting["ti"].xcoms[RESERVATION_KEY] is None
    with pytest.raises(TaskDeferred):
        task.execute_after_wait(waiting, {"status": "succeeded"})
    ard.fail_order(first)
    assert task.execute_after_wait(waiting, {"status": "succeeded"}) == ard.orders[1].id


def test_wait_checks_again_each_hour(order, run):
    task = order(budget={"cost": PRICE, "per": "7d"}, on_exceeded="wait")
    task.execute(run.context(0))
    with pytest.raises(TaskDeferred) as caught:
        task.execute(run.context(1))
    remaining = caught.value.trigger.resume_at - datetime.now(UTC).timestamp()
    assert remaining == pytest.approx(CHECK_INTERVAL.total_seconds(), abs=20)


def test_wait_fails_for_an_order_that_never_fits(ard, order, run):
    with pytest.raises(ArdBudgetExceeded) as caught:
        order(budget={"cost": PRICE - 1, "per": "month"}, on_exceeded="wait").execute(run.context())
    assert caught.value.resets_at is None
    assert ard.orders == []


def test_orders_of_another_run_count(ard, order, run):
    budget = {"cost": PRICE, "per": "month"}
    order(budget=budget).execute(run.context())
    with pytest.raises(ArdBudgetExceeded):
        order(budget=budget).execute(DagRun("manual__2026-01-02").context())
    assert len(ard.orders) == 1
