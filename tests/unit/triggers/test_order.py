from __future__ import annotations

import asyncio
import json
import time

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_ard.api.http import transport
from airflow_provider_ard.api.orders import status_reader
from airflow_provider_ard.polling import client_cache, order_poller, schedule
from airflow_provider_ard.polling.order_poller import OrderPoller
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers.order import ArdOrderTrigger

pytestmark = pytest.mark.usefixtures("fast_polling")


def trigger(*order_ids):
    return ArdOrderTrigger(list(order_ids), "ard_default", 0.1)


async def event_of(trigger):
    async for event in trigger.run():
        return event.payload
    return None


def run(*coroutines, then=None, when=None):
    """Run triggers until they end; call `then` once `when` returns true."""

    async def main():
        tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
        if then:
            await asyncio.wait_for(until(when), 20)
            await asyncio.to_thread(then)
        results = await asyncio.wait_for(asyncio.gather(*tasks), 20)
        assert not OrderPoller._pollers
        return results

    return asyncio.run(main())


async def until(when):
    while not when():  # noqa: ASYNC110 -- the condition changes in another thread
        await asyncio.sleep(0.02)


def order_requests(ard):
    return [r for r in ard.requests if r.endpoint.startswith("GET /order")]


def polls(ard):
    return [r for r in ard.requests if "/order/status/" in r.path]


def logins(ard):
    return sum("/auth/authenticate" in r.path for r in ard.requests)


def test_succeeded_order_fires_one_event(ard, place_order):
    order_id = place_order()
    (event,) = run(
        event_of(trigger(order_id)), then=lambda: ard.finish_order(order_id), when=lambda: len(polls(ard)) >= 2
    )
    assert event["status"] == "succeeded"
    assert event["orders"][0]["order_id"] == order_id
    assert json.loads(json.dumps(event)) == event


def test_triggers_share_one_login(ard, place_order):
    ids = [place_order() for _ in range(5)]
    before = logins(ard)
    waits = [event_of(trigger(order_id)) for order_id in ids]
    events = run(
        *waits, then=lambda: [ard.finish_order(order_id) for order_id in ids], when=lambda: order_requests(ard)
    )
    assert {event["status"] for event in events} == {"succeeded"}
    assert logins(ard) - before == 1


def test_failed_order_ends_only_its_own_wait(ard, place_order):
    good, bad = place_order(), place_order()

    async def scene():
        waits = [asyncio.create_task(event_of(trigger(order_id))) for order_id in (good, bad)]
        await asyncio.wait_for(until(lambda: order_requests(ard)), 20)
        ard.fail_order(bad, "no imagery")
        second = await asyncio.wait_for(waits[1], 20)
        assert not waits[0].done()
        ard.finish_order(good)
        return await asyncio.wait_for(waits[0], 20), second

    first, second = asyncio.run(scene())
    assert first["status"] == "succeeded"
    assert second["status"] == "failed"
    assert second["error"] == "ArdOrderFailed"
    assert "no imagery" in second["message"]
    assert second["order_id"] == bad


def test_forbidden_order_ends_only_its_own_wait(ard, place_order):
    good, bad = place_order(), place_order()
    ard.faults.add("GET /order", kind="status", status=403)
    ard.faults.add(f"GET /order/status/{bad}", kind="status", status=403)
    waits = [event_of(trigger(good)), event_of(trigger(bad))]
    first, second = run(*waits, then=lambda: ard.finish_order(good), when=lambda: len(polls(ard)) >= 2)
    assert first["status"] == "succeeded"
    assert (second["status"], second["error"]) == ("failed", "ArdAuthError")


def test_failing_order_does_not_delay_others_and_is_logged_once(ard, place_order, log_text):
    bad, good = sorted([place_order(), place_order()])
    ard.faults.add("GET /order", kind="status", status=500)
    rule = ard.faults.add(f"GET /order/status/{bad}", kind="status", status=500)

    async def scene():
        waits = [asyncio.create_task(event_of(trigger(order_id))) for order_id in (bad, good)]
        await until(lambda: rule.fired >= 3)
        ard.finish_order(good)
        first = await asyncio.wait_for(waits[1], 30)
        assert not waits[0].done()
        ard.faults.remove(rule)
        ard.finish_order(bad)
        return [first, await asyncio.wait_for(waits[0], 30)]

    assert [event["status"] for event in asyncio.run(scene())] == ["succeeded", "succeeded"]
    assert log_text().count("Polling failed, will retry") == 1


def test_failing_order_with_its_own_interval_is_logged_once(ard, place_order, log_text):
    bad, good = place_order(), place_order()
    ard.faults.add("GET /order", kind="status", status=500)
    rule = ard.faults.add(f"GET /order/status/{bad}", kind="status", status=500)

    async def scene():
        intervals = {bad: 1.0, good: 1.7}
        waits = [
            event_of(ArdOrderTrigger([order_id], "ard_default", interval)) for order_id, interval in intervals.items()
        ]
        tasks = [asyncio.create_task(wait) for wait in waits]
        await asyncio.wait_for(until(lambda: rule.fired >= 6), 30)
        ard.faults.remove(rule)
        for order_id in (bad, good):
            ard.finish_order(order_id)
        return await asyncio.wait_for(asyncio.gather(*tasks), 30)

    assert [event["status"] for event in asyncio.run(scene())] == ["succeeded", "succeeded"]
    assert log_text().count("Polling failed, will retry") == 1


