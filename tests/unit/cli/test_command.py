from __future__ import annotations

import json
import sys

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        ["orders"],
        ["orders", "list", "--start-date", "soon"],
        ["orders", "list", "--metadata", "campaign"],
        ["orders", "list", "--limit", "-1"],
        ["orders", "list", "--status", "lost"],
        ["orders", "list", "--start-date", "2026-02-01", "--end-date", "2026-01-31"],
        ["usage", "--start-date", "2026-02-01", "--end-date", "2026-01-31T23:00:00Z"],
        ["orders", "show", ""],
        ["orders", "wait"],
        ["orders", "wait", " "],
        ["orders", "wait", "x", "--poke-interval", "0"],
        ["orders", "wait", "x", "--timeout", "never"],
        ["credentials", "put"],
        ["credentials", "put", "a b", "--file", __file__],
        ["credentials", "delete", "stored"],
    ],
)
def test_usage_error_exits_with_2_and_sends_no_request(run, ard, arguments, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert run(*arguments)[0] == 2
    assert ard.requests == []


def test_missing_connection_is_a_one_line_error(run):
    code, _, err = run("orders", "list", "--conn-id", "missing")
    assert code == 1
    assert "AIRFLOW_CONN_MISSING" in err
    assert err.count("\n") == 1


def test_invalid_connection_is_a_one_line_error_without_content(run, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", '{"conn_type": "ard", "password": "s3cret", }')
    code, _, err = run("usage")
    assert code == 1
    assert "AIRFLOW_CONN_ARD_DEFAULT is set but cannot be parsed" in err
    assert "s3cret" not in err
    assert err.count("\n") == 1


def test_wrong_password_is_a_one_line_error(run, ard, monkeypatch):
    wrong = {**json.loads(ard.connection_json), "password": "wr0ng-p4ss"}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(wrong))
    code, _, err = run("usage")
    assert code == 1
    assert "ard_default" in err
    assert "wr0ng" not in err
    assert err.count("\n") == 1
