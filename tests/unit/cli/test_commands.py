from __future__ import annotations

import contextlib
import json
import signal
import sys

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.cli import output, wait
from airflow_provider_ard.cli.__main__ import main

SAS = "https://acct.blob.core.windows.net/tiles?sv=2024-11-04&se=2999-01-01T00%3A00%3A00Z&sp=rwl&sig=s1gnatur3"


@pytest.fixture
def run(ard_connection, monkeypatch, capsys, retry_pauses):
    """Return a function that runs a command in this process and returns exit code, standard output and standard error."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setattr(output, "stdout", lambda: sys.stdout)

    def run(*arguments):
        code = 0
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def orders(ard, client):
    """Three orders of two DAGs, the oldest first; the second has failed, the third has succeeded."""

    def place_order(number, **metadata):
        request = OrderRequest.of(
            acquisitions=ard.acquisitions[number], destination=f"s3://bkt/p{number}", metadata=metadata
        )
        return client.submit_order(request).id

    ids = [
        place_order(0, airflow_dag_id="one", campaign="spring"),
        place_order(1, airflow_dag_id="two", campaign="spring", airflow_task_id="order"),
        place_order(2, airflow_dag_id="two", campaign=["summer", "autumn"]),
    ]
    ard.set_order_status(ids[1], "FAILED", "no more film")
    ard.set_order_status(ids[2], "SUCCEEDED", None)
    return ids


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], [2, 1, 0]),
        (["--status", "failed"], [1]),
        (["--status", "Succeeded"], [2]),
        (["--dag-id", "two"], [2, 1]),
        (["--dag-id", "two", "--metadata", "campaign=spring"], [1]),
        (["--metadata", "campaign=autumn"], [2]),
        (["--metadata", "campaign=spring", "--status", "running"], [0]),
        (["--end-date", "1999-12-31"], []),
        (["--start-date", "1999-12-31"], [2, 1, 0]),
        (["--limit", "2"], [2, 1]),
        (["--limit", "0"], [2, 1, 0]),
    ],
)
def test_orders_that_are_listed(run, orders, filters, expected):
    code, out, _ = run("orders", "list", "--json", *filters)
    assert code == 0
    assert [order["order_id"] for order in json.loads(out)] == [orders[number] for number in expected]


def test_the_list_for_people(run, orders, client):
    code, out, err = run("orders", "list")
    lines = [line for line in out.splitlines() if orders[1] in line]
    cost = client.get_order(orders[1]).usage.total_cost
    assert code == 0
    assert len(lines) == 1
    for part in ("FAILED", f"({cost:,.2f})", "s3://bkt/p1", "two.order"):
        assert part in lines[0]
    assert "(" not in "".join(line for line in out.splitlines() if orders[0] in line or orders[2] in line)
    assert "in brackets: failed orders" in err


def test_a_list_that_was_cut_says_so(run, orders):
    assert "more than 2 orders" in run("orders", "list", "--limit", "2")[2]
    assert "more than" not in run("orders", "list", "--limit", "3")[2]


def test_no_orders_are_said_in_words_and_as_json(run):
    assert run("orders", "list")[1:] == ("", "The account has no orders yet.\n")
    assert run("orders", "list", "--status", "failed")[1:] == ("", "No order matches.\n")
    assert run("orders", "list", "--json")[1:] == ("[]\n", "")


def test_an_order_is_shown_with_destination_cost_area_and_tags(run, orders, client):
    usage = client.get_order(orders[1]).usage
    code, out, _ = run("orders", "show", orders[1])
    facts = dict(line.split("  ", 1) for line in out.splitlines())
    facts = {name: value.strip() for name, value in facts.items()}
    assert code == 0
    assert facts["message"] == "no more film"
    assert facts["destination"] == "s3://bkt/p1"
    assert facts["collection"] == f"s3://bkt/p1/order_collections/{orders[1]}_root_collection.json"
    assert facts["area"] == f"{usage.area_sqkm:,.2f} km²"
    assert facts["cost"].startswith(f"{usage.total_cost:,.2f}, of a failed order")
    assert facts["tag campaign"] == "spring"


def test_api_texts_cannot_control_the_terminal(run, ard, orders):
    ard.set_order_status(orders[0], "FAILED", "[red]\x1b[2Jgone\nerror: x")
    out = run("orders", "show", orders[0])[1]
    assert "\x1b" not in out
    assert "[red] [2Jgone error: x" in out


def test_an_order_that_is_not_there(run):
    code, out, err = run("orders", "show", "nope")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "Unknown order nope" in err
    assert err.count("\n") == 1


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


def test_usage_for_people(run, orders, client):
    usage = client.get_usage()
    code, out, _ = run("usage")
    (total,) = [line for line in out.splitlines() if line.strip().startswith("total")]
    assert code == 0
    assert total.split() == [
        "total",
        f"{usage.area_sqkm:,.2f}",
        f"{usage.total_cost:,.2f}",
        *("no", "limit"),
        *("no", "limit"),
    ]


def test_usage_of_the_logged_in_user(run, orders, client):
    assert json.loads(run("usage", "--user", "me", "--json")[1])["cost"] == client.get_usage().cost
    assert run("usage", "--user", "nobody")[0] == 1


def test_credentials_from_a_file_come_and_go(run, ard, tmp_path):
    path = tmp_path / "sas.txt"
    path.write_text(f"{SAS}\n")
    code, out, err = run("credentials", "put", "azure", "--file", str(path), "--description", "for tests")
    assert code == 0
    assert ard.stored_secret("azure") == SAS
    assert "s1gnatur3" not in out + err
    listed = json.loads(run("credentials", "list", "--json")[1])
    assert [(entry["credentials_id"], entry["description"]) for entry in listed] == [("azure", "for tests")]
    assert "for tests" in run("credentials", "list")[1]
    assert run("credentials", "delete", "azure", "--yes")[0] == 0
    assert run("credentials", "delete", "azure", "--yes")[0] == 1
    assert "No credentials" in run("credentials", "list")[2]


def test_a_prompt_asks_for_the_secret_without_showing_it(run, ard, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: SAS)
    assert run("credentials", "put", "azure")[0] == 0
    assert ard.stored_secret("azure") == SAS


@pytest.mark.parametrize(("reply", "code", "left"), [("y", 0, None), ("", 1, SAS), ("n", 1, SAS)])
def test_deletion_in_a_terminal_asks_first(run, ard, client, monkeypatch, reply, code, left):
    client.put_credentials("azure", SAS)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: reply)
    assert run("credentials", "delete", "azure")[0] == code
    assert ard.stored_secret("azure") == left


def test_a_secret_that_cannot_be_read_is_named_by_its_file_only(run, ard, tmp_path):
    path = tmp_path / "key.json"
    path.write_text('{"type": "authorized_user", "refresh_token": "s3cret"}')
    code, _, err = run("credentials", "put", "ours", "--file", str(path))
    assert code == 2
    assert "service_account" in err
    assert "s3cret" not in err
    assert run("credentials", "put", "ours", "--file", str(tmp_path / "none"))[0] == 2
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
