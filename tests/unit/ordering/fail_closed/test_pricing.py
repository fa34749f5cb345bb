"""A dry run that the API turns into an order."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdError, ArdOrderConflict, ArdUnavailableError
from airflow_provider_ard.ordering import placement
from airflow_provider_ard.ordering.budget import BudgetLimits
from tests.unit.ordering.fail_closed.conftest import CLEARED, KEY, RETRY, MemoryStore, order_once

LIMITS = BudgetLimits(max_cost=1e6)


def test_ignored_dry_run_is_reported_and_not_repeated_after_a_clear(ard, client, request_for):
    ard.faults.add(kind="ignore_dry_run")
    with pytest.raises(ArdOrderConflict) as caught:
        order_once(client, request_for(), limits=LIMITS)
    again = order_once(client, request_for(), limits=LIMITS, attempt=CLEARED)
    assert again.order.id == caught.value.order_id
    assert len(ard.orders) == 1


def test_ignored_dry_run_with_a_lost_response_buys_once(ard, client, request_for):
    ard.faults.add(kind="ignore_dry_run")
    ard.faults.add("POST /order", dry_run=True, kind="reset_after_accept")
    ard.faults.add("GET /order", kind="list_lag", seconds=0.2)
    store = MemoryStore()
    for attempt in (None, RETRY, CLEARED):
        try:
            order_once(client, request_for(), limits=LIMITS, attempt=attempt, store=store)
        except ArdError:
            continue
    assert len(ard.orders) == 1


def test_lost_dry_run_leaves_the_order_in_doubt(ard, client, request_for):
    ard.faults.add("POST /order", dry_run=True, nth=1, kind="reset_after_accept")
    store = MemoryStore()
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for(), limits=LIMITS, store=store)
    assert store.record.is_in_doubt
    assert order_once(client, request_for(), limits=LIMITS, store=store, attempt=RETRY).is_new


def test_refused_price_leaves_no_doubt(ard, client, request_for):
    store = MemoryStore()
    with pytest.raises(ArdBudgetExceeded):
        order_once(client, request_for(), limits=BudgetLimits(max_cost=0.01), store=store)
    assert not store.record.is_in_doubt


def test_dry_run_without_a_search_is_sent_once(ard, client, request_for):
    ard.faults.add("POST /order", dry_run=True, kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        placement.OrderPlacement(client, request_for(), KEY).price()
    assert len(ard.faults.fired) == 1


@pytest.mark.parametrize(
    ("limit", "path"),
    [("max_cost", "$.usage.cost.total_imagery_cost"), ("max_area_sqkm", "$.usage.area.total_imagery_sqkm")],
)
def test_negative_estimate_exceeds_every_limit(ard, client, request_for, limit, path):
    ard.faults.add("POST /order", dry_run=True, kind="set_json", path=path, value=-1)
    with pytest.raises(ArdBudgetExceeded):
        order_once(client, request_for(), limits=BudgetLimits(**{limit: 1e6}))
    assert ard.orders == []
