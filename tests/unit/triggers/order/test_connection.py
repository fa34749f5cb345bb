from __future__ import annotations

import json

import pytest

from airflow_provider_ard.api.http import transport
from airflow_provider_ard.api.orders import status_reader
from airflow_provider_ard.polling import client_cache, order_poller, schedule
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers.order import ArdOrderTrigger
from airflow_provider_ard.version_compat import AirflowException
from tests.unit.triggers.order.conftest import event_of, logins, order_requests, polls, run, trigger

pytestmark = pytest.mark.usefixtures("fast_polling")


def test_triggers_share_one_login(ard, place_order):
    ids = [place_order() for _ in range(5)]
    before = logins(ard)
    waits = [event_of(trigger(order_id)) for order_id in ids]
    events = run(
        *waits, then=lambda: [ard.finish_order(order_id) for order_id in ids], when=lambda: order_requests(ard)
    )
    assert {event["status"] for event in events} == {"succeeded"}
    assert logins(ard) - before == 1


def test_expired_token_takes_one_login(ard, place_order, wait_for):
    order_id = place_order()
    before = logins(ard)

    def expire():
        ard.expire_tokens()
        wait_for(lambda: logins(ard) - before > 1)
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=expire, when=lambda: order_requests(ard))
    assert event["status"] == "succeeded"
    assert logins(ard) - before == 2


def test_wrong_password_fails_without_being_shown(ard, place_order, monkeypatch, no_grace):
    order_id = place_order()
    monkeypatch.setenv(
        "AIRFLOW_CONN_ARD_DEFAULT",
        json.dumps({"conn_type": "ard", "host": ard.url, "login": ard.login, "password": "wr0ng"}),
    )
    (event,) = run(event_of(trigger(order_id)))
    assert event["error"] == "ArdAuthError"
    assert event["message"]
    assert "wr0ng" not in json.dumps(event)


def test_changed_login_is_used_without_restart(ard, place_order, token, monkeypatch):
    order_id = place_order()
    only_token = {"conn_type": "ard", "host": ard.url, "extra": {"access_token": token}}
    good = ard.connection_json
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(only_token))

    def change():
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", good)
        ard.expire_tokens()
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=change, when=lambda: order_requests(ard))
    assert event["status"] == "succeeded"


def test_many_orders_take_one_request_per_page(ard, place_order, monkeypatch):
    for module in (order_poller, schedule):
        monkeypatch.setattr(module, "MIN_INTERVAL_S", 1.0)
    monkeypatch.setattr(status_reader, "PAGE_SIZE", 10)
    monkeypatch.setattr(transport, "PAGE_SIZE", 10)
    ids = [place_order() for _ in range(30)]
    earlier_requests, earlier_logins = len(ard.requests), logins(ard)

    def lists():
        return [r for r in ard.requests[earlier_requests:] if r.endpoint == "GET /order"]

    def rounds():
        return sum("starting_after" not in r.query for r in lists())

    single_requests = []

    def end():
        # The last remaining orders may be too few for the list.
        single_requests.extend(polls(ard))
        for order_id in ids:
            ard.finish_order(order_id)

    waits = [event_of(ArdOrderTrigger([order_id], "ard_default", 1.0)) for order_id in ids]
    events = run(*waits, then=end, when=lambda: rounds() >= 3)
    assert {event["status"] for event in events} == {"succeeded"}
    assert single_requests == []
    assert len(lists()) <= 3 * rounds()
    assert logins(ard) - earlier_logins == 1


def test_wait_survives_temporarily_missing_connection(ard, place_order, monkeypatch, log_text):
    order_id = place_order()
    good = ard.connection_json
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT")

    def restore():
        ard.finish_order(order_id)
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", good)

    (event,) = run(event_of(trigger(order_id)), then=restore, when=lambda: "cannot be read" in log_text())
    assert event["status"] == "succeeded"


def test_missing_connection_fails_after_a_grace_period(ard_connection, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT")
    monkeypatch.setattr(client_cache, "MISSING_CONNECTION_GRACE_S", 0.3)
    with pytest.raises(AirflowException, match="ard_default"):
        run(event_of(trigger("1")))


def test_changed_connection_is_used_without_restart(ard, place_order, monkeypatch, no_grace):
    order_id = place_order()
    monkeypatch.setattr(client_cache, "RELOAD_CONNECTION_S", 0.2)
    with Sandbox(order_duration="3d") as other:

        def change():
            monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", other.connection_json)

        (event,) = run(event_of(trigger(order_id)), then=change, when=lambda: order_requests(ard))
        assert logins(other) == 1
    # The other account has no such order.
    assert event["error"] == "ArdNotFoundError"


def test_change_to_an_invalid_connection_is_ignored(ard, place_order, monkeypatch, log_text, wait_for):
    order_id = place_order()
    monkeypatch.setattr(client_cache, "RELOAD_CONNECTION_S", 0.2)
    invalid = json.loads(ard.connection_json) | {"login": None}

    def change():
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(invalid))
        wait_for(lambda: "was changed and is invalid" in log_text())
        poll_count = len(polls(ard))
        wait_for(lambda: len(polls(ard)) > poll_count)
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=change, when=lambda: order_requests(ard))
    assert event["status"] == "succeeded"
