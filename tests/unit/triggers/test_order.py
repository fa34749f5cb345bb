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
    """Run triggers to their ends; `then` is called once `when` holds."""

    async def main():
        tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
        if then:
            await asyncio.wait_for(held(when), 20)
            await asyncio.to_thread(then)
        results = await asyncio.wait_for(asyncio.gather(*tasks), 20)
        assert not OrderPoller._pollers
        return results

    return asyncio.run(main())


async def held(when):
    while not when():  # noqa: ASYNC110 -- what is waited for happens in another thread
        await asyncio.sleep(0.02)


def order_requests(ard):
    return [r for r in ard.requests if r.endpoint.startswith("GET /order")]


def polls(ard):
    return [r for r in ard.requests if "/order/status/" in r.path]


def logins(ard):
    return sum("/auth/authenticate" in r.path for r in ard.requests)


def test_one_event_when_the_order_has_succeeded(ard, place_order):
    order_id = place_order()
    (event,) = run(
        event_of(trigger(order_id)), then=lambda: ard.finish_order(order_id), when=lambda: len(polls(ard)) >= 2
    )
    assert event["status"] == "succeeded"
    assert event["orders"][0]["order_id"] == order_id
    assert json.loads(json.dumps(event)) == event


def test_all_triggers_of_a_process_share_one_login(ard, place_order):
    ids = [place_order() for _ in range(5)]
    before = logins(ard)
    waits = [event_of(trigger(one)) for one in ids]
    events = run(*waits, then=lambda: [ard.finish_order(one) for one in ids], when=lambda: order_requests(ard))
    assert {event["status"] for event in events} == {"succeeded"}
    assert logins(ard) - before == 1


def test_a_failed_order_ends_its_own_wait_only(ard, place_order):
    good, bad = place_order(), place_order()

    async def scene():
        waits = [asyncio.create_task(event_of(trigger(one))) for one in (good, bad)]
        await asyncio.wait_for(held(lambda: order_requests(ard)), 20)
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


def test_an_order_that_is_forbidden_ends_its_own_wait_only(ard, place_order):
    good, bad = place_order(), place_order()
    ard.faults.add("GET /order", kind="status", status=403)
    ard.faults.add(f"GET /order/status/{bad}", kind="status", status=403)
    waits = [event_of(trigger(good)), event_of(trigger(bad))]
    first, second = run(*waits, then=lambda: ard.finish_order(good), when=lambda: len(polls(ard)) >= 2)
    assert first["status"] == "succeeded"
    assert (second["status"], second["error"]) == ("failed", "ArdAuthError")


def test_an_order_in_trouble_delays_no_other_and_is_told_once_to_its_own_wait(ard, place_order, log_text):
    bad, good = sorted([place_order(), place_order()])
    ard.faults.add("GET /order", kind="status", status=500)
    rule = ard.faults.add(f"GET /order/status/{bad}", kind="status", status=500)

    async def scene():
        waits = [asyncio.create_task(event_of(trigger(one))) for one in (bad, good)]
        await held(lambda: rule.fired >= 3)
        ard.finish_order(good)
        first = await asyncio.wait_for(waits[1], 30)
        assert not waits[0].done()
        ard.faults.remove(rule)
        ard.finish_order(bad)
        return [first, await asyncio.wait_for(waits[0], 30)]

    assert [event["status"] for event in asyncio.run(scene())] == ["succeeded", "succeeded"]
    assert log_text().count("Polling failed, will retry") == 1


def test_an_order_in_trouble_that_is_asked_for_by_itself_is_no_outage_for_others_again_and_again(
    ard, place_order, log_text
):
    bad, good = place_order(), place_order()
    ard.faults.add("GET /order", kind="status", status=500)
    rule = ard.faults.add(f"GET /order/status/{bad}", kind="status", status=500)

    async def scene():
        paces = {bad: 1.0, good: 1.7}
        waits = [event_of(ArdOrderTrigger([one], "ard_default", pace)) for one, pace in paces.items()]
        tasks = [asyncio.create_task(one) for one in waits]
        await asyncio.wait_for(held(lambda: rule.fired >= 6), 30)
        ard.faults.remove(rule)
        for one in (bad, good):
            ard.finish_order(one)
        return await asyncio.wait_for(asyncio.gather(*tasks), 30)

    assert [event["status"] for event in asyncio.run(scene())] == ["succeeded", "succeeded"]
    assert log_text().count("Polling failed, will retry") == 1


