"""Several orders under one key, and adopted orders."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdRequestError, ArdUnavailableError
from airflow_provider_ard.ordering.placement import OrderPlacement
from airflow_provider_ard.ordering.submission_store import SubmissionRecord
from tests.unit.ordering.fail_closed.conftest import KEY, MemoryStore, order_once


def test_duplicates_are_reported_and_one_is_always_chosen(ard, client, request_for, log_text):
    tagged = KEY.tag(request_for())
    ids = [client.submit_order(tagged).id for _ in range(2)]
    selected_ids = {order_once(client, request_for()).order.id for _ in range(3)}
    assert len(selected_ids) == 1
    warnings = log_text("warning")
    assert all(order_id in warnings for order_id in ids)


def test_duplicate_of_a_concurrent_process_is_reported_after_the_purchase(ard, client, request_for, log_text):
    placement = OrderPlacement(client, request_for(), KEY)
    assert placement.find_existing() is None
    other = client.submit_order(KEY.tag(request_for()))
    order = placement.submit()
    assert all(order_id in log_text("warning") for order_id in (other.id, order.id))


def test_recorded_order_is_chosen_among_duplicates(ard, client, request_for):
    tagged = KEY.tag(request_for())
    ids = [client.submit_order(tagged).id for _ in range(2)]
    store = MemoryStore(SubmissionRecord(submitted=True, order_id=max(ids), series=0))
    assert order_once(client, request_for(), store=store).order.id == max(ids)


def test_order_of_another_process_during_pricing_is_detected(ard, client, request_for, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.ordering.placement.SEARCH_AGAIN_AFTER_S", 0.0)
    placement = OrderPlacement(client, request_for(), KEY)
    assert placement.find_existing() is None
    other = client.submit_order(KEY.tag(request_for()))
    with pytest.raises(ArdUnavailableError) as caught:
        placement.submit()
    assert caught.value.order_id == other.id
    assert len(ard.orders) == 1


def test_adopted_order_must_exist_and_not_have_failed(ard, client, request_for):
    with pytest.raises(ArdRequestError) as caught:
        order_once(client, request_for(), existing_order_id="4711")
    assert caught.value.argument == "existing_order_id"
    order = client.submit_order(request_for())
    ard.fail_order(order.id)
    with pytest.raises(ArdRequestError):
        order_once(client, request_for(), existing_order_id=order.id)


def test_adopted_order_is_recorded(ard, client, request_for):
    order = client.submit_order(request_for())
    store = MemoryStore()
    assert not order_once(client, request_for(), existing_order_id=order.id, store=store).is_new
    assert store.record.order_id == order.id
