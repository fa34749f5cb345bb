"""Deployments that share an account, and orders of other requests."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdOrderConflict
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import OrderPlacement
from tests.unit.ordering.fail_closed.conftest import KEY, order_once


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
