"""Responses to the POST that neither confirm nor reject the order."""

from __future__ import annotations

import socket

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdError, ArdOrderConflict, ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.placement import OrderPlacement
from airflow_provider_ard.ordering.submission_store import SubmissionRecord
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.proxy import Proxy
from tests.unit.ordering.fail_closed.conftest import KEY, RETRY, MemoryStore, order_once


@pytest.mark.parametrize("tls", [False, True], ids=["forwarded", "CONNECT"])
def test_reset_by_a_proxy_after_accept_finds_the_order(monkeypatch, tls):
    with Sandbox(order_duration="3d", tls=tls) as ard, Proxy() as proxy:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("no_proxy", "")
        ard.faults.add("POST /order", kind="reset_after_accept")
        with ArdClient(Login(ard.login, ard.password), host=ard.url, verify=ard.ca_file or True, timeout=5) as client:
            request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p")
            placed = order_once(client, request)
        assert proxy.targets
        assert [order.id for order in ard.orders] == [placed.order.id]


def test_closed_port_of_a_proxy_is_not_in_doubt(ard, client, request_for, monkeypatch):
    placement = OrderPlacement(client, request_for(), KEY)
    assert placement.find_existing() is None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ArdUnavailableError) as caught:
        placement.submit()
    assert not isinstance(caught.value, ArdOrderInDoubtError)


def test_tls_break_after_accept_finds_the_order(monkeypatch):
    with Sandbox(order_duration="3d", tls=True) as ard:
        ard.faults.add("POST /order", nth=1, kind="tls_break_after_accept")
        with ArdClient(Login(ard.login, ard.password), host=ard.url, verify=str(ard.ca_file), timeout=5) as client:
            request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p")
            placed = order_once(client, request)
        assert [order.id for order in ard.orders] == [placed.order.id]


AFTER_ACCEPT = [
    {"kind": "redirect_after_accept", "status": 302},
    {"kind": "redirect_after_accept", "status": 303},
    {"kind": "redirect_after_accept", "status": 307},
    *({"kind": "gateway_json", "accept": True, "status": status} for status in (400, 401, 403, 404, 413, 429)),
    *({"kind": "body", "accept": True, "body": "", "status": status} for status in (200, 202, 204, 409)),
    *(
        {"kind": "set_json", "path": "$.id", "value": value}
        for value in (True, [], {}, "", "x" * 3000, None, 1.5, -1, "../order", "a b")
    ),
    {"kind": "drop_json", "path": "$.id"},
    {"kind": "reset_after_accept"},
    {"kind": "error_after_accept"},
]


@pytest.mark.parametrize("fault", AFTER_ACCEPT, ids=str)
def test_unconfirmed_order_is_found_by_a_search(ard, client, request_for, fault):
    ard.faults.add("POST /order", nth=1, **fault)
    placed = order_once(client, request_for())
    assert [order.id for order in ard.orders] == [placed.order.id]
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("fault", AFTER_ACCEPT, ids=str)
def test_order_in_doubt_is_found_by_the_next_attempt(ard, client, request_for, fault):
    store = MemoryStore()
    ard.faults.add("POST /order", nth=1, **fault)
    rule = ard.faults.add("GET /order", nth=2, times=100_000, kind="status", status=503)
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(), store=store)
    ard.faults.remove(rule)
    placed = order_once(client, request_for(), store=store, attempt=RETRY)
    assert [order.id for order in ard.orders] == [placed.order.id]


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_error_in_the_form_of_the_api_is_a_rejection(ard, client, request_for, status):
    store = MemoryStore()
    ard.faults.add("POST /order", nth=1, kind="status", status=status)
    with pytest.raises(ArdError) as caught:
        order_once(client, request_for(), store=store)
    assert not isinstance(caught.value, ArdUnavailableError)
    assert store.record == SubmissionRecord(submitted=False)
    assert order_once(client, request_for(), store=store).is_new


@pytest.mark.parametrize("status", [400, 403, 404])
def test_gateway_json_of_the_list_is_an_outage(ard, client, request_for, status):
    ard.faults.add("GET /order", kind="gateway_json", status=status)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert ard.submissions == []


def test_dry_run_response_with_an_order_id_is_a_conflict(ard, client, request_for):
    ard.faults.add("POST /order", dry_run=True, kind="set_json", path="$.id", value="4711")
    with pytest.raises(ArdOrderConflict) as caught:
        client.dry_run(request_for())
    assert caught.value.order_id == "4711"
    assert ard.submissions == []
