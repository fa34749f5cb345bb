"""Refusals of the API end a wait only if they last."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api import refusal
from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdNotFoundError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.api.orders.status_reader import StatusReader


class Clock:
    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(refusal, "time", clock)
    return clock


@pytest.fixture
def order_id(ard, client):
    return client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p")).id


@pytest.fixture
def reader(client):
    return StatusReader(client.single_attempt())


def update_of(reader, order_id):
    """Return the update of an order in the next poll: a status, an error, the outage, or None."""
    poll, updates = reader.start_poll([order_id]), {}
    while not poll.is_finished:
        updates |= poll.request_next()
    return updates.get(order_id) or poll.outage


@pytest.mark.parametrize(
    ("status", "error"), [(400, ArdRequestError), (403, ArdAuthError), (404, ArdNotFoundError), (413, ArdRequestError)]
)
def test_repeated_refusal_is_final_after_a_grace_period(ard, reader, order_id, clock, status, error):
    ard.faults.add("GET /order/status/*", kind="status", status=status)
    assert type(update_of(reader, order_id)) is ArdUnavailableError
    clock.now += refusal.REFUSAL_GRACE_S + 1
    assert update_of(reader, order_id) is None
    assert type(update_of(reader, order_id)) is error


def test_refusals_in_quick_succession_are_not_final(ard, reader, order_id, clock):
    ard.faults.add("GET /order/status/*", kind="status", status=404)
    updates = [update_of(reader, order_id) for _ in range(20)]
    assert [type(update) for update in updates if update is not None] == [ArdUnavailableError]
    clock.now += refusal.REFUSAL_GRACE_S
    assert type(update_of(reader, order_id)) is ArdNotFoundError


def test_response_resets_the_grace_period(ard, reader, order_id, clock):
    for _ in range(3):
        ard.faults.add("GET /order/status/*", kind="status", status=404, times=3)
        assert [type(update_of(reader, order_id)) for _ in range(3)] == [ArdUnavailableError, type(None), type(None)]
        clock.now += refusal.REFUSAL_GRACE_S + 1
        assert type(update_of(reader, order_id)) is OrderStatus


@pytest.mark.parametrize("fault", [{"kind": "gateway_json", "status": status} for status in (400, 401, 403, 404, 410)])
def test_gateway_error_is_always_an_outage(ard, reader, order_id, clock, fault):
    rule = ard.faults.add("GET /order/status/*", **fault)
    for _ in range(5):
        assert type(update_of(reader, order_id)) is ArdUnavailableError
        clock.now += refusal.REFUSAL_GRACE_S
    ard.faults.remove(rule)
    assert type(update_of(reader, order_id)) is OrderStatus


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_refused_login_affects_all_orders(ard, reader, order_id, status):
    ard.expire_tokens()
    ard.faults.add("POST /auth/authenticate", kind="status", status=status)
    with pytest.raises(ArdAuthError):
        update_of(reader, order_id)


@pytest.mark.parametrize("value", [None, ""])
def test_response_without_a_status_is_an_outage(ard, reader, order_id, value):
    ard.faults.add("GET /order/status/*", kind="set_json", path="status", value=value, nth=1)
    assert type(update_of(reader, order_id)) is ArdUnavailableError
    assert update_of(reader, order_id).status == "RUNNING"


def test_invalid_argument_and_outage_are_not_refusals():
    assert not refusal.is_refusal(ArdRequestError("expected an http(s) address", argument="host"))
    assert not refusal.is_refusal(ArdAuthError("no credentials"))
    assert not refusal.is_refusal(ArdUnavailableError("down", status=503))
    assert not refusal.is_refusal(ArdError("undocumented status"))
