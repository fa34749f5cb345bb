from __future__ import annotations

import json
import math

import pytest

from airflow_provider_ard.api.errors import ArdUnavailableError
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.plugins.orders_page import order_cache
from airflow_provider_ard.plugins.orders_page.order_cache import OrderCache, OrderCaches, plan_requests

CELL = {"1040010060C9AD00": ["Z13-031131111333"]}


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(order_cache, "CACHE_TTL_S", -1.0)


def place_orders(client, number=1, **metadata):
    return [
        client.submit_order(OrderRequest.of(acquisitions=CELL, destination="s3://b/p", metadata=metadata)).id
        for _ in range(number)
    ]


def look(orders, facts=None):
    """Update until the API has been read to the end; `facts` are those of an earlier update."""
    known_rows = {}

    def take(changes):
        known_rows.update({row.id: row for row in changes.rows})
        return changes.metadata

    while True:
        facts = take(orders.snapshot({facts["generation"]: facts["version"]} if facts else {}))
        with orders._changed:
            assert orders._changed.wait_for(lambda: not orders._reading, 30)
        with pytest.MonkeyPatch.context() as patch:
            # What has been read meanwhile, without starting again.
            patch.setattr(order_cache, "CACHE_TTL_S", math.inf)
            facts = take(orders.snapshot({facts["generation"]: facts["version"]}))
        if facts["complete"] or facts["error"]:
            return known_rows, facts


def test_all_pages_are_read_once(ard, client):
    ids = place_orders(client, 120)
    orders = OrderCache(lambda: client)
    before = len(ard.requests)
    known_rows, facts = look(orders)
    assert set(known_rows) == set(ids)
    assert facts["count"] == 120
    assert len(ard.requests) - before == 2


def test_within_some_seconds_nobody_is_asked_again(ard, client):
    place_orders(client)
    orders = OrderCache(lambda: client)
    _, facts = look(orders)
    before = len(ard.requests)
    assert not orders.snapshot({facts["generation"]: facts["version"]}).rows
    assert len(ard.requests) == before


def test_a_later_look_reads_one_page_and_returns_what_has_changed(ard, client, at_once):
    ids = place_orders(client, 120)
    for order_id in ids[:110]:
        ard.finish_order(order_id)
    orders = OrderCache(lambda: client)
    _, facts = look(orders)
    [new] = place_orders(client)
    ard.finish_order(ids[-1])
    before = len(ard.requests)
    known_rows, _ = look(orders, facts)
    assert set(known_rows) == {new, ids[-1]}
    assert known_rows[ids[-1]].state == "succeeded"
    assert len(ard.requests) - before == 1


def test_an_old_order_that_is_still_open_is_asked_for_singly(ard, client, at_once):
    ids = place_orders(client, 220)
    for order_id in ids[1:]:
        ard.finish_order(order_id)
    orders = OrderCache(lambda: client)
    _, facts = look(orders)
    ard.fail_order(ids[0], "no luck")
    before = len(ard.requests)
    known_rows, _ = look(orders, facts)
    assert known_rows[ids[0]].message == "no luck"
    assert len(ard.requests) - before == 2


def test_a_look_of_another_era_gets_everything(client, ard):
    [order_id] = place_orders(client)
    orders = OrderCache(lambda: client)
    look(orders)
    known_rows, _ = look(orders, {"generation": "another process", "version": 99})
    assert list(known_rows) == [order_id]


def test_outage_is_reported_and_known_rows_stay(ard, client, at_once):
    [order_id] = place_orders(client)
    orders = OrderCache(lambda: client)
    look(orders)
    ard.stop()
    _, facts = look(orders)
    assert "could not connect" in facts["error"]["detail"]
    assert facts["error"]["suggestion"] == "Check: API address."
    assert list(orders._rows) == [order_id]
    ard.start()
    assert look(orders)[1]["error"] is None


