"""Mapped tasks: orders of one run are matched by request before map index."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdOrderConflict
from airflow_provider_ard.ordering.idempotency import CLEAR_NUMBER_TAG, MAPPED_INSTANCES_TAG, IdempotencyKey
from airflow_provider_ard.ordering.task_state import Attempt
from airflow_provider_ard.sandbox import Assumptions
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS
from tests.unit.ordering.fail_closed.conftest import KEY, RETRY, order_once


def mapped(index):
    return IdempotencyKey("dag", "order", KEY.run_id, map_index=index)


def attempt(clear_number, instances, *, series=0):
    return Attempt(series=series, clear_number=clear_number, is_first=series == 0, mapped_instances=instances)


def order_all(client, requests, attempt, **options):
    return [
        order_once(client, request, mapped(index), attempt=attempt, **options) for index, request in enumerate(requests)
    ]


# Airflow counts a clear only if the DAG run had ended; a sensor may still wait.
@pytest.mark.parametrize("clear_number", [0, 1])
def test_mapped_orders_are_matched_by_request_before_index(ard, client, request_for, clear_number):
    a, b, new = (request_for(number) for number in range(3))
    orders = [each.order.id for each in order_all(client, [a, b], attempt(0, 2))]
    placed = order_all(client, [new, a, b], attempt(clear_number, 3, series=1))
    assert [each.is_new for each in placed] == [True, False, False]
    assert [each.order.id for each in placed[1:]] == orders
    assert len(ard.submissions) == 3


def test_mapped_list_that_grew_twice_buys_each_item_once(ard, client, request_for):
    a, b, c, d = (request_for(number) for number in range(4))
    order_all(client, [a, b], attempt(0, 2))
    placed = order_all(client, [d, c, a, b], attempt(0, 4, series=2))
    assert [each.is_new for each in placed] == [True, True, False, False]


@pytest.mark.parametrize("clear_number", [0, 1])
def test_fail_reports_an_order_of_another_map_index(ard, client, request_for, clear_number):
    a, b = (request_for(number) for number in range(2))
    orders = order_all(client, [a, b], attempt(0, 2), if_exists="fail")
    with pytest.raises(ArdOrderConflict) as caught:
        order_once(client, b, mapped(2), attempt=attempt(clear_number, 3, series=1), if_exists="fail")
    assert caught.value.order_id == orders[1].order.id


@pytest.mark.parametrize("clear_number", [0, 1])
def test_changed_argument_is_a_conflict_if_an_instance_has_no_order(ard, client, request_for, clear_number):
    order_once(client, request_for(0), mapped(0), attempt=attempt(0, 2))
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(0, bba=True), mapped(0), attempt=attempt(clear_number, 2, series=1))
    assert len(ard.submissions) == 1


# Before 3.2, Airflow does not count the clear of a running DAG run; the series of each index count its own tries.
@pytest.mark.parametrize("clear_number", [0, 1])
@pytest.mark.parametrize("series", [0, 1, 3])
def test_item_that_moved_in_a_list_of_the_same_length_is_bought_once(ard, client, request_for, clear_number, series):
    b, c = (request_for(number) for number in range(2))
    first = order_once(client, b, mapped(1), attempt=attempt(0, 2, series=series))
    moved = order_once(client, b, mapped(0), attempt=attempt(clear_number, 2, series=1))
    assert moved.order.id == first.order.id
    with pytest.raises(ArdOrderConflict) as caught:
        order_once(client, c, mapped(1), attempt=attempt(clear_number, 2, series=series + 1))
    assert caught.value.order_id == first.order.id
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("value", [1.0, "1.0"])
@pytest.mark.parametrize(("tag", "changed"), [(CLEAR_NUMBER_TAG, attempt(2, 1)), (MAPPED_INSTANCES_TAG, attempt(1, 2))])
def test_moved_item_is_recognized_by_tags_in_another_form(ard, client, request_for, tag, changed, value):
    first = order_once(client, request_for(), mapped(0), attempt=attempt(1, 1))
    ard.faults.add("GET /order", kind="set_json", path=f"$.data[*].order.metadata.{tag}", value=value)
    assert order_once(client, request_for(), mapped(1), attempt=changed).order.id == first.order.id


@pytest.mark.parametrize("metadata", sorted({*ASSUMPTIONS["metadata"]} - {"absent"}))
def test_growth_is_recognized_by_tags_in_another_form(ard, client, request_for, metadata):
    a, b = (request_for(number) for number in range(2))
    order_all(client, [a], attempt(0, 1))
    ard.assumptions = Assumptions(metadata=metadata)
    placed = order_all(client, [b, a], attempt(0, 2, series=1))
    assert [each.is_new for each in placed] == [True, False]


def test_unreadable_clear_number_is_no_proof_of_the_same_list(ard, client, request_for):
    first = order_once(client, request_for(), mapped(0), attempt=attempt(0, 2))
    ard.faults.add("GET /order", kind="drop_json", path=f"$.data[*].order.metadata.{CLEAR_NUMBER_TAG}")
    assert order_once(client, request_for(), mapped(1), attempt=attempt(0, 2)).order.id == first.order.id


def test_mapped_list_that_shrank_buys_nothing(ard, client, request_for):
    a, b, c = (request_for(number) for number in range(3))
    for index, request in enumerate([a, b, c]):
        order_once(client, request, mapped(index), attempt=attempt(0, 3))
    placed = [
        order_once(client, request, mapped(index), attempt=attempt(1, 2, series=1))
        for index, request in enumerate([c, a])
    ]
    assert not any(each.is_new for each in placed)


def test_changed_argument_of_a_mapped_task_is_a_conflict(ard, client, request_for):
    for index in range(2):
        order_once(client, request_for(index), mapped(index), attempt=attempt(0, 2))
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(0, bba=True), mapped(0), attempt=attempt(1, 2, series=1))
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(0, bba=True), mapped(0), attempt=RETRY)


def test_equal_requests_of_one_mapped_run_are_all_placed(ard, client, request_for):
    placed = [order_once(client, request_for(), mapped(index), attempt=attempt(0, 3)) for index in range(3)]
    assert len({each.order.id for each in placed}) == 3


def test_equal_requests_are_placed_if_retries_were_edited(ard, client, request_for):
    first_try = Attempt(series=0, initial_series=2, mapped_instances=2)
    placed = [order_once(client, request_for(), mapped(index), attempt=first_try) for index in range(2)]
    assert len({each.order.id for each in placed}) == 2


def test_equal_request_is_placed_by_a_retry(ard, client, request_for):
    order_once(client, request_for(), mapped(1), attempt=attempt(0, 2))
    retry = Attempt(is_first=False, mapped_instances=2)
    assert order_once(client, request_for(), mapped(0), attempt=retry).is_new


def test_equal_requests_share_an_order_after_a_clear(ard, client, request_for):
    first = order_once(client, request_for(), mapped(1), attempt=attempt(0, 2))
    assert order_once(client, request_for(), mapped(0), attempt=attempt(0, 2, series=1)).order.id == first.order.id
