"""Retries, clears and the record of a submission."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdNotFoundError, ArdOrderConflict, ArdOrderInDoubtError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.ordering.placement import OrderPlacement
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore, SubmissionRecord
from airflow_provider_ard.ordering.task_state import Attempt
from airflow_provider_ard.sandbox import Assumptions
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS
from tests.unit.ordering.fail_closed.conftest import CLEARED, KEY, RETRY, MemoryStore, order_once


@pytest.mark.parametrize("code", ASSUMPTIONS["unknown_order"])
@pytest.mark.parametrize("if_exists", ["reuse", "resubmit"])
def test_unknown_recorded_order_is_an_error_that_names_it(ard, client, request_for, if_exists, code):
    ard.assumptions = Assumptions(unknown_order=code)
    store = MemoryStore(SubmissionRecord(submitted=True, order_id="404404", series=0))
    with pytest.raises(ArdNotFoundError) as caught:
        order_once(client, request_for(), if_exists=if_exists, store=store, attempt=RETRY)
    assert caught.value.order_id == "404404"
    assert ard.submissions == []


def test_recorded_order_of_another_account_is_an_error_that_names_it(ard, client, request_for):
    account = ard.other_account
    with ArdClient(Login(account.login, account.password), host=ard.url, timeout=5) as other:
        order_id = other.submit_order(request_for()).id
    store = MemoryStore(SubmissionRecord(submitted=True, order_id=order_id, series=0))
    with pytest.raises(ArdNotFoundError) as caught:
        order_once(client, request_for(), store=store, attempt=RETRY)
    assert caught.value.order_id == order_id
    assert ard.orders == []


def test_unknown_recorded_order_is_replaced_by_resubmit_after_a_clear(ard, client, request_for):
    store = MemoryStore(SubmissionRecord(submitted=True, order_id="404404", series=0))
    assert order_once(client, request_for(), if_exists="resubmit", store=store, attempt=CLEARED).is_new


def test_resubmit_reattaches_in_automatic_retries(ard, client, request_for):
    first = order_once(client, request_for(), if_exists="resubmit")
    assert order_once(client, request_for(), if_exists="resubmit", attempt=RETRY).order.id == first.order.id
    second = order_once(client, request_for(), if_exists="resubmit", attempt=CLEARED)
    assert second.is_new
    assert order_once(client, request_for(), if_exists="resubmit", attempt=CLEARED).order.id == second.order.id


def test_resubmit_keeps_the_order_that_this_series_reattached_to(ard, client, request_for):
    store = MemoryStore()
    first = order_once(client, request_for(), store=store)
    assert not order_once(client, request_for(), store=store, attempt=CLEARED).is_new
    retry = order_once(client, request_for(), if_exists="resubmit", store=store, attempt=CLEARED)
    assert retry.order.id == first.order.id


def test_order_that_failed_after_a_clear_is_reported_and_not_replaced(ard, client, request_for):
    store = MemoryStore()

    def find_existing(attempt):
        return OrderPlacement(
            client, request_for(), KEY, store=store, attempt=attempt, include_failed=True
        ).find_existing()

    first = order_once(client, request_for(), store=store)
    assert find_existing(CLEARED).id == first.order.id
    ard.fail_order(first.order.id)
    # An automatic retry; the next clear replaces the order.
    assert find_existing(CLEARED).id == first.order.id
    assert find_existing(Attempt(series=2, clear_number=2, is_first=False)) is None


def test_conflict_after_lost_response_is_resolved_by_its_advice(ard, client, request_for):
    store = MemoryStore()
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    rule = ard.faults.add("GET /order", nth=2, times=100_000, kind="status", status=503)
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(0), store=store)
    ard.faults.remove(rule)
    with pytest.raises(ArdOrderConflict) as caught:
        order_once(client, request_for(1), store=store, attempt=RETRY)
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(1), store=store, attempt=CLEARED)
    adopted = order_once(client, request_for(1), store=store, attempt=CLEARED, existing_order_id=caught.value.order_id)
    assert adopted.order.id == caught.value.order_id
    new_series = Attempt(series=2, clear_number=2, is_first=False)
    assert order_once(client, request_for(1), if_exists="resubmit", store=store, attempt=new_series).is_new


def test_null_store_assumes_a_submission_after_the_first_try(ard, client, request_for):
    assert NullSubmissionStore(after_crash=True).load().is_in_doubt
    assert NullSubmissionStore().load() is None
