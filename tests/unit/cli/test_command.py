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
        ["credentials", "delete", "ours"],
    ],
)
def test_bad_usage_has_its_exit_code_and_sends_nothing(run, ard, arguments, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert run(*arguments)[0] == 2
    assert ard.requests == []


def test_a_connection_that_is_not_there_is_one_line(run):
    code, _, err = run("orders", "list", "--conn-id", "nowhere")
    assert code == 1
    assert "AIRFLOW_CONN_NOWHERE" in err
    assert err.count("\n") == 1


def test_a_connection_that_cannot_be_read_is_one_line_without_what_is_in_it(run, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", '{"conn_type": "ard", "password": "s3cret", }')
    code, _, err = run("usage")
    assert code == 1
    assert "AIRFLOW_CONN_ARD_DEFAULT is set but cannot be parsed" in err
    assert "s3cret" not in err
    assert err.count("\n") == 1


def test_a_wrong_password_is_one_line_that_names_the_connection(run, ard, monkeypatch):
    wrong = {**json.loads(ard.connection_json), "password": "wr0ng-p4ss"}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(wrong))
    code, _, err = run("usage")
    assert code == 1
    assert "ard_default" in err
    assert "wr0ng" not in err
    assert err.count("\n") == 1
