"""The search window is limited in real time, and other errors leave an order in doubt."""

from __future__ import annotations

import time

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.ordering.existing_orders import OrderSearch
from airflow_provider_ard.ordering.submission_store import SubmissionRecord
from tests.unit.ordering.fail_closed.conftest import KEY, RETRY, MemoryStore, in_doubt, order_once

# The window and its last search take a second; a slow or hanging response would take more than a minute.
LIMIT_S = 20.0


@pytest.fixture
def long_timeout_client(ard):
    """Return a client whose own timeouts do not end a search."""
    with ArdClient(Login(ard.login, ard.password), host=ard.url, timeout=90) as client:
        client.whoami()
        yield client


@pytest.mark.parametrize(
    "fault",
    [
        {"endpoint": "GET /order", "kind": "trickle", "seconds": 2},
        {"endpoint": "GET /order", "kind": "latency", "seconds": 60},
        {"endpoint": "POST /auth/*", "kind": "latency", "seconds": 60},
    ],
    ids=["drip", "hang", "login"],
)
def test_window_bounds_a_search_in_real_time(ard, long_timeout_client, fault):
    ard.expire_tokens()
    ard.faults.add(**fault)
    started_at = time.monotonic()
    with pytest.raises(ArdUnavailableError):
        OrderSearch(long_timeout_client, KEY, 0.5).wait_for_new(())
    assert time.monotonic() - started_at < LIMIT_S


def test_hanging_search_for_duplicates_does_not_delay_the_order(ard, long_timeout_client, request_for):
    ard.faults.add("GET /order", nth=2, times=1000, kind="trickle", seconds=2)
    started_at = time.monotonic()
    assert order_once(long_timeout_client, request_for()).is_new
    assert time.monotonic() - started_at < LIMIT_S


@pytest.mark.parametrize("status", [403, 404])
def test_error_of_the_list_leaves_the_order_in_doubt(ard, client, request_for, status):
    store = MemoryStore()
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    ard.faults.add("GET /order", nth=2, times=1000, kind="status", status=status)
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(), store=store)
    assert store.record.is_in_doubt


def test_error_of_the_list_does_not_end_the_window(ard, client, request_for):
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    ard.faults.add("GET /order", nth=2, times=1, kind="status", status=403)
    placed = order_once(client, request_for())
    assert [order.id for order in ard.orders] == [placed.order.id]


def test_immediately_failed_order_is_that_of_the_lost_response(ard, client, request_for):
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].status", value="FAILED")
    ard.faults.add("GET /order/status/*", kind="set_json", path="$.status", value="FAILED")
    placed = order_once(client, request_for())
    assert [order.id for order in ard.orders] == [placed.order.id]


def test_refusal_leaves_the_order_of_an_earlier_try_in_doubt(ard, client, request_for):
    store = in_doubt()
    ard.faults.add("POST /order", kind="status", status=429)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for(), store=store, attempt=RETRY)
    assert store.record.is_in_doubt


def test_order_in_doubt_is_found_in_its_earlier_namespace(ard, client, request_for):
    store = MemoryStore()
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    rule = ard.faults.add("GET /order", nth=2, times=1000, kind="status", status=503)
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(), store=store)
    ard.faults.remove(rule)
    renamed = type(KEY)(KEY.dag_id, KEY.task_id, KEY.run_id, namespace="prod")
    placed = order_once(client, request_for(), renamed, store=store, attempt=RETRY)
    assert [order.id for order in ard.orders] == [placed.order.id]


@pytest.mark.parametrize("stored", [[], "submitted", {"submitted": True, "existing_order_ids": 5}, {"order_id": "1"}])
def test_unreadable_record_is_an_order_in_doubt(stored):
    assert SubmissionRecord.from_json(stored).is_in_doubt


def test_record_survives_json():
    record = SubmissionRecord(True, "1", 2, ("3",), KEY.digest, 4.0, is_adopted=True)
    assert SubmissionRecord.from_json(record.to_json()) == record