def test_wait_for_several_failing_orders_logs_one_outage(ard, place_order, log_text):
    *bad, good = sorted(place_order() for _ in range(3))
    ard.faults.add("GET /order", kind="status", status=500)
    rules = [ard.faults.add(f"GET /order/status/{order_id}", kind="status", status=500) for order_id in bad]

    def end_outage():
        for rule in rules:
            ard.faults.remove(rule)
        for order_id in (*bad, good):
            ard.finish_order(order_id)

    (event,) = run(event_of(trigger(*bad, good)), then=end_outage, when=lambda: min(rule.fired for rule in rules) >= 2)
    assert event["status"] == "succeeded"
    assert log_text().count("Polling failed, will retry") == 1


def test_list_of_orders_succeeds_with_the_last_one(ard, place_order):
    ids = [place_order(), place_order()]
    ard.finish_order(ids[0])
    (event,) = run(event_of(trigger(*ids)), then=lambda: ard.finish_order(ids[1]), when=lambda: order_requests(ard))
    assert [report["order_id"] for report in event["orders"]] == ids


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_before_accept"},
        {"kind": "status", "status": 503},
        {"kind": "gateway_html"},
        {"kind": "gateway_html", "status": 200},
    ],
)
def test_wait_survives_outage_and_logs_it_once(ard, place_order, fault, log_text):
    order_id = place_order()
    rule = ard.faults.add(None, **fault)

    def end_outage():
        ard.faults.remove(rule)
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=end_outage, when=lambda: rule.fired > 1)
    assert event["status"] == "succeeded"
    assert log_text().count("Polling failed, will retry") == 1


def test_wait_survives_restart_of_the_api(ard, place_order, log_text):
    order_id = place_order()
    ard.stop()

    def end_outage():
        ard.start()
        ard.finish_order(order_id)

    (event,) = run(
        event_of(trigger(order_id)), then=end_outage, when=lambda: "Polling failed, will retry" in log_text()
    )
    assert event["status"] == "succeeded"


def test_retry_after_is_honored(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    ard.faults.add("GET /order/status/*", kind="status", status=429, retry_after=2, nth=1)
    (event,) = run(event_of(trigger(order_id)))
    assert event["status"] == "succeeded"
    first, second = polls(ard)
    assert (second.time - first.time).total_seconds() >= 2


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


def test_unknown_order_fails_at_once(ard_connection):
    (event,) = run(event_of(trigger("404404")))
    assert event["error"] == "ArdNotFoundError"


def test_wrong_password_fails_without_being_shown(ard, place_order, monkeypatch):
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


def test_undocumented_status_is_an_error(ard, place_order):
    order_id = place_order()
    ard.set_order_status(order_id, "PAUSED", "?")
    (event,) = run(event_of(trigger(order_id)))
    assert event["error"] == "ArdError"
    assert "PAUSED" in event["message"]


def test_requests_do_not_block_the_event_loop(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    ard.faults.add("GET /order/status/*", kind="latency", seconds=2.0)

    async def scene():
        waiting = asyncio.create_task(event_of(trigger(order_id)))
        # A blocked event loop would not see a request before its response.
        await asyncio.wait_for(until(lambda: any(request.status is None for request in polls(ard))), 20)
        return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(scene())["status"] == "succeeded"


def test_canceled_trigger_leaves_no_task_behind(ard, place_order):
    order_id = place_order()

    async def main():
        task = asyncio.create_task(event_of(trigger(order_id)))
        await asyncio.wait_for(until(lambda: polls(ard)), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.2)
        assert not OrderPoller._pollers
        return [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    assert asyncio.run(main()) == []
    # The event loop has waited for the last request before it closed.
    seen = len(polls(ard))
    time.sleep(0.3)
    assert len(polls(ard)) == seen


def test_trigger_arguments_contain_no_secret(ard):
    assert ard.password not in repr(trigger("1"))


def test_many_orders_take_one_request_per_page(ard, place_order, monkeypatch):
    for module in (order_poller, schedule):
        monkeypatch.setattr(module, "MIN_INTERVAL_S", 1.0)
    monkeypatch.setattr(status_reader, "PAGE_SIZE", 10)
    monkeypatch.setattr(transport, "PAGE_SIZE", 10)
    ids = [place_order() for _ in range(30)]
    seen, logged_in = len(ard.requests), logins(ard)

    def lists():
        return [r for r in ard.requests[seen:] if r.endpoint == "GET /order"]

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
    assert logins(ard) - logged_in == 1


def test_wait_survives_temporarily_missing_connection(ard, place_order, monkeypatch, log_text):
    order_id = place_order()
    good = ard.connection_json
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT")

    def restore():
        ard.finish_order(order_id)
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", good)

    (event,) = run(event_of(trigger(order_id)), then=restore, when=lambda: "cannot be read" in log_text())
    assert event["status"] == "succeeded"


def test_missing_connection_ends_the_wait_after_a_while(ard_connection, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT")
    monkeypatch.setattr(client_cache, "MISSING_CONNECTION_GRACE_S", 0.3)
    with pytest.raises(AirflowException, match="ard_default"):
        run(event_of(trigger("1")))


def test_changed_connection_is_used_without_restart(ard, place_order, monkeypatch):
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


def test_trigger_polls_not_before_the_given_time(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    begin = time.time() + 1.0
    (event,) = run(event_of(ArdOrderTrigger([order_id], "ard_default", 0.1, not_before=begin)))
    assert event["status"] == "succeeded"
    assert polls(ard)[0].time.timestamp() >= begin
