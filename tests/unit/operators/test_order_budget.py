"""Budgets of a task when its DAG is parsed, and what its Airflow arguments have to be."""

from __future__ import annotations

import json

import pytest

from airflow_provider_ard.exceptions import ArdBudgetExceeded, ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from tests.airflow_names import DAG

MONTH = {"cost": 5000, "per": "month"}
IN_POOL = {**MONTH, "pool": "ard_orders"}


def make(**arguments):
    return ArdOrderOperator(task_id="order", acquisitions="10400100F8AF9F00", destination="b/p", **arguments)


@pytest.mark.parametrize(
    "budget", [MONTH, [MONTH, IN_POOL | {"pool": "default_pool"}], "{{ var.json.budget }}"], ids=str
)
def test_task_with_a_budget_runs_one_instance_at_a_time(budget):
    assert make(budget=budget).max_active_tis_per_dag == 1
    assert make(budget=budget, max_active_tis_per_dag=1).max_active_tis_per_dag == 1
    with pytest.raises(ArdRequestError, match=r"max_active_tis_per_dag: .*got 4"):
        make(budget=budget, max_active_tis_per_dag=4)


def test_other_tasks_run_as_before():
    assert make().max_active_tis_per_dag is None
    assert make(max_active_tis_per_dag=4).max_active_tis_per_dag == 4
    assert make(budget=IN_POOL, pool="ard_orders").max_active_tis_per_dag is None


def test_pool_of_a_budget_is_that_of_the_task():
    for pool in ({}, {"pool": "other"}):
        with pytest.raises(ArdRequestError, match=r"pool: .*'ard_orders'") as caught:
            make(budget=IN_POOL, **pool)
        assert caught.value.argument == "pool"


def test_mapped_task_with_a_budget_runs_one_instance_at_a_time():
    with DAG("dag", default_args={"pool": "ard_orders"}):
        partial = {"destination": "b/p", "task_id": "a"}
        mapped = ArdOrderOperator.partial(**partial, budget=MONTH).expand(acquisitions=["10400100F8AF9F00"])
        assert mapped.max_active_tis_per_dag == 1
        pooled = ArdOrderOperator.partial(**partial | {"task_id": "b"}, budget=IN_POOL).expand(acquisitions=["x"])
        assert pooled.max_active_tis_per_dag is None
        with pytest.raises(ArdRequestError, match="max_active_tis_per_dag"):
            ArdOrderOperator.partial(**partial | {"task_id": "c"}, budget=MONTH, max_active_tis_per_dag=2)
        plain = ArdOrderOperator.partial(**partial | {"task_id": "d"}).expand(acquisitions=["x"])
        assert plain.max_active_tis_per_dag is None


@pytest.mark.parametrize("budget", [{"cost": 1}, {"cost": "much", "per": "day"}, [], None, '{"per": "day"}'], ids=str)
def test_invalid_literal_fails_when_the_dag_is_parsed(budget):
    with pytest.raises(ArdRequestError, match="budget: "):
        make(budget=budget)
    with pytest.raises(ArdRequestError, match="budget: "):
        ArdOrderOperator.partial(task_id="order", destination="b/p", budget=budget)


@pytest.mark.parametrize("rendered", [None, "", "None", "[]", '{"cost": null, "per": "day"}'])
def test_template_that_renders_to_nothing_buys_nothing(ard, order, context, rendered):
    task = order(budget="{{ var.value.budget }}")
    task.budget = rendered
    with pytest.raises(ArdRequestError, match="budget: "):
        task.execute(context)
    assert ard.requests == []


def test_rendered_budget_applies(ard, order, context):
    task = order(budget="{{ var.value.budget }}")
    task.budget = json.dumps({"cost": 1, "per": "day"})
    with pytest.raises(ArdBudgetExceeded):
        task.execute(context)
    assert ard.submissions == []


def test_budget_that_is_mapped_over_buys_nothing(ard, order, context):
    with DAG("dag") as dag:
        ArdOrderOperator.partial(task_id="order", acquisitions=["x"], destination="b/p").expand(budget=[MONTH])
    with pytest.raises(ArdRequestError, match=r"budget: .*partial"):
        order(budget=MONTH).execute(context | {"dag": dag})
    assert ard.requests == []


@pytest.mark.parametrize("value", ["stop", "", None])
def test_invalid_on_exceeded_buys_nothing(ard, order, context, value):
    with pytest.raises(ArdRequestError, match="on_exceeded"):
        order(on_exceeded=value).execute(context)
    assert ard.requests == []


@pytest.mark.parametrize(
    ("budget", "is_valid"),
    [
        ("", True),
        (None, True),
        (MONTH, True),
        (json.dumps([MONTH]), True),
        ("5000", False),
        ({"cost": 1}, False),
        ([], False),
        (5000, False),
    ],
    ids=str,
)
def test_budget_of_the_connection_is_validated(ard, ard_connection, order, context, monkeypatch, budget, is_valid):
    from airflow_provider_ard.hooks.ard import ArdHook

    connection = json.loads(ard.connection_json)
    connection["extra"] = {**(connection.get("extra") or {}), "budget": budget}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(connection))
    is_connected, message = ArdHook().test_connection()
    assert is_connected == is_valid
    if is_valid:
        assert order().execute(context)
    else:
        assert message.endswith("Check: Budget.")
        with pytest.raises(ArdRequestError, match="extra budget"):
            order().execute(context)
        assert ard.submissions == []


def test_budget_of_the_connection_may_name_a_pool(ard, ard_connection, order, context, monkeypatch):
    connection = json.loads(ard.connection_json)
    connection["extra"] = {**(connection.get("extra") or {}), "budget": IN_POOL}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(connection))
    with pytest.raises(ArdRequestError, match="pool: the Connection's extra budget"):
        order().execute(context)
    assert ard.requests == []
    assert order(pool="ard_orders").execute(context)
