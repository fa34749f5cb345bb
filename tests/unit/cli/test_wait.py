from __future__ import annotations

import contextlib
import json
import signal

import pytest

from airflow_provider_ard.cli import wait


def test_waiting_ends_well_when_all_orders_have_succeeded(run, ard, orders, retry_pauses, monkeypatch):
    monkeypatch.setattr(wait.time, "sleep", lambda s: ard.set_order_status(orders[0], "SUCCEEDED", None))
    code, out, err = run("orders", "wait", orders[2], orders[0], orders[2], "--json")
    assert code == 0
    assert [order["order_id"] for order in json.loads(out)] == [orders[2], orders[0]]
    assert f"Order {orders[0]}: RUNNING\n" in err
    assert f"Order {orders[0]}: SUCCEEDED\n" in err


@pytest.mark.parametrize("status", ["FAILED", "ERROR", "PAUSED"])
def test_one_order_that_has_not_succeeded_makes_a_wait_fail(run, ard, orders, status):
    ard.set_order_status(orders[0], status, "no more film")
    code, out, err = run("orders", "wait", orders[2], orders[0])
    assert code == 1
    assert orders[2] in out
    assert f"error: order {orders[0]}" in err


def test_a_ctrl_c_that_python_forgets_ends_the_wait_all_the_same(run, orders, monkeypatch):
    def forgotten(_):
        # As in a finalizer, whose exceptions are printed and no more.
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(wait.time, "sleep", forgotten)
    code, _, err = run("orders", "wait", orders[0])
    assert code == 130
    assert "Stopped waiting" in err


def test_waiting_goes_through_an_outage_and_says_so_once(run, ard, orders, monkeypatch):
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            ard.set_order_status(orders[0], "SUCCEEDED", None)

    monkeypatch.setattr(wait.time, "sleep", sleep)
    ard.faults.add("GET /order/status/*", kind="status", status=503, retry_after=90, nth=2, times=2)
    code, _, err = run("orders", "wait", orders[0])
    assert code == 0
    assert err.count("Polling failed, will retry") == 1
    assert pauses == [60, 90, 90]


def test_a_wait_that_takes_too_long_has_a_code_of_its_own(run, orders):
    code, _, err = run("orders", "wait", orders[0], "--timeout", "1", "--poke-interval", "1")
    assert code == 3
    assert f"These orders continue: {orders[0]}" in err


def test_ctrl_c_says_that_the_order_goes_on(run, orders, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(wait.time, "sleep", interrupt)
    code, _, err = run("orders", "wait", orders[0])
    assert code == 130
    assert "Stopped waiting" in err
