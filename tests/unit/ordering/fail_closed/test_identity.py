"""Deployments that share an account, and mapped tasks whose list changed."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdOrderConflict
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import OrderPlacement
from airflow_provider_ard.ordering.task_state import Attempt
from tests.unit.ordering.fail_closed.conftest import KEY, RETRY, order_once


def test_namespaces_separate_deployments(ard, client, request_for):
    dev, prod = (IdempotencyKey("dag", "order", KEY.run_id, namespace=name) for name in ("dev", "prod"))
    orders = [order_once(client, request_for(number), key) for number, key in enumerate((dev, prod))]
    assert all(placed.is_new for placed in orders)
    assert order_once(client, request_for(0), dev).order.id == orders[0].order.id


def test_conflict_names_the_namespace(ard, client, request_for):
    order_once(client, request_for(0))
    with pytest.raises(ArdOrderConflict, match="namespace"):
        order_once(client, request_for(1))


def test_lost_response_never_adopts_an_order_of_another_request(ard, client, request_for):
    placement = OrderPlacement(client, request_for(0), KEY)
    assert placement.find_existing() is None
    ard.faults.add("POST /order", nth=2, kind="reset_before_accept")
    other = order_once(client, request_for(1))
    with pytest.raises(ArdOrderConflict) as caught:
        placement.submit()
    assert caught.value.order_id == other.order.id


def mapped(index):
    return IdempotencyKey("dag", "order", KEY.run_id, map_index=index)


def attempt(clear_number, instances, *, series=0):
    return Attempt(series=series, clear_number=clear_number, is_first=clear_number == 0, mapped_instances=instances)


def test_mapped_orders_are_matched_by_request_before_index(ard, client, request_for):
    a, b, new = (request_for(number) for number in range(3))
    orders = [
        order_once(client, request, mapped(index), attempt=attempt(0, 2)).order.id
        for index, request in enumerate([a, b])
    ]
    placed = [
        order_once(client, request, mapped(index), attempt=attempt(1, 3, series=1))
        for index, request in enumerate([new, a, b])
    ]
    assert [placement.is_new for placement in placed] == [True, False, False]
    assert [placement.order.id for placement in placed[1:]] == orders
    assert len(ard.submissions) == 3


def test_shortened_mapped_list_buys_nothing(ard, client, request_for):
    a, b, c = (request_for(number) for number in range(3))
    for index, request in enumerate([a, b, c]):
        order_once(client, request, mapped(index), attempt=attempt(0, 3))
    placed = [
        order_once(client, request, mapped(index), attempt=attempt(1, 2, series=1))
        for index, request in enumerate([c, a])
    ]
    assert not any(placement.is_new for placement in placed)


def test_changed_argument_of_a_mapped_task_is_a_conflict(ard, client, request_for):
    for index in range(2):
        order_once(client, request_for(index), mapped(index), attempt=attempt(0, 2))
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(0, bba=True), mapped(0), attempt=attempt(1, 2, series=1))
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(0, bba=True), mapped(0), attempt=RETRY)


def test_equal_requests_of_a_mapped_run_are_all_placed(ard, client, request_for):
    placed = [order_once(client, request_for(), mapped(index), attempt=attempt(0, 3)) for index in range(3)]
    assert len({placement.order.id for placement in placed}) == 3
