from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import (
    ArdBudgetExceeded,
    ArdOrderConflict,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.budget import BudgetLimits
from airflow_provider_ard.ordering.fingerprint import fingerprint
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import OrderPlacement, place_order
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore, SubmissionRecord
from airflow_provider_ard.ordering.task_state import Attempt

CLEARED = Attempt(series=1, clear_number=1, is_first=False)

KEY = IdempotencyKey("dag", "order", "manual__2026-01-01T00:00:00+00:00")


@pytest.fixture
def request_a(ard):
    return OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p", metadata={"team": "geo"})


@pytest.fixture
def request_b(ard):
    return OrderRequest.of(acquisitions=ard.acquisitions[1], destination="s3://bkt/p")


def test_repeated_calls_place_one_order(ard, client, request_a):
    first = place_order(client, request_a, KEY)
    second = place_order(client, request_a, KEY)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.order.id == second.order.id
    assert len(ard.submissions) == 1


def test_metadata_contains_the_task_instance(ard, client, request_a):
    place_order(client, request_a, KEY)
    metadata = ard.submissions[0].body["metadata"]
    assert metadata["team"] == "geo"
    assert metadata["airflow_dag_id"] == "dag"
    assert metadata["airflow_run_id"] == KEY.run_id
    assert metadata["airflow_key"] == KEY.digest


@pytest.mark.parametrize(
    "other_key",
    [
        IdempotencyKey("dag", "order", "another run"),
        IdempotencyKey("dag", "order", KEY.run_id, 0),
        IdempotencyKey("dag", "other", KEY.run_id),
        IdempotencyKey("dag2", "order", KEY.run_id),
    ],
)
def test_other_task_instances_place_their_own_orders(ard, client, request_a, other_key):
    place_order(client, request_a, KEY)
    assert place_order(client, request_a, other_key).is_new
    assert len(ard.orders) == 2


def test_different_request_is_a_conflict_naming_both(ard, client, request_a, request_b):
    placed = place_order(client, request_a, KEY)
    with pytest.raises(ArdOrderConflict) as caught:
        place_order(client, request_b, KEY)
    for part in (placed.order.id, fingerprint(request_a), fingerprint(request_b)):
        assert part in str(caught.value)
    assert len(ard.submissions) == 1


def test_failed_order_is_replaced(ard, client, request_a):
    first = place_order(client, request_a, KEY)
    ard.fail_order(first.order.id)
    assert place_order(client, request_a, KEY).is_new
    assert len(ard.orders) == 2


def test_if_exists_fail(ard, client, request_a):
    place_order(client, request_a, KEY)
    with pytest.raises(ArdOrderConflict, match="if_exists"):
        place_order(client, request_a, KEY, if_exists="fail")
    assert len(ard.submissions) == 1


def test_if_exists_resubmit(ard, client, request_a):
    place_order(client, request_a, KEY)
    assert place_order(client, request_a, KEY, if_exists="resubmit", attempt=CLEARED).is_new
    assert len(ard.orders) == 2


def test_invalid_if_exists_sends_no_request(ard, client, request_a):
    with pytest.raises(ArdRequestError, match="if_exists"):
        place_order(client, request_a, KEY, if_exists="replace")
    assert ard.requests == []


@pytest.mark.parametrize("if_exists", ["reuse", "fail", "resubmit"])
@pytest.mark.parametrize("fault", [{"kind": "reset_after_accept"}, {"kind": "error_after_accept"}])
def test_lost_response_finds_the_order_in_the_same_attempt(ard, client, request_a, fault, if_exists):
    ard.faults.add("POST /order", nth=1, **fault)
    placed = place_order(client, request_a, KEY, if_exists=if_exists)
    assert [order.id for order in ard.orders] == [placed.order.id]
    assert len(ard.submissions) == 1


def test_resubmit_with_lost_response_finds_the_new_order(ard, client, request_a):
    old = place_order(client, request_a, KEY)
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    new = place_order(client, request_a, KEY, if_exists="resubmit", attempt=CLEARED)
    assert new.order.id != old.order.id
    assert len(ard.orders) == 2


def test_order_that_never_arrived_is_placed_by_the_next_attempt(ard, client, request_a):
    ard.faults.add("POST /order", nth=1, kind="reset_before_accept")
    placement = OrderPlacement(client, request_a, KEY, search_window=0.0)
    assert placement.find_existing() is None
    with pytest.raises(ArdOrderInDoubtError):
        placement.submit()
    assert ard.orders == []
    assert place_order(client, request_a, KEY).is_new
    assert len(ard.orders) == 1


def test_nothing_is_bought_while_the_list_is_unavailable(ard, client, request_a):
    ard.faults.add("GET /order", kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        place_order(client, request_a, KEY)
    assert ard.submissions == []


def test_retry_reattaches_to_running_order_of_earlier_series(ard, client, request_a):
    running = place_order(client, request_a, KEY).order
    failed = place_order(client, request_a, KEY, if_exists="resubmit", attempt=CLEARED).order
    ard.fail_order(failed.id)
    store = NullSubmissionStore()
    store.load = lambda: SubmissionRecord(submitted=True, order_id=failed.id)
    assert place_order(client, request_a, KEY, store=store, attempt=CLEARED).order.id == running.id
    assert len(ard.orders) == 2


def test_exceeded_limit_buys_nothing(ard, client, request_a):
    with pytest.raises(ArdBudgetExceeded):
        place_order(client, request_a, KEY, limits=BudgetLimits(max_cost=0.01))
    assert ard.submissions == []


def test_reserved_metadata_name_is_rejected(ard, client):
    request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p", metadata={"airflow_key": "mine"})
    with pytest.raises(ArdRequestError, match="airflow_key"):
        place_order(client, request, KEY)
    assert ard.requests == []
