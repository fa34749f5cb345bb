from __future__ import annotations

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.plugins.orders_page import task_orders
from airflow_provider_ard.plugins.orders_page.task_orders import TaskOrders

CELL = {"1040010060C9AD00": ["Z13-031131111333"]}
MINE = IdempotencyKey("d", "order", "scheduled__2026-01-01")
MAPPED = [IdempotencyKey("d", "order_each", MINE.run_id, index) for index in range(3)]


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(task_orders, "CACHE_TTL_S", -1.0)


def place_order(client, key):
    request = OrderRequest.of(acquisitions=CELL, destination="s3://b/p")
    return client.submit_order(key.tag(request)).id


def ids(rows):
    return {row.id for row in rows}


def requests_of(ard, look):
    before = len(ard.requests)
    look()
    return len(ard.requests) - before


def test_a_tasks_own_orders_by_one_request(ard, client):
    own = place_order(client, MINE)
    place_order(client, MAPPED[0])
    orders = TaskOrders(client)
    assert requests_of(ard, lambda: orders.find(MINE)) == 1
    assert ids(orders.find(MINE)) == {own}


def test_each_mapped_instance_has_its_own(client):
    placed = [place_order(client, key) for key in MAPPED]
    assert [ids(TaskOrders(client).find(key)) for key in MAPPED] == [{key} for key in placed]


def test_a_task_without_orders_gets_those_of_its_run(client):
    placed = {place_order(client, key) for key in (MINE, *MAPPED)}
    place_order(client, IdempotencyKey("d", "order", "scheduled__2026-01-02"))
    assert ids(TaskOrders(client).find(IdempotencyKey("d", "wait", MINE.run_id))) == placed


def test_the_same_run_id_of_many_other_dags_takes_no_place(client, monkeypatch):
    monkeypatch.setattr(task_orders, "MAX_ORDERS_OF_RUN", 2)
    placed = {place_order(client, key) for key in MAPPED[:2]}
    for number in range(4):
        place_order(client, IdempotencyKey(f"other_{number}", "order", MINE.run_id))
    assert ids(TaskOrders(client).find(IdempotencyKey("d", "wait", MINE.run_id))) == placed


@pytest.mark.usefixtures("short_rows")
def test_list_with_only_id_and_status(ard, client, at_once):
    own = place_order(client, MINE)
    place_order(client, MAPPED[0])
    orders = TaskOrders(client)
    [row] = orders.find(MINE)
    assert (row.id, row.task, row.area) == (own, "order", ard.orders[0].usage["area"]["total_imagery_sqkm"])
    # Requested once, until its status changes.
    assert requests_of(ard, lambda: orders.find(MINE)) == 1
    ard.finish_order(own)
    [row] = orders.find(MINE)
    assert row.state == "succeeded"
    assert row.finished


@pytest.mark.usefixtures("short_rows")
def test_sparse_list_is_completed_a_few_orders_per_update(client, at_once, monkeypatch):
    monkeypatch.setattr(task_orders, "MAX_SINGLE_REQUESTS", 2)
    placed = {place_order(client, key) for key in MAPPED}
    orders = TaskOrders(client)
    wait = IdempotencyKey("d", "wait", MINE.run_id)
    assert len(orders.find(wait)) == 2
    assert ids(orders.find(wait)) == placed


def test_within_some_seconds_nobody_is_asked_again(ard, client):
    place_order(client, MINE)
    orders = TaskOrders(client)
    orders.find(MINE)
    assert requests_of(ard, lambda: orders.find(MINE)) == 0
    assert requests_of(ard, lambda: orders.find(MAPPED[0])) > 0