def test_a_look_that_broke_off_between_two_pages_leaves_no_gap(ard, client, at_once, retry_pauses):
    old = place_orders(client, 20)
    orders = OrderCache(lambda: client)
    look(orders)
    new = place_orders(client, 120)
    # The second page, and each of the client's tries to have it.
    ard.faults.add("GET /order", kind="status", status=503, nth=2, times=4)
    assert look(orders)[1]["error"]
    ard.faults.clear()
    while look(orders)[1]["error"]:
        pass
    assert set(orders._rows) == {*old, *new}


def test_the_plan_takes_the_fewest_requests():
    assert plan_requests([]) == (0, [])
    assert plan_requests([0, 1, 2, 99]) == (100, [])
    assert plan_requests([5, 4_000]) == (100, [4_000])
    assert plan_requests([1, *range(150, 300)]) == (300, [])


def test_a_changed_connection_begins_a_new_book(ard, monkeypatch, at_once, retry_pauses):
    wrong = json.loads(ard.connection_json) | {"password": "wr0ng"}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(wrong))
    orders = OrderCaches().order_cache("ard_default")
    _, facts = look(orders)
    assert facts["error"]["suggestion"] == "Check: User name or Password."
    assert "wr0ng" not in json.dumps(facts)
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    assert look(orders)[1]["error"] is None


@pytest.mark.parametrize("given", [None, '{"conn_type": "postgres", "password": "s3cr3t"}'])
def test_what_is_no_ard_connection_is_not_looked_into(given, monkeypatch):
    if given:
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", given)
    _, facts = look(OrderCaches().order_cache("other"))
    assert "Connection other of type ard does not exist" in facts["error"]["detail"]


@pytest.mark.usefixtures("short_rows")
def test_what_the_list_does_not_tell_is_asked_for_singly_and_kept(ard, client, at_once):
    [order_id] = place_orders(client)
    orders = OrderCache(lambda: client)
    look(orders)
    [row] = orders._rows.values()
    assert row.area == ard.orders[0].usage["area"]["total_imagery_sqkm"]
    before = len(ard.requests)
    _, facts = look(orders)
    assert len(ard.requests) - before == 1
    ard.fail_order(order_id, "no luck")
    for _ in range(2):
        known_rows, _ = look(orders, facts)
        assert (known_rows[order_id].state, known_rows[order_id].message) == ("failed", "no luck")
        assert known_rows[order_id].area == row.area
        assert known_rows[order_id].finished


def test_a_connection_that_is_gone_leaves_nothing_behind(ard, monkeypatch, at_once):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    caches = OrderCaches()
    place_orders(caches.client("ard_default"))
    known_rows, facts = look(caches.order_cache("ard_default"))
    assert known_rows
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT")
    known_rows, facts = look(caches.order_cache("ard_default"), facts)
    assert "Connection ard_default of type ard does not exist" in facts["error"]["detail"]
    assert (facts["count"], caches._clients) == (0, {})


def test_a_book_that_nobody_looks_at_is_given_up(ard, ard_connection, monkeypatch):
    caches = OrderCaches()
    look(caches.order_cache(ard_connection))
    caches.order_cache("other")
    assert set(caches._order_caches) == {ard_connection, "other"}
    monkeypatch.setattr(order_cache, "IDLE_S", -1.0)
    caches.order_cache("other")
    assert set(caches._order_caches) == {"other"}


def test_who_looks_waits_for_no_second_attempt_and_no_longer_than_some_seconds(ard, monkeypatch):
    long = json.loads(ard.connection_json) | {"extra": {"timeout": 600}}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(long))
    monkeypatch.setattr(order_cache, "MAX_TIMEOUT_S", 2.0)
    client = OrderCaches().client("ard_default")
    client.whoami()
    slow = ard.faults.add("GET /auth/self", kind="latency", seconds=5.0)
    with pytest.raises(ArdUnavailableError):
        client.whoami()
    assert slow.fired == 1
