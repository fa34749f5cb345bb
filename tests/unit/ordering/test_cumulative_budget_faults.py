"""A list of orders that is no proof, and orders that cannot be added up: nothing is bought."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_ard.exceptions import ArdBudgetExceeded, ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.ordering import existing_orders, spending
from airflow_provider_ard.ordering.reservations import RESERVATION_KEY
from airflow_provider_ard.sandbox import Assumptions
from tests.unit.ordering.conftest import PRICE, DagRun

TWO = {"cost": 2 * PRICE, "per": "month"}
ONE = {"cost": PRICE, "per": "month"}


def unfiltered(ard, **fault):
    """Break the list of orders that budgets read: the second one of each order."""
    return ard.faults.add("GET /order", **{"nth": 2, "times": 10_000, **fault})


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "body", "body": '{"data": [], "has_more": false}', "status": 206},
        {"kind": "body", "body": '{"data": [], "has_more": false}', "headers": {"age": "9"}},
        {"kind": "body", "body": "{}"},
        {"kind": "drop_json", "path": "$.has_more"},
        {"kind": "truncate_after_accept"},
        {"kind": "gateway_json", "status": 403},
        {"kind": "set_json", "path": "data[*].id", "value": None},
        {"kind": "empty_page"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values()))[:40],
)
def test_list_that_is_no_proof_buys_nothing(ard, order, run, fault):
    order(budget=TWO).execute(run.context())
    rule = unfiltered(ard, **fault)
    context = DagRun("another_run").context()
    with pytest.raises(ArdUnavailableError):
        order(budget=TWO).execute(context)
    assert len(ard.submissions) == 1
    assert context["ti"].xcoms[RESERVATION_KEY] is None
    ard.faults.remove(rule)
    order(budget=TWO).execute(context)
    assert len(ard.submissions) == 2


def test_list_that_is_too_long_to_add_up_buys_nothing(ard, order, run, monkeypatch):
    monkeypatch.setattr(spending, "MAX_ROWS", 0)
    order().execute(run.context(0))
    with pytest.raises(ArdUnavailableError, match="shorter period"):
        order(budget=TWO).execute(run.context(1))
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("value", [None, "much", -1, "NaN"])
def test_order_without_readable_cost_is_not_counted_as_free(ard, order, run, value):
    order().execute(run.context(0))
    ard.faults.add("GET /order*", kind="set_json", path="$.data[*].order.usage.cost.total_imagery_cost", value=value)
    ard.faults.add("GET /order/status/*", kind="set_json", path="$.order.usage.cost.total_imagery_cost", value=value)
    with pytest.raises(ArdUnavailableError, match="usage") as caught:
        order(budget=TWO).execute(run.context(1))
    assert caught.value.order_id == ard.orders[0].id
    assert len(ard.submissions) == 1


def test_order_without_usage_in_the_list_counts_by_its_status(ard, order, run):
    order().execute(run.context(0))
    ard.faults.add("GET /order", kind="drop_json", path="$.data[*].order.usage")
    order(budget=TWO).execute(run.context(1))
    with pytest.raises(ArdBudgetExceeded):
        order(budget=TWO).execute(run.context(2))
    assert len(ard.submissions) == 2


def test_order_without_usage_counts_by_its_estimate(ard, order, run):
    order(max_cost=PRICE).execute(run.context(0))
    for path in ("$.data[*].order.usage", "$.order.usage"):
        ard.faults.add("GET /order*", kind="drop_json", path=path)
    with pytest.raises(ArdBudgetExceeded) as caught:
        order(budget=ONE).execute(run.context(1))
    assert caught.value.reserved == PRICE


def test_running_order_with_unfinished_usage_counts_by_its_estimate(ard, order, run):
    order(max_cost=PRICE).execute(run.context(0))
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].order.usage.cost.total_imagery_cost", value=0)
    with pytest.raises(ArdBudgetExceeded):
        order(budget=ONE).execute(run.context(1))


@pytest.mark.parametrize("status", ["FAILED", "ERROR"])
def test_order_listed_as_failed_counts_until_its_status_confirms_it(ard, order, run, status):
    order(budget=TWO).execute(run.context(0))
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].status", value=status)
    with pytest.raises(ArdBudgetExceeded):
        order(budget=ONE).execute(run.context(1))
    assert len(ard.submissions) == 1


def test_unknown_status_counts(ard, order, run):
    order().execute(run.context(0))
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].status", value="ARCHIVED")
    with pytest.raises(ArdBudgetExceeded):
        order(budget=ONE).execute(run.context(1))


def test_statuses_are_requested_only_if_they_matter(ard, order, run):
    ard.fail_order(order().execute(run.context(0)))
    before = len(ard.requests)
    order(budget=TWO).execute(run.context(1))
    assert "GET /order/status/*" not in {record.endpoint for record in ard.requests[before:]}


def test_too_many_doubtful_orders_buy_nothing(ard, order, run, monkeypatch):
    monkeypatch.setattr(spending, "MAX_SINGLE_REQUESTS", 1)
    for map_index in range(2):
        ard.fail_order(order().execute(run.context(map_index)))
    with pytest.raises(ArdUnavailableError, match="2 orders"):
        order(budget=ONE).execute(run.context(2))
    assert len(ard.submissions) == 2


def test_missing_metadata_is_no_proof_of_another_dag(ard, order, run):
    order(budget=ONE).execute(run.context())
    ard.assumptions = Assumptions(metadata="absent")
    context = DagRun("another_run").context()
    with pytest.raises(ArdUnavailableError, match="budget"):
        order(budget=ONE).execute(context)
    # It fits, whatever the first order belongs to.
    order(budget=TWO).execute(context)
    assert len(ard.submissions) == 2


@pytest.mark.parametrize(
    "assumptions",
    [
        {"metadata": "as_strings"},
        {"metadata": "as_floats"},
        {"metadata": "as_decimals"},
        {"metadata": "beside_order"},
        {"list_rows": "short"},
        {"order_usage": "absent"},
        {"order_times": "absent"},
        {"list_order": "oldest_first", "start_date": "exclusive", "list_dates": "dates"},
        {"success_status": "FINISHED", "failure_status": "ERROR"},
        {"list_rows": "short", "order_times": "absent", "order_usage": "absent", "submit_response": "id"},
    ],
    ids=lambda assumptions: "-".join(assumptions.values()),
)
def test_budget_holds_whatever_the_api_returns(ard, order, assumptions):
    ard.assumptions = Assumptions(**assumptions)
    task = order(budget=TWO)
    ard.fail_order(task.execute(DagRun("failed").context()))
    ard.finish_order(task.execute(DagRun("finished").context()))
    task.execute(DagRun("running").context())
    with pytest.raises(ArdBudgetExceeded) as caught:
        task.execute(DagRun("exceeded").context())
    assert (caught.value.spent, caught.value.reserved) == (PRICE, PRICE)
    assert len(ard.submissions) == 3


def test_ignored_filter_hides_no_orders(ard, order, run):
    ard.faults.add(kind="ignore_filter")
    order(budget=ONE).execute(run.context(0))
    with pytest.raises(ArdBudgetExceeded):
        order(budget=ONE).execute(run.context(1))


def test_lagging_filter_does_not_hide_orders(ard, order, run):
    ard.faults.add(kind="filter_lag", seconds="1h")
    order(budget=ONE).execute(run.context(0))
    with pytest.raises(ArdBudgetExceeded):
        order(budget=ONE).execute(run.context(1))


@pytest.mark.usefixtures("short_windows")
def test_order_that_the_list_does_not_show_yet_counts_in_its_run(ard, order, run, log_text):
    ard.faults.add(kind="list_lag", seconds="1h")
    order(budget=ONE).execute(run.context(0))
    assert "is not in the list of orders" in log_text("warning")
    with pytest.raises(ArdBudgetExceeded) as caught:
        order(budget=ONE).execute(run.context(1))
    assert caught.value.reserved == PRICE
    with pytest.raises(ArdBudgetExceeded):
        order(task_id="another_task", budget=ONE).execute(context_with_tasks(run, "order", "another_task"))
    assert len(ard.submissions) == 1


def context_with_tasks(run, *task_ids):
    """Return the context of the last task of a DAG with these order tasks."""
    tasks = [SimpleNamespace(task_id=task_id, template_fields=("existing_order_id",)) for task_id in task_ids]
    dag = SimpleNamespace(tasks=tasks, task_ids=list(task_ids), get_task=lambda _: None)
    return run.context(task_id=task_ids[-1]) | {"dag": dag}


def test_task_ends_when_the_list_shows_its_order(ard, order, run):
    ard.faults.add(kind="list_lag", seconds="1s")
    order(budget=ONE).execute(run.context(0))
    with pytest.raises(ArdBudgetExceeded):
        order(budget=ONE).execute(DagRun("another_run").context(0))
    assert len(ard.submissions) == 1


def test_order_in_doubt_remains_reserved(ard, order, run, monkeypatch):
    monkeypatch.setattr(existing_orders, "SEARCH_WINDOW_S", 0.1)
    monkeypatch.setattr("airflow_provider_ard.ordering.cumulative_budget.RESERVATION_WINDOW_S", 0.1)
    ard.faults.add("POST /order", kind="reset_after_accept", dry_run=False, times=1)
    rule = ard.faults.add(kind="list_lag", seconds="1h")
    with pytest.raises(ArdOrderInDoubtError):
        order(budget=ONE).execute(run.context(0))
    with pytest.raises(ArdUnavailableError, match="reserved"):
        order(budget=ONE).execute(run.context(1))
    ard.faults.remove(rule)
    assert order(budget=ONE).execute(run.context(0, try_number=2)) == ard.orders[0].id
    with pytest.raises(ArdBudgetExceeded):
        order(budget=ONE).execute(run.context(1))
    assert len(ard.submissions) == 1


def test_order_of_a_process_that_died_after_the_purchase_counts_once(ard, order, run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("airflow_provider_ard.ordering.cumulative_budget.BudgetGuard.confirm", crash)
        with pytest.raises(KeyboardInterrupt):
            order(budget=TWO).execute(run.context(0))
    order(budget=TWO).execute(run.context(1))
    with pytest.raises(ArdBudgetExceeded):
        order(budget=TWO).execute(run.context(2))
    assert len(ard.submissions) == 2


def crash(*_):
    raise KeyboardInterrupt


def test_rejected_order_is_released(ard, order, run):
    ard.faults.add("POST /order", kind="status", status=400, dry_run=False, times=1)
    context = run.context(0)
    with pytest.raises(Exception, match="400"):
        order(budget=ONE).execute(context)
    assert context["ti"].xcoms[RESERVATION_KEY] is None
    order(budget=ONE).execute(run.context(1))


def test_unreadable_reservation_buys_nothing(ard, order, run):
    run.context(0)["ti"].xcoms[RESERVATION_KEY] = {"ard_conn_id": "ard_default", "reservation": "?"}
    with pytest.raises(ArdUnavailableError, match=RESERVATION_KEY):
        order(budget=ONE).execute(run.context(1))
    assert ard.submissions == []


def test_reservation_of_another_connection_does_not_count(ard, order, run, monkeypatch):
    ard.faults.add(kind="list_lag", seconds="1h")
    monkeypatch.setattr("airflow_provider_ard.ordering.cumulative_budget.LISTING_WINDOW_S", 0.1)
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", ard.connection_json)
    order(budget=ONE, ard_conn_id="other").execute(run.context(0))
    order(budget=ONE).execute(run.context(1))
    assert len(ard.submissions) == 2
