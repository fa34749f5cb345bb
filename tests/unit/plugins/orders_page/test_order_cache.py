from __future__ import annotations

import json
import math

import pytest

from airflow_provider_ard.api.errors import ArdUnavailableError
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.plugins.orders_page import order_cache
from airflow_provider_ard.plugins.orders_page.caches import OrderCaches
from airflow_provider_ard.plugins.orders_page.order_cache import OrderCache, plan_requests
from airflow_provider_ard.sandbox import Assumptions
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS

CELL = {"1040010060C9AD00": ["Z13-031131111333"]}


@pytest.fixture
def no_ttl(monkeypatch):
    monkeypatch.setattr(order_cache, "CACHE_TTL_S", -1.0)


def place_orders(client, number=1, **metadata):
    return [
        client.submit_order(OrderRequest.of(acquisitions=CELL, destination="s3://b/p", metadata=metadata)).id
        for _ in range(number)
    ]


def update(orders, metadata=None):
    """Update the cache until all pages are read; `metadata` is that of an earlier update."""
    rows = {}

    def add_rows(changes):
        rows.update({row.id: row for row in changes.rows})
        return changes.metadata

    while True:
        metadata = add_rows(orders.snapshot({metadata["generation"]: metadata["version"]} if metadata else {}))
        with orders._changed:
            assert orders._changed.wait_for(lambda: not orders._reading, 30)
        with pytest.MonkeyPatch.context() as patch:
            # Do not start another update.
            patch.setattr(order_cache, "CACHE_TTL_S", math.inf)
            metadata = add_rows(orders.snapshot({metadata["generation"]: metadata["version"]}))
        if metadata["complete"] or metadata["error"]:
            return rows, metadata


def test_all_pages_are_read_once(ard, client):
    ids = place_orders(client, 120)
    orders = OrderCache(lambda: client)
    before = len(ard.requests)
    rows, metadata = update(orders)
    assert set(rows) == set(ids)
    assert metadata["count"] == 120
    assert len(ard.requests) - before == 2


def test_first_page_is_returned_at_once_and_the_rest_together(ard, client):
    place_orders(client, 320)
    ard.faults.add("GET /order", kind="latency", seconds=0.2)
    orders = OrderCache(lambda: client)
    first = orders.snapshot({})
    assert 0 < len(first.rows) < 320
    assert not first.metadata["complete"]
    rest = orders.snapshot({first.metadata["generation"]: first.metadata["version"]})
    assert len(first.rows) + len(rest.rows) == 320
    assert rest.metadata["complete"]


def test_snapshot_within_ttl_makes_no_request(ard, client):
    place_orders(client)
    orders = OrderCache(lambda: client)
    _, metadata = update(orders)
    before = len(ard.requests)
    assert not orders.snapshot({metadata["generation"]: metadata["version"]}).rows
    assert len(ard.requests) == before


def test_update_reads_one_page_and_returns_changed_rows(ard, client, no_ttl):
    ids = place_orders(client, 120)
    for order_id in ids[:110]:
        ard.finish_order(order_id)
    orders = OrderCache(lambda: client)
    _, metadata = update(orders)
    [new] = place_orders(client)
    ard.finish_order(ids[-1])
    before = len(ard.requests)
    rows, _ = update(orders, metadata)
    assert set(rows) == {new, ids[-1]}
    assert rows[ids[-1]].state == "succeeded"
    assert len(ard.requests) - before == 1


@pytest.mark.parametrize("order_times", ["present", "absent"])
def test_new_orders_at_the_end_of_the_list_are_read(ard, client, no_ttl, monkeypatch, order_times):
    ard.assumptions = Assumptions(list_order="oldest_first", order_times=order_times)
    ids = place_orders(client, 120)
    for order_id in ids:
        ard.finish_order(order_id)
    orders = OrderCache(lambda: client)
    _, metadata = update(orders)
    monkeypatch.setattr(order_cache, "FULL_READ_S", -1.0)
    [first] = place_orders(client)
    rows, metadata = update(orders, metadata)
    assert set(rows) == {first}
    monkeypatch.undo()
    monkeypatch.setattr(order_cache, "CACHE_TTL_S", -1.0)
    # The list has been seen to be oldest first.
    [second] = place_orders(client)
    assert set(update(orders, metadata)[0]) == {second}


def test_list_without_times_is_read_completely_from_time_to_time(ard, client, no_ttl, monkeypatch):
    ard.assumptions = Assumptions(order_times="absent")
    for order_id in place_orders(client, 120):
        ard.finish_order(order_id)
    orders = OrderCache(lambda: client)
    _, metadata = update(orders)
    for seconds, requests in ((math.inf, 1), (-1.0, 2), (math.inf, 1)):
        monkeypatch.setattr(order_cache, "FULL_READ_S", seconds)
        before = len(ard.requests)
        metadata = update(orders, metadata)[1]
        assert len(ard.requests) - before == requests


def test_old_running_order_is_requested_individually(ard, client, no_ttl):
    ids = place_orders(client, 220)
    for order_id in ids[1:]:
        ard.finish_order(order_id)
    orders = OrderCache(lambda: client)
    _, metadata = update(orders)
    ard.fail_order(ids[0], "no imagery")
    before = len(ard.requests)
    rows, _ = update(orders, metadata)
    assert rows[ids[0]].message == "no imagery"
    assert len(ard.requests) - before == 2


