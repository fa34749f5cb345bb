from __future__ import annotations

import pytest

from airflow_provider_ard.exceptions import ArdBudgetExceeded, ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.version_compat import AirflowFailException


@pytest.mark.parametrize(
    ("limit", "part", "key", "less"),
    [
        ("max_cost", "cost", "total_imagery_cost", 0.01),
        ("max_area_sqkm", "area", "total_imagery_sqkm", 0.001),
    ],
)
@pytest.mark.parametrize("convert", [float, str])
def test_limit_below_estimate_is_exceeded_and_equal_limit_is_not(ard, order, context, limit, part, key, less, convert):
    order(task_id="price", dry_run=True).execute(context)
    estimate = context["ti"].xcoms.pop("usage")[part][key]
    with pytest.raises(ArdBudgetExceeded, match=limit) as caught:
        order(**{limit: convert(round(estimate - less, 3))}).execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.estimate == estimate
    assert caught.value.limit == pytest.approx(estimate - less)
    assert caught.value.balance == -1
    assert context["ti"].xcoms["usage"][part][key] == estimate
    assert ard.submissions == []
    placed = order(**{limit: convert(estimate)}).execute(context)
    assert [existing.id for existing in ard.orders] == [placed]
    assert len(ard.submissions) == 1
    dry_runs = [r.dry_run for r in ard.requests if r.endpoint == "POST /order"]
    assert dry_runs == [True, True, True, False]


@pytest.mark.parametrize("limit", ["max_cost", "max_area_sqkm"])
@pytest.mark.parametrize("rendered", [None, "None", ""])
def test_empty_rendered_limit_buys_nothing(ard, order, context, limit, rendered):
    task = order(**{limit: "{{ ti.xcom_pull(task_ids='budget') }}"})
    setattr(task, limit, rendered)
    with pytest.raises(ArdRequestError, match=f"{limit}: "):
        task.execute(context)
    assert ard.requests == []


def test_budget_error_contains_the_balance(ard_connection, context):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d", limits={"annual": 5000}) as ard, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
        task = ArdOrderOperator(task_id="o", acquisitions=ard.acquisitions[0], destination="b/p", max_cost=0.01)
        with pytest.raises(ArdBudgetExceeded, match=r"balance is 5,000\.00") as caught:
            task.execute(context)
        assert caught.value.balance == 5000
        assert ard.submissions == []


def ignore_cells(monkeypatch):
    """Send orders without the cell filter, as if the server ignored its key."""
    from airflow_provider_ard.api.orders.request import OrderRequest

    send = OrderRequest.to_payload

    def to_payload_without_cells(self, cells_key="cells"):
        payload = send(self, cells_key)
        for acquisition in payload["acquisitions"]:
            acquisition.pop(cells_key)
        return payload

    monkeypatch.setattr(OrderRequest, "to_payload", to_payload_without_cells)


@pytest.fixture
def two_cells(ard):
    """Return two cells of an acquisition that has more."""
    acquisition = ard.acquisitions[0]
    cells = sorted(ard.catalog.tiles(acquisition))
    assert len(cells) > 2
    return {acquisition: cells[:2]}


@pytest.mark.parametrize("arguments", [{"max_cost": 1e9}, {"max_area_sqkm": 1e9}, {"dry_run": True}], ids=str)
def test_ignored_cells_buy_nothing_if_a_limit_is_set(ard, order, context, two_cells, monkeypatch, arguments):
    ignore_cells(monkeypatch)
    with pytest.raises(ArdBudgetExceeded, match=r"2 cells.*ignored.*cells_key"):
        order(acquisitions=two_cells, **arguments).execute(context)
    assert ard.submissions == []
    assert context["ti"].xcoms["usage"]["area"]["total_imagery_sqkm"] > 57


def test_ignored_cells_without_a_limit_log_a_warning(ard, order, context, two_cells, monkeypatch, log_text):
    ignore_cells(monkeypatch)
    assert order(acquisitions=two_cells).execute(context) == ard.orders[0].id
    assert "ignored the cells" in log_text()


def test_no_warning_for_honored_cells_and_whole_acquisitions(ard, order, context, two_cells, log_text):
    assert order(acquisitions=two_cells, max_cost=1e9).execute(context)
    context["ti"].task_id = "whole"
    whole = [*({"id": name, "cells": cells} for name, cells in two_cells.items()), ard.acquisitions[1]]
    assert order(acquisitions=whole, max_cost=1e9).execute(context)
    assert "ignored" not in log_text()


@pytest.mark.parametrize("limit", [{"max_cost": "much"}, {"max_area_sqkm": -1}, {"max_cost": True}])
def test_invalid_limit_is_rejected(ard, order, context, limit):
    with pytest.raises(ArdRequestError, match=next(iter(limit))):
        order(**limit).execute(context)
    assert ard.requests == []
