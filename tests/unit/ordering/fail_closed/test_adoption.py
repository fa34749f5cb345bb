"""Adopting an existing order, and leaving the adoption."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdNotFoundError, ArdOrderConflict, ArdRequestError, ArdUnavailableError
from airflow_provider_ard.ordering import recorded_orders
from airflow_provider_ard.ordering.submission_store import SubmissionRecord
from airflow_provider_ard.ordering.task_state import Attempt
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS
from tests.unit.ordering.fail_closed.conftest import CLEARED, RETRY, MemoryStore, order_once

CLEARED_AGAIN = Attempt(series=2, clear_number=2, is_first=False)


@pytest.fixture
def other_order(client, request_for):
    """An order that was placed without Airflow."""
    return client.submit_order(request_for(1))


def adopted_by_command(order_id):
    return MemoryStore(SubmissionRecord(submitted=True, order_id=order_id, is_adopted=True))


def fail_orders(ard):
    ard.faults.add("GET /order*", kind="set_json", path="$.data[*].status", value="FAILED")
    ard.faults.add("GET /order/status/*", kind="set_json", path="$.status", value="FAILED")


@pytest.mark.parametrize("value", ["", "None", "  ", [], "[]", ["1", "2"], True, {}])
def test_order_id_that_is_not_one_id_is_an_error(ard, client, request_for, value):
    with pytest.raises(ArdRequestError) as caught:
        order_once(client, request_for(), existing_order_id=value)
    assert caught.value.argument == "existing_order_id"
    assert ard.requests == []


@pytest.mark.parametrize("if_exists", ["reuse", "resubmit", "fail"])
def test_order_adopted_by_command_is_used(ard, client, request_for, other_order, if_exists):
    store = adopted_by_command(other_order.id)
    placed = order_once(client, request_for(), store=store, if_exists=if_exists, attempt=CLEARED)
    assert placed.order.id == other_order.id


def test_failed_adopted_order_is_replaced_without_the_argument(ard, client, request_for, other_order):
    store = MemoryStore()
    order_once(client, request_for(), store=store, existing_order_id=other_order.id)
    fail_orders(ard)
    with pytest.raises(ArdRequestError):
        order_once(client, request_for(), store=store, existing_order_id=other_order.id, attempt=CLEARED)
    assert order_once(client, request_for(), store=store, attempt=CLEARED).is_new
    assert len(ard.orders) == 2


@pytest.mark.parametrize("if_exists", ["reuse", "fail"])
def test_unknown_adopted_order_is_an_error(ard, client, request_for, if_exists):
    with pytest.raises(ArdNotFoundError):
        order_once(client, request_for(), store=adopted_by_command("404404"), if_exists=if_exists)


def test_unknown_adopted_order_is_replaced_by_resubmit(ard, client, request_for):
    store = adopted_by_command("404404")
    assert order_once(client, request_for(), store=store, if_exists="resubmit", attempt=CLEARED).is_new


def test_fail_reports_an_adoption_of_an_earlier_series(ard, client, request_for, other_order):
    store = MemoryStore()
    order_once(client, request_for(), store=store, existing_order_id=other_order.id)
    with pytest.raises(ArdOrderConflict) as caught:
        order_once(client, request_for(), store=store, if_exists="fail", attempt=CLEARED)
    assert caught.value.order_id == other_order.id


def test_resubmit_replaces_an_adoption_once_it_was_used(ard, client, request_for, other_order):
    store = adopted_by_command(other_order.id)
    used = order_once(client, request_for(), store=store, if_exists="resubmit", attempt=CLEARED)
    assert used.order.id == other_order.id
    assert order_once(client, request_for(), store=store, if_exists="resubmit", attempt=CLEARED_AGAIN).is_new


@pytest.mark.parametrize("code", ASSUMPTIONS["unknown_order"])
@pytest.mark.parametrize("if_exists", ["reuse", "resubmit"])
def test_order_that_was_just_placed_may_be_unknown_for_a_while(ard, client, request_for, monkeypatch, if_exists, code):
    store = MemoryStore()
    first = order_once(client, request_for(), store=store, if_exists=if_exists)
    ard.faults.add("GET /order", kind="list_lag", seconds="1h")
    ard.faults.add("GET /order/status/*", kind="status", status=int(code))
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for(), store=store, if_exists=if_exists, attempt=RETRY)
    monkeypatch.setattr(recorded_orders, "UNKNOWN_ORDER_GRACE_S", 0.0)
    with pytest.raises(ArdNotFoundError) as caught:
        order_once(client, request_for(), store=store, if_exists=if_exists, attempt=RETRY)
    assert caught.value.order_id == first.order.id


def test_fail_reports_an_unknown_recorded_order(ard, client, request_for):
    store = MemoryStore(SubmissionRecord(submitted=True, order_id="404404", series=0))
    with pytest.raises(ArdNotFoundError):
        order_once(client, request_for(), if_exists="fail", store=store, attempt=RETRY)
    assert ard.submissions == []
