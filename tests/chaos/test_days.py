"""A deferred wait of three days with expired tokens, outages and rate limits, on fast clocks and with real requests."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest

from airflow_provider_ard.api.http import auth
from airflow_provider_ard.polling import order_poller, outage, progress
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers import order as order_trigger
from airflow_provider_ard.triggers.order import ArdOrderTrigger
from tests.chaos.conftest import FULL
from tests.chaos.fast_time import FastTime, fast_loop

# Three days in 72 s, half a day in 12 s.
RATE = 3600.0
HOUR = 3600.0
INTERVAL = 600.0
RETRY_AFTER = 3 * HOUR


@pytest.fixture
def ard(monkeypatch):
    with Sandbox(order_duration="10d", clock_rate=RATE, token_lifetime="12h") as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
        yield sandbox


@pytest.mark.parametrize(
    "client_clock",
    [1.0, RATE] if FULL else [1.0],
    ids=lambda rate: "slow client clock" if rate == 1 else "clocks agree",
)
def test_trigger_waits_three_days(ard, monkeypatch, capsys, client_clock):
    """With a slow client clock each expired token is seen as a 401; otherwise the client renews it in time."""
    clock = FastTime(RATE)
    for module in (order_poller, progress, order_trigger):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(auth, "time", FastTime(client_clock))
    order_id = place_order(ard)
    logins_before = len(logins(ard))
    script = threading.Thread(target=run_script, args=(ard, order_id))

    async def wait():
        async for event in ArdOrderTrigger([order_id], "ard_default", INTERVAL).run():
            return event.payload
        return None

    loop = fast_loop(clock)
    script.start()
    try:
        event = loop.run_until_complete(asyncio.wait_for(wait(), 6 * 24 * HOUR))
    finally:
        script.join()
        loop.close()
    assert event["status"] == "succeeded"
    polls = [r for r in ard.requests if r.endpoint == f"GET /order/status/{order_id}"]
    grants = [r.body["grant_type"] for r in logins(ard)[logins_before:]]
    unauthorized = [r.status for r in polls if r.status == 401]
    pauses_after_429 = [
        (later.time - earlier.time).total_seconds() * RATE
        for earlier, later in itertools.pairwise(polls)
        if earlier.status == 429
    ]
    with capsys.disabled():
        print(
            f"\nthree days: {len(polls)} polls, logins {grants}, {len(unauthorized)} responses 401, {len(pauses_after_429)} "
            f"responses 429, shortest pause after one {min(pauses_after_429) / HOUR:.2f} h (Retry-After "
            f"{RETRY_AFTER / HOUR:g} h)"
        )
    # The first login, a token renewal every 12 h, and a second login after the refresh token was revoked.
    assert grants.count("password") == 2
    assert 3 <= len(grants) <= 12
    assert (len(unauthorized) > 0) == (client_clock < RATE)
    assert len(pauses_after_429) == 4
    # As long as a Retry-After is honored, then the next poll.
    assert outage.MAX_RETRY_AFTER_S <= min(pauses_after_429) < RETRY_AFTER
    # No busy loop: at most one poll per interval, plus each 401 and its repetition.
    assert len(polls) <= 3.5 * 24 * HOUR / INTERVAL + 2 * len(unauthorized)


def run_script(ard, order_id):
    """Over three days: revoke a refresh token, stop the API for six hours, respond with 429 four times, deliver."""
    real = 24 * HOUR / RATE
    time.sleep(0.8 * real)
    ard.faults.add("GET /order/status/*", kind="revoke_refresh_token", nth=1)
    time.sleep(0.4 * real)
    ard.stop()
    time.sleep(6 * HOUR / RATE)
    ard.start()
    time.sleep(0.5 * real)
    ard.faults.add("GET /order/status/*", kind="status", status=429, retry_after=int(RETRY_AFTER), nth=1, times=4)
    time.sleep(1.0 * real)
    ard.finish_order(order_id)


def place_order(ard):
    from airflow_provider_ard.hooks.ard import ArdHook

    hook = ArdHook()
    return hook.submit_order(hook.order_request(acquisitions=ard.acquisitions[0], destination="b/p")).id


def logins(ard):
    return [r for r in ard.requests if r.endpoint == "POST /auth/authenticate"]
