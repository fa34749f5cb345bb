from __future__ import annotations

import contextlib
import json
import signal

import pytest

from airflow_provider_ard.cli import wait


def test_wait_succeeds_when_all_orders_have_succeeded(run, ard, orders, retry_pauses, monkeypatch):
    monkeypatch.setattr(wait.time, "sleep", lambda s: ard.set_order_status(orders[0], "SUCCEEDED", None))
    code, out, err = run("orders", "wait", orders[2], orders[0], orders[2], "--json")
    assert code == 0
    assert [order["order_id"] for order in json.loads(out)] == [orders[2], orders[0]]
    assert f"Order {orders[0]}: RUNNING\n" in err
    assert f"Order {orders[0]}: SUCCEEDED\n" in err


@pytest.mark.parametrize("status", ["FAILED", "ERROR", "PAUSED"])
def test_wait_fails_if_an_order_has_not_succeeded(run, ard, orders, status):
    ard.set_order_status(orders[0], status, "no imagery")
    code, out, err = run("orders", "wait", orders[2], orders[0])
    assert code == 1
    assert orders[2] in out
    assert f"error: order {orders[0]}" in err


def test_ctrl_c_suppressed_by_python_ends_the_wait(run, orders, monkeypatch):
    def suppressed_interrupt(_):
        # As in a finalizer, where Python prints exceptions instead of raising them.
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(wait.time, "sleep", suppressed_interrupt)
    code, _, err = run("orders", "wait", orders[0])
    assert code == 130
    assert "Stopped waiting" in err


def test_wait_survives_outage_and_logs_it_once(run, ard, orders, monkeypatch):
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


def test_timeout_has_its_own_exit_code(run, orders):
    code, _, err = run("orders", "wait", orders[0], "--timeout", "1", "--poke-interval", "1")
    assert code == 3
    assert f"These orders continue: {orders[0]}" in err


def test_ctrl_c_message(run, orders, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(wait.time, "sleep", interrupt)
    code, _, err = run("orders", "wait", orders[0])
    assert code == 130
    assert "Stopped waiting" in err


def test_temporary_refusal_does_not_end_a_wait(run, ard, orders, monkeypatch):
    monkeypatch.setattr(wait.time, "sleep", lambda _: None)
    ard.set_order_status(orders[0], "SUCCEEDED", None)
    ard.faults.add("GET /order/status/*", kind="status", status=404, nth=1, times=4)
    ard.faults.add("GET /order/status/*", kind="status", status=401, nth=5, times=6)
    code, _, err = run("orders", "wait", orders[0])
    assert code == 0
    assert err.count("Polling failed, will retry") == 2


def test_outage_of_an_order_does_not_delay_another(run, ard, orders, monkeypatch):
    def sleep(_):
        ard.faults.clear()
        ard.set_order_status(orders[0], "SUCCEEDED", None)

    monkeypatch.setattr(wait.time, "sleep", sleep)
    ard.faults.add("GET /order", kind="status", status=500)
    ard.faults.add(f"GET /order/status/{orders[0]}", kind="status", status=503)
    code, _, err = run("orders", "wait", orders[0], orders[2])
    assert code == 0
    assert f"Order {orders[2]}: SUCCEEDED" in err