def test_unknown_generation_returns_all_rows(client, ard):
    [order_id] = place_orders(client)
    orders = OrderCache(lambda: client)
    update(orders)
    rows, _ = update(orders, {"generation": "another process", "version": 99})
    assert list(rows) == [order_id]


def test_outage_is_reported_and_rows_are_kept(ard, client, no_ttl):
    [order_id] = place_orders(client)
    orders = OrderCache(lambda: client)
    update(orders)
    ard.stop()
    _, metadata = update(orders)
    assert "could not connect" in metadata["error"]["detail"]
    assert metadata["error"]["suggestion"] == "Check: API address."
    assert list(orders._rows) == [order_id]
    ard.start()
    assert update(orders)[1]["error"] is None


def test_interrupted_update_leaves_no_gap(ard, client, no_ttl, retry_pauses):
    old = place_orders(client, 20)
    orders = OrderCache(lambda: client)
    update(orders)
    new = place_orders(client, 120)
    # The second page fails in every attempt.
    ard.faults.add("GET /order", kind="status", status=503, nth=2, times=4)
    assert update(orders)[1]["error"]
    ard.faults.clear()
    while update(orders)[1]["error"]:
        pass
    assert set(orders._rows) == {*old, *new}


def test_plan_takes_the_fewest_requests():
    assert plan_requests([]) == (0, [])
    assert plan_requests([0, 1, 2, 99]) == (100, [])
    assert plan_requests([5, 4_000]) == (100, [4_000])
    assert plan_requests([1, *range(150, 300)]) == (300, [])


def test_changed_connection_starts_a_new_cache(ard, monkeypatch, no_ttl, retry_pauses):
    wrong = json.loads(ard.connection_json) | {"password": "wr0ng"}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(wrong))
    orders = OrderCaches().order_cache("ard_default")
    _, metadata = update(orders)
    assert metadata["error"]["suggestion"] == "Check: User name or Password."
    assert "wr0ng" not in json.dumps(metadata)
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    assert update(orders)[1]["error"] is None


@pytest.mark.parametrize("connection", [None, '{"conn_type": "postgres", "password": "s3cr3t"}'])
def test_connection_of_another_type_is_an_error(connection, monkeypatch):
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", connection)
    _, metadata = update(OrderCaches().order_cache("other"))
    assert "Connection other of type ard does not exist" in metadata["error"]["detail"]


@pytest.mark.usefixtures("sparse_list")
def test_details_missing_in_the_list_are_requested_and_cached(ard, client, no_ttl):
    [order_id] = place_orders(client)
    orders = OrderCache(lambda: client)
    update(orders)
    [row] = orders._rows.values()
    assert row.area == ard.orders[0].usage["area"]["total_imagery_sqkm"]
    before = len(ard.requests)
    _, metadata = update(orders)
    assert len(ard.requests) - before == 1
    ard.fail_order(order_id, "no imagery")
    for _ in range(2):
        rows, _ = update(orders, metadata)
        assert (rows[order_id].state, rows[order_id].message) == ("failed", "no imagery")
        assert rows[order_id].area == row.area
        assert rows[order_id].finished


@pytest.mark.parametrize("code", ASSUMPTIONS["unknown_order"])
def test_deleted_order_keeps_its_row(ard, client, no_ttl, code):
    ard.assumptions = Assumptions(list_rows="short")
    ids = place_orders(client, 2)
    ard.faults.add(f"GET /order/status/{ids[0]}", kind="status", status=int(code))
    rows, metadata = update(OrderCache(lambda: client))
    assert set(rows) == set(ids)
    assert metadata["error"] is None


def test_deleted_connection_drops_its_cache(ard, monkeypatch, no_ttl):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    caches = OrderCaches()
    place_orders(caches.client("ard_default"))
    rows, metadata = update(caches.order_cache("ard_default"))
    assert rows
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT")
    rows, metadata = update(caches.order_cache("ard_default"), metadata)
    assert "Connection ard_default of type ard does not exist" in metadata["error"]["detail"]
    assert (metadata["count"], caches._states) == (0, {})


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ('{"cost": 500, "per": "day"}', [{"cost": 500, "per": "day", "scope": "account"}]),
        ({"cost": 500}, []),
        (None, []),
    ],
)
def test_budgets_of_the_connection(ard, monkeypatch, budget, expected):
    connection = json.loads(ard.connection_json) | {"extra": {"budget": budget}}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(connection))
    caches = OrderCaches()
    assert caches.budgets("ard_default") == []
    caches.client("ard_default")
    assert caches.budgets("ard_default") == expected


def test_unused_cache_is_dropped(ard, ard_connection, monkeypatch):
    caches = OrderCaches()
    update(caches.order_cache(ard_connection))
    caches.order_cache("other")
    assert set(caches._order_caches) == {ard_connection, "other"}
    monkeypatch.setattr("airflow_provider_ard.plugins.orders_page.caches.IDLE_S", -1.0)
    caches.order_cache("other")
    assert set(caches._order_caches) == {"other"}
    assert caches._states == {}


def test_page_request_is_not_retried(ard, monkeypatch):
    connection = json.loads(ard.connection_json) | {"extra": {"timeout": 600}}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(connection))
    monkeypatch.setattr("airflow_provider_ard.plugins.orders_page.caches.MAX_TIMEOUT_S", 2.0)
    client = OrderCaches().client("ard_default")
    client.whoami()
    slow = ard.faults.add("GET /auth/self", kind="latency", seconds=5.0)
    with pytest.raises(ArdUnavailableError):
        client.whoami()
    assert slow.fired == 1
