"""The search for an earlier order: only a complete, well-formed list proves that there is none."""

from __future__ import annotations

import time

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.ordering import existing_orders
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore
from tests.unit.ordering.fail_closed.conftest import CLEARED, RETRY, in_doubt, order_once


def test_list_outage_during_the_search_window_buys_nothing(ard, client, request_for):
    ard.faults.add("GET /order", nth=2, times=100_000, kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for(), store=in_doubt())
    assert ard.submissions == []


def test_order_in_doubt_is_placed_after_a_complete_search(ard, client, request_for):
    assert order_once(client, request_for(), store=in_doubt()).is_new
    assert len(ard.orders) == 1


def test_order_listed_late_is_found_within_the_window(ard, client, request_for):
    first = order_once(client, request_for())
    ard.faults.add("GET /order", times=2, kind="body", body='{"data": [], "has_more": false}')
    placed = order_once(client, request_for(), store=in_doubt())
    assert (placed.order.id, placed.is_new) == (first.order.id, False)


def test_hanging_list_ends_with_the_window(ard, request_for):
    with ArdClient(Login(ard.login, ard.password), host=ard.url, timeout=60) as client:
        client.whoami()
        ard.faults.add("GET /order", nth=2, times=100_000, kind="latency", seconds=30)
        started_at = time.monotonic()
        with pytest.raises(ArdUnavailableError):
            order_once(client, request_for(), store=in_doubt())
        assert time.monotonic() - started_at < 10
    assert ard.submissions == []


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"message": "ok"}',
        '{"data": null, "has_more": false}',
        '{"data": {}, "has_more": false}',
        '{"orders": [], "has_more": false}',
        '{"data": [{"status": "RUNNING"}], "has_more": false}',
        '{"data": [{"id": null}], "has_more": false}',
        '{"data": [{"id": true}], "has_more": false}',
        '{"data": [5], "has_more": false}',
        '{"data": [], "has_more": true}',
        '{"data": []}',
        '{"data": [], "has_more": "false"}',
        '{"data": [], "has_more": null}',
        "[]",
        "null",
        "",
        '{"data": [',
    ],
)
def test_malformed_list_buys_nothing(ard, client, request_for, body):
    ard.faults.add("GET /order", kind="body", body=body)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert ard.submissions == []


def test_repeated_page_buys_nothing(ard, client, request_for):
    order_once(client, request_for())
    ard.faults.add("GET /order", kind="set_json", path="$.has_more", value=True)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert len(ard.submissions) == 1


def test_ignored_filter_is_paged_through(ard, client, request_for):
    expected = order_once(client, request_for())
    for number in range(150):
        order_once(client, request_for(), IdempotencyKey("dag", "order", f"run {number}"))
    ard.faults.add("GET /order", kind="ignore_filter")
    assert order_once(client, request_for()).order.id == expected.order.id
    assert order_once(client, request_for(), IdempotencyKey("dag", "order", "another run")).is_new


def test_ignored_filter_with_too_many_orders_buys_nothing(ard, client, request_for, monkeypatch):
    for number in range(5):
        order_once(client, request_for(), IdempotencyKey("dag", "order", f"run {number}"))
    monkeypatch.setattr(existing_orders, "MAX_ROWS", 3)
    ard.faults.add("GET /order", kind="ignore_filter")
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert len(ard.submissions) == 5


def test_orders_of_the_sdk_are_ignored_without_the_filter(ard, client, request_for):
    client.submit_order(request_for())
    client.submit_order(request_for(metadata={"campaign": "spring"}))
    ard.faults.add("GET /order", kind="ignore_filter")
    assert order_once(client, request_for()).is_new


def retry_with_late_listing(ard, client, request_for, attempt, **options):
    """Place an order whose response is lost and which is listed late; return the retry's result."""
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    ard.faults.add("GET /order", nth=2, times=100_000, kind="status", status=503)
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(), attempt=attempt, **options)
    ard.faults.clear()
    ard.faults.add(kind="list_lag", seconds=0.8)
    store = NullSubmissionStore(after_crash=True)
    return order_once(client, request_for(), attempt=attempt, store=store, **options)


def test_order_of_an_earlier_series_does_not_end_the_search(ard, client, request_for):
    order_once(client, request_for())
    ard.clock.advance("1m")
    placed = retry_with_late_listing(ard, client, request_for, CLEARED, if_exists="resubmit")
    assert not placed.is_new
    assert len(ard.orders) == 2


def test_failed_order_does_not_end_the_search(ard, client, request_for):
    ard.fail_order(order_once(client, request_for()).order.id)
    ard.clock.advance("1m")
    placed = retry_with_late_listing(ard, client, request_for, RETRY)
    assert not placed.is_new
    assert len(ard.orders) == 2
