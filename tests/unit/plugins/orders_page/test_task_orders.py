from __future__ import annotations

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.plugins.orders_page import task_orders
from airflow_provider_ard.plugins.orders_page.task_orders import TaskOrders

CELL = {"1040010060C9AD00": ["Z13-031131111333"]}
KEY = IdempotencyKey("d", "order", "scheduled__2026-01-01")
MAPPED = [IdempotencyKey("d", "order_each", KEY.run_id, index) for index in range(3)]


@pytest.fixture
def no_ttl(monkeypatch):
    monkeypatch.setattr(task_orders, "CACHE_TTL_S", -1.0)


def place_order(client, key):
    request = OrderRequest.of(acquisitions=CELL, destination="s3://b/p")
    return client.submit_order(key.tag(request)).id


def ids(rows):
    return {row.id for row in rows}


def count_requests(ard, call):
    before = len(ard.requests)
    call()
    return len(ard.requests) - before


def test_orders_of_a_task_take_one_request(ard, client):
    own = place_order(client, KEY)
    place_order(client, MAPPED[0])
    orders = TaskOrders(client)
    assert count_requests(ard, lambda: orders.find(KEY)) == 1
    assert ids(orders.find(KEY)) == {own}


def test_mapped_task_instances_have_their_own_orders(client):
    placed = [place_order(client, key) for key in MAPPED]
    assert [ids(TaskOrders(client).find(key)) for key in MAPPED] == [{order_id} for order_id in placed]


def test_task_without_orders_has_those_of_its_run(client):
    placed = {place_order(client, key) for key in (KEY, *MAPPED)}
    place_order(client, IdempotencyKey("d", "order", "scheduled__2026-01-02"))
    assert ids(TaskOrders(client).find(IdempotencyKey("d", "wait", KEY.run_id))) == placed


def test_equal_run_ids_of_other_dags_do_not_displace_orders(client, monkeypatch):
    monkeypatch.setattr(task_orders, "MAX_ORDERS_OF_RUN", 2)
    placed = {place_order(client, key) for key in MAPPED[:2]}
    for number in range(4):
        place_order(client, IdempotencyKey(f"other_{number}", "order", KEY.run_id))
    assert ids(TaskOrders(client).find(IdempotencyKey("d", "wait", KEY.run_id))) == placed


@pytest.mark.usefixtures("sparse_list")
def test_list_with_only_id_and_status(ard, client, no_ttl):
    own = place_order(client, KEY)
    place_order(client, MAPPED[0])
    orders = TaskOrders(client)
    [row] = orders.find(KEY)
    assert (row.id, row.task, row.area) == (own, "order", ard.orders[0].usage["area"]["total_imagery_sqkm"])
    # Requested once, until its status changes.
    assert count_requests(ard, lambda: orders.find(KEY)) == 1
    ard.finish_order(own)
    [row] = orders.find(KEY)
    assert row.state == "succeeded"
    assert row.finished


@pytest.mark.usefixtures("sparse_list")
def test_sparse_list_is_completed_a_few_orders_per_update(client, no_ttl, monkeypatch):
    monkeypatch.setattr(task_orders, "MAX_SINGLE_REQUESTS", 2)
    placed = {place_order(client, key) for key in MAPPED}
    orders = TaskOrders(client)
    wait = IdempotencyKey("d", "wait", KEY.run_id)
    assert len(orders.find(wait)) == 2
    assert ids(orders.find(wait)) == placed


def test_orders_are_cached(ard, client):
    place_order(client, KEY)
    orders = TaskOrders(client)
    orders.find(KEY)
    assert count_requests(ard, lambda: orders.find(KEY)) == 0
    assert count_requests(ard, lambda: orders.find(MAPPED[0])) > 0
