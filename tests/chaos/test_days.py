"""A wait of three days, with all that three days bring. The clocks run fast; the requests are real."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest

from airflow_provider_ard.api.http import auth
from airflow_provider_ard.polling import order_poller as watch
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers import order as trigger_module
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
def test_three_days(ard, monkeypatch, capsys, client_clock):
    """With a slow clock the client learns of each expired token by a 401; otherwise it renews before."""
    clock = FastTime(RATE)
    monkeypatch.setattr(watch, "time", clock)
    monkeypatch.setattr(trigger_module, "time", clock)
    monkeypatch.setattr(auth, "time", FastTime(client_clock))
    order_id = placed(ard)
    logins_before = len(logins(ard))
    story = threading.Thread(target=tell, args=(ard, order_id))

    async def wait():
        async for event in ArdOrderTrigger([order_id], "ard_default", INTERVAL).run():
            return event.payload
        return None

    loop = fast_loop(clock)
    story.start()
    try:
        event = loop.run_until_complete(asyncio.wait_for(wait(), 6 * 24 * HOUR))
    finally:
        story.join()
        loop.close()
    assert event["outcome"] == "succeeded"
    polls = [r for r in ard.requests if r.endpoint == f"GET /order/status/{order_id}"]
    grants = [r.body["grant_type"] for r in logins(ard)[logins_before:]]
    refusals = [r.status for r in polls if r.status == 401]
    quiet = [
        (later.time - earlier.time).total_seconds() * RATE
        for earlier, later in itertools.pairwise(polls)
        if earlier.status == 429
    ]
    with capsys.disabled():
        print(
            f"\nthree days: {len(polls)} polls, logins {grants}, {len(refusals)} times 401, "
            f"{len(quiet)} times 429, quiet after each for at least {min(quiet) / HOUR:.2f} h of {RETRY_AFTER / HOUR:g}"
        )
    # One login, the renewal of a token every 12 h, and the login after the refresh token was revoked.
    assert grants.count("password") == 2
    assert 3 <= len(grants) <= 12
    assert (len(refusals) > 0) == (client_clock < RATE)
    assert len(quiet) == 4
    assert min(quiet) >= RETRY_AFTER
    # No hot loop: never more looks than the interval allows, refusals and their repetition apart.
    assert len(polls) <= 3.5 * 24 * HOUR / INTERVAL + 2 * len(refusals)


def tell(ard, order_id):
    """Let three days pass: a revoked refresh token, six hours without an API, a storm of 429, the delivery."""
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


def placed(ard):
    from airflow_provider_ard.hooks.ard import ArdHook

    hook = ArdHook()
    return hook.submit_order(hook.order_request(acquisitions=ard.acquisitions[0], destination="b/p")).id


def logins(ard):
    return [r for r in ard.requests if r.endpoint == "POST /auth/authenticate"]
