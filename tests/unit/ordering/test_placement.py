from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_ard.api.errors import ArdOrderConflict, ArdOrderInDoubtError, ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.placement import IdempotencyKey, NullSubmissionStore, SubmissionRecord, place_once

MINE = IdempotencyKey("dag", "order", "manual__2026-01-01T00:00:00+00:00")


@pytest.fixture
def wanted(ard):
    return OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p", metadata={"team": "geo"})


@pytest.fixture
def other(ard):
    return OrderRequest.of(acquisitions=ard.acquisitions[1], destination="s3://bkt/p")


def test_an_intention_is_placed_once_however_often_it_is_tried(ard, client, wanted):
    first = place_once(client, wanted, MINE)
    second = place_once(client, wanted, MINE)
    assert (first.new, second.new) == (True, False)
    assert first.order.id == second.order.id
    assert len(ard.submissions) == 1


def test_the_order_says_who_wanted_it(ard, client, wanted):
    place_once(client, wanted, MINE)
    metadata = ard.submissions[0].body["metadata"]
    assert metadata["team"] == "geo"
    assert metadata["airflow_dag_id"] == "dag"
    assert metadata["airflow_run_id"] == MINE.run_id
    assert metadata["airflow_key"] == MINE.key


@pytest.mark.parametrize(
    "neighbour",
    [
        IdempotencyKey("dag", "order", "another run"),
        IdempotencyKey("dag", "order", MINE.run_id, 0),
        IdempotencyKey("dag", "other", MINE.run_id),
        IdempotencyKey("dag2", "order", MINE.run_id),
    ],
)
def test_another_task_instance_has_its_own_order(ard, client, wanted, neighbour):
    place_once(client, wanted, MINE)
    assert place_once(client, wanted, neighbour).new
    assert len(ard.orders) == 2


def test_a_different_request_is_a_conflict_that_names_both(ard, client, wanted, other):
    placed = place_once(client, wanted, MINE)
    with pytest.raises(ArdOrderConflict) as caught:
        place_once(client, other, MINE)
    for part in (placed.order.id, wanted.fingerprint(), other.fingerprint()):
        assert part in str(caught.value)
    assert len(ard.submissions) == 1


def test_a_failed_order_is_ordered_anew(ard, client, wanted):
    first = place_once(client, wanted, MINE)
    ard.fail_order(first.order.id)
    assert place_once(client, wanted, MINE).new
    assert len(ard.orders) == 2


def test_if_exists_fail(ard, client, wanted):
    place_once(client, wanted, MINE)
    with pytest.raises(ArdOrderConflict, match="if_exists"):
        place_once(client, wanted, MINE, if_exists="fail")
    assert len(ard.submissions) == 1


def test_if_exists_resubmit(ard, client, wanted):
    place_once(client, wanted, MINE)
    assert place_once(client, wanted, MINE, if_exists="resubmit").new
    assert len(ard.orders) == 2


def test_if_exists_is_checked_before_anything_is_sent(ard, client, wanted):
    with pytest.raises(ArdRequestError, match="if_exists"):
        place_once(client, wanted, MINE, if_exists="replace")
    assert ard.requests == []


@pytest.mark.parametrize("if_exists", ["reuse", "fail", "resubmit"])
@pytest.mark.parametrize("fault", [{"kind": "reset_after"}, {"kind": "error_after"}])
def test_an_order_whose_answer_is_lost_is_found_in_the_same_try(ard, client, wanted, fault, if_exists):
    ard.faults.add("POST /order", nth=1, **fault)
    placed = place_once(client, wanted, MINE, if_exists=if_exists, window=5)
    assert [order.id for order in ard.orders] == [placed.order.id]
    assert len(ard.submissions) == 1


def test_resubmit_with_a_lost_answer_finds_the_new_order(ard, client, wanted):
    old = place_once(client, wanted, MINE)
    ard.faults.add("POST /order", nth=1, kind="reset_after")
    new = place_once(client, wanted, MINE, if_exists="resubmit", window=5)
    assert new.order.id != old.order.id
    assert len(ard.orders) == 2


def test_an_order_that_did_not_arrive_is_left_to_the_next_try(ard, client, wanted):
    ard.faults.add("POST /order", nth=1, kind="reset_before")
    with pytest.raises(ArdOrderInDoubtError):
        place_once(client, wanted, MINE, window=0.0)
    assert ard.orders == []
    assert place_once(client, wanted, MINE).new
    assert len(ard.orders) == 1


def test_nothing_is_bought_while_the_list_cannot_be_seen(ard, client, wanted):
    ard.faults.add("GET /order", kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        place_once(client, wanted, MINE)
    assert ard.submissions == []


def test_a_retry_whose_own_order_has_failed_takes_over_what_an_earlier_first_try_number_has(ard, client, wanted):
    alive = place_once(client, wanted, MINE).order
    failed = place_once(client, wanted, replace(MINE, first_try_number=2), if_exists="resubmit").order
    ard.fail_order(failed.id)
    store = NullSubmissionStore()
    store.load = lambda: SubmissionRecord(submitted=True, order_id=failed.id)
    assert place_once(client, wanted, replace(MINE, first_try_number=2), store=store).order.id == alive.id
    assert len(ard.orders) == 2


def test_a_budget_check_that_fails_buys_nothing(ard, client, wanted):
    def refuse():
        raise ArdRequestError("too dear")

    with pytest.raises(ArdRequestError):
        place_once(client, wanted, MINE, before_submit=refuse)
    assert ard.submissions == []


def test_metadata_in_the_providers_name_are_a_clash(ard, client):
    request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p", metadata={"airflow_key": "mine"})
    with pytest.raises(ArdRequestError, match="airflow_key"):
        place_once(client, request, MINE)
    assert ard.requests == []
