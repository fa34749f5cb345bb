"""Lists that look like proof that there is no order, and are none."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.ordering.idempotency import KEY_TAG
from airflow_provider_ard.ordering.submission_store import SubmissionRecord
from airflow_provider_ard.sandbox import Assumptions
from tests.unit.ordering.fail_closed.conftest import KEY, RETRY, MemoryStore, order_once

KEY_PATH = f"$.data[*].order.metadata.{KEY_TAG}"


@pytest.mark.parametrize("value", [["x"], {"value": KEY.digest}, True, "", "***", KEY.digest.upper()])
def test_key_in_an_unreadable_form_is_read_from_the_single_status(ard, client, request_for, value):
    first = order_once(client, request_for())
    ard.faults.add("GET /order", kind="set_json", path=KEY_PATH, value=value)
    assert order_once(client, request_for()).order.id == first.order.id


def test_key_that_is_readable_nowhere_buys_nothing(ard, client, request_for):
    order_once(client, request_for())
    ard.faults.add("GET /order", kind="set_json", path=KEY_PATH, value="***")
    ard.faults.add("GET /order/status/*", kind="set_json", path=f"$.order.metadata.{KEY_TAG}", value="***")
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert len(ard.submissions) == 1


def test_orders_of_another_key_for_an_honored_filter_buy_nothing(ard, client, request_for):
    order_once(client, request_for())
    ard.faults.add("GET /order", kind="set_json", path=KEY_PATH, value="0" * 32)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert len(ard.submissions) == 1


def test_lost_response_is_found_in_the_list_without_the_filter(ard, client, request_for):
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    ard.faults.add(kind="filter_lag", seconds="1h")
    placed = order_once(client, request_for())
    assert [order.id for order in ard.orders] == [placed.order.id]


@pytest.mark.parametrize("record", [SubmissionRecord(submitted=True), None])
def test_retry_finds_the_order_in_the_list_without_the_filter(ard, client, request_for, record):
    first = order_once(client, request_for())
    ard.faults.add(kind="filter_lag", seconds="1h")
    store = MemoryStore(record or SubmissionRecord(submitted=True, series=0, existing_order_ids=(), recorded_at=0.0))
    assert order_once(client, request_for(), store=store, attempt=RETRY).order.id == first.order.id


def test_order_in_doubt_is_not_bought_again_while_no_metadata_is_returned(ard, client, request_for):
    first = order_once(client, request_for())
    rule = ard.faults.add(kind="filter_lag", seconds="1h")
    ard.assumptions = Assumptions(metadata="absent")
    store = MemoryStore(SubmissionRecord(submitted=True))
    with pytest.raises(ArdUnavailableError) as caught:
        order_once(client, request_for(), store=store, attempt=RETRY)
    assert caught.value.order_id == first.order.id
    assert len(ard.submissions) == 1
    ard.assumptions = Assumptions()
    ard.faults.remove(rule)
    assert order_once(client, request_for(), store=store, attempt=RETRY).order.id == first.order.id


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 206, "body": '{"data": [], "has_more": false}'},
        {"body": '{"data": [], "has_more": false, "error": "shard unavailable"}'},
        {"body": '{"data": [], "has_more": false, "errors": ["shard unavailable"]}'},
        {"body": '{"data": [], "has_more": false, "partial": true}'},
        {"body": '{"data": [], "has_more": false}', "headers": {"age": "20"}},
    ],
)
def test_partial_or_cached_list_buys_nothing(ard, client, request_for, fault):
    order_once(client, request_for())
    ard.faults.add("GET /order", kind="body", **fault)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for(), attempt=RETRY)
    assert len(ard.submissions) == 1


def test_requests_bypass_caches(ard, client):
    list(client.list_orders())
    assert client._session.headers["Cache-Control"] == "no-cache"


def test_empty_metadata_is_read_from_the_single_status(ard, client, request_for):
    other = client.submit_order(request_for(1, metadata={"campaign": "spring"}))
    first = order_once(client, request_for())
    ard.faults.add("GET /order", kind="ignore_filter")
    # The newest row is that of this task; the other one shows that the list echoes metadata.
    ard.faults.add("GET /order", kind="set_json", path="$.data[0].order.metadata", value={})
    assert order_once(client, request_for()).order.id == first.order.id
    assert len(ard.orders) == len({other.id, first.order.id})


def test_failed_row_is_confirmed_before_it_is_replaced(ard, client, request_for):
    first = order_once(client, request_for())
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].status", value="ERROR")
    assert order_once(client, request_for()).order.id == first.order.id


def test_status_of_another_order_is_not_used(ard, client, request_for):
    ard.faults.add("GET /order/status/*", kind="set_json", path="$.id", value="999")
    store = MemoryStore(SubmissionRecord(submitted=True, order_id="404404", series=0))
    first = client.submit_order(request_for(1))
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for(), existing_order_id=first.id, store=store)


def test_problem_details_of_a_gateway_are_no_refusal(ard, client, request_for):
    store = MemoryStore()
    body = '{"type": "about:blank", "title": "Not Found", "status": 404}'
    ard.faults.add("POST /order", nth=1, kind="body", accept=True, status=404, body=body)
    ard.faults.add("GET /order", kind="list_lag", seconds="1h")
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(), store=store)
    assert store.record.is_in_doubt


def test_refused_token_after_accept_is_not_followed_by_another_post(ard, client, request_for):
    ard.faults.add("POST /order", times=2, nth=1, kind="error_after_accept", status=401)
    placed = order_once(client, request_for())
    assert [order.id for order in ard.orders] == [placed.order.id]