def test_a_wait_for_several_orders_is_told_once_of_what_troubles_some_of_them(ard, place_order, log_text):
    *bad, good = sorted(place_order() for _ in range(3))
    ard.faults.add("GET /order", kind="status", status=500)
    rules = [ard.faults.add(f"GET /order/status/{one}", kind="status", status=500) for one in bad]

    def over():
        for rule in rules:
            ard.faults.remove(rule)
        for one in (*bad, good):
            ard.finish_order(one)

    (event,) = run(event_of(trigger(*bad, good)), then=over, when=lambda: min(rule.fired for rule in rules) >= 2)
    assert event["status"] == "succeeded"
    assert log_text().count("Polling failed, will retry") == 1


def test_a_list_of_orders_is_done_when_the_last_one_is(ard, place_order):
    ids = [place_order(), place_order()]
    ard.finish_order(ids[0])
    (event,) = run(event_of(trigger(*ids)), then=lambda: ard.finish_order(ids[1]), when=lambda: order_requests(ard))
    assert [report["order_id"] for report in event["orders"]] == ids


@pytest.mark.parametrize(
    "fault",
    [{"kind": "reset_before_accept"}, {"kind": "status", "status": 503}, {"kind": "gateway_html"}, {"kind": "gateway_html", "status": 200}],
)
def test_an_outage_does_not_end_the_wait_and_is_told_once(ard, place_order, fault, log_text):
    order_id = place_order()
    rule = ard.faults.add(None, **fault)

    def over():
        ard.faults.remove(rule)
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=over, when=lambda: rule.fired > 1)
    assert event["status"] == "succeeded"
    assert log_text().count("Polling failed, will retry") == 1


def test_a_stopped_api_does_not_end_the_wait(ard, place_order, log_text):
    order_id = place_order()
    ard.stop()

    def over():
        ard.start()
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=over, when=lambda: "Polling failed, will retry" in log_text())
    assert event["status"] == "succeeded"


def test_retry_after_is_honoured(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    ard.faults.add("GET /order/status/*", kind="status", status=429, retry_after=2, nth=1)
    (event,) = run(event_of(trigger(order_id)))
    assert event["status"] == "succeeded"
    first, second = polls(ard)
    assert (second.time - first.time).total_seconds() >= 2


def test_an_expired_token_is_one_new_login(ard, place_order, wait_for):
    order_id = place_order()
    before = logins(ard)

    def expire():
        ard.expire_tokens()
        wait_for(lambda: logins(ard) - before > 1)
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=expire, when=lambda: order_requests(ard))
    assert event["status"] == "succeeded"
    assert logins(ard) - before == 2


def test_an_unknown_order_fails_at_once(ard_connection):
    (event,) = run(event_of(trigger("404404")))
    assert event["error"] == "ArdNotFoundError"


def test_a_wrong_password_fails_and_names_the_connection(ard, place_order, monkeypatch):
    order_id = place_order()
    monkeypatch.setenv(
        "AIRFLOW_CONN_ARD_DEFAULT",
        json.dumps({"conn_type": "ard", "host": ard.url, "login": ard.login, "password": "wr0ng"}),
    )
    (event,) = run(event_of(trigger(order_id)))
    assert event["error"] == "ArdAuthError"
    assert event["message"]
    assert "wr0ng" not in json.dumps(event)


def test_a_login_changed_in_the_connection_is_taken_up_without_a_restart(ard, place_order, token, monkeypatch):
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


def test_an_unknown_status_is_an_error(ard, place_order):
    order_id = place_order()
    ard.set_order_status(order_id, "PAUSED", "?")
    (event,) = run(event_of(trigger(order_id)))
    assert event["error"] == "ArdError"
    assert "PAUSED" in event["message"]


def test_the_event_loop_never_waits_for_the_network(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    ard.faults.add("GET /order/status/*", kind="latency", seconds=2.0)

    async def scene():
        waiting = asyncio.create_task(event_of(trigger(order_id)))
        # A loop that waited for the network would not see a question before it is answered.
        await asyncio.wait_for(held(lambda: any(one.status is None for one in polls(ard))), 20)
        return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(scene())["status"] == "succeeded"


def test_a_cancelled_trigger_leaves_nothing_behind(ard, place_order):
    order_id = place_order()

    async def main():
        task = asyncio.create_task(event_of(trigger(order_id)))
        await asyncio.wait_for(held(lambda: polls(ard)), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.2)
        assert not OrderPoller._pollers
        return [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    assert asyncio.run(main()) == []
    # The end of the loop has waited for a question that was under way.
    seen = len(polls(ard))
    time.sleep(0.3)
    assert len(polls(ard)) == seen


def test_no_secret_is_an_argument_of_the_trigger(ard):
    assert ard.password not in repr(trigger("1"))


def test_many_orders_are_a_request_a_page_and_round(ard, place_order, monkeypatch):
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

    singly = []

    def end():
        # Those that are left at the very end may be too few for a list.
        singly.extend(polls(ard))
        for one in ids:
            ard.finish_order(one)

    waits = [event_of(ArdOrderTrigger([one], "ard_default", 1.0)) for one in ids]
    events = run(*waits, then=end, when=lambda: rounds() >= 3)
    assert {event["status"] for event in events} == {"succeeded"}
    assert singly == []
    assert len(lists()) <= 3 * rounds()
    assert logins(ard) - logged_in == 1


def test_a_connection_that_cannot_be_looked_up_for_a_while_ends_no_wait(ard, place_order, monkeypatch, log_text):
    order_id = place_order()
    good = ard.connection_json
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT")

    def mend():
        ard.finish_order(order_id)
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", good)

    (event,) = run(event_of(trigger(order_id)), then=mend, when=lambda: "cannot be read" in log_text())
    assert event["status"] == "succeeded"


def test_a_connection_that_stays_away_ends_the_wait(ard_connection, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT")
    monkeypatch.setattr(client_cache, "MISSING_CONNECTION_GRACE_S", 0.3)
    with pytest.raises(AirflowException, match="ard_default"):
        run(event_of(trigger("1")))


def test_a_changed_connection_is_followed_without_a_restart(ard, place_order, monkeypatch):
    order_id = place_order()
    monkeypatch.setattr(client_cache, "RELOAD_CONNECTION_S", 0.2)
    with Sandbox(order_duration="3d") as other:

        def change():
            monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", other.connection_json)

        (event,) = run(event_of(trigger(order_id)), then=change, when=lambda: order_requests(ard))
        assert logins(other) == 1
    # The other account has no such order.
    assert event["error"] == "ArdNotFoundError"


def test_a_connection_that_was_changed_for_the_worse_is_not_taken_up(ard, place_order, monkeypatch, log_text, wait_for):
    order_id = place_order()
    monkeypatch.setattr(client_cache, "RELOAD_CONNECTION_S", 0.2)
    worse = json.loads(ard.connection_json) | {"login": None}

    def change():
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(worse))
        wait_for(lambda: "was changed and is invalid" in log_text())
        looks = len(polls(ard))
        wait_for(lambda: len(polls(ard)) > looks)
        ard.finish_order(order_id)

    (event,) = run(event_of(trigger(order_id)), then=change, when=lambda: order_requests(ard))
    assert event["status"] == "succeeded"


def test_a_trigger_waits_before_its_first_look_if_the_api_asked_for_it(ard, place_order):
    order_id = place_order()
    ard.finish_order(order_id)
    begin = time.time() + 1.0
    (event,) = run(event_of(ArdOrderTrigger([order_id], "ard_default", 0.1, not_before=begin)))
    assert event["status"] == "succeeded"
    assert polls(ard)[0].time.timestamp() >= begin
