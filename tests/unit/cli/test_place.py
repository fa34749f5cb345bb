"""`ard orders place` buys once for a key, and only after a confirmation."""

from __future__ import annotations

import json
import sys

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.cli import placement
from airflow_provider_ard.ordering import cumulative_budget, existing_orders
from airflow_provider_ard.ordering import placement as order_placement
from airflow_provider_ard.ordering.file_store import locked_file_store
from airflow_provider_ard.ordering.terminal_key import TerminalKey

SAS = "https://acct.blob.core.windows.net/tiles?sv=2024-11-04&se=2999-01-01T00%3A00%3A00Z&sp=rwl&sig=s1gnatur3"
TO = ("--destination", "s3://bkt/p")


@pytest.fixture(autouse=True)
def records(monkeypatch, tmp_path):
    monkeypatch.setattr(placement, "_records", lambda: tmp_path / "records")
    monkeypatch.setattr(existing_orders, "SEARCH_WINDOW_S", 0.5)
    monkeypatch.setattr(cumulative_budget, "LISTING_WINDOW_S", 1.0)
    return tmp_path / "records"


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that makes standard input a terminal with a reply."""

    def terminal(reply):
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", reply if callable(reply) else lambda: reply)

    return terminal


@pytest.fixture
def order(run, ard):
    """Return a function that places an order without a confirmation, and returns exit code, JSON and messages."""

    def order(*arguments, acquisition=0, to=TO):
        code, out, err = run(
            "orders", "place", "--acquisitions", ard.acquisitions[acquisition], *to, "--yes", "--json", *arguments
        )
        return code, json.loads(out) if out else None, err

    return order


def posts(ard):
    """Return the bodies of the orders that were sent, without dry runs."""
    return [
        request.body for request in ard.requests if request.endpoint == "POST /order" and not request.body["dry_run"]
    ]


def test_repeated_call_re_attaches(order, ard, client):
    code, first, err = order("--metadata", "campaign=spring")
    assert (code, first["is_new"]) == (0, True)
    assert f"Idempotency key: {first['key']}" in err
    code, second, _ = order("--key", first["key"], "--metadata", "campaign=autumn")
    assert (code, second["is_new"], second["order_id"]) == (0, False, first["order_id"])
    assert len(posts(ard)) == 1
    tags = client.get_order(first["order_id"]).metadata
    assert tags["campaign"] == "spring"
    assert tags["ard_cli_key_name"] == first["key"]
    assert {"ard_cli_key", "ard_cli_fingerprint", "ard_cli_submitted_at", "ard_cli_estimated_cost"} <= set(tags)
    assert not [tag for tag in tags if tag.startswith("airflow_")]


def test_order_is_found_without_the_record(order, ard, records):
    first = order("--key", "spring")[1]
    for path in records.iterdir():
        path.unlink()
    assert order("--key", "spring")[1]["order_id"] == first["order_id"]
    assert len(posts(ard)) == 1


def test_another_key_is_another_order(order, ard):
    first, second = order()[1], order("--key", "again")[1]
    assert first["order_id"] != second["order_id"]
    assert len(posts(ard)) == 2


def test_failed_order_is_replaced(order, ard):
    first = order()[1]
    ard.set_order_status(first["order_id"], "FAILED", "no imagery")
    assert order()[1]["is_new"] is True
    assert len(posts(ard)) == 2


def test_key_of_another_request_is_a_conflict(order, ard):
    first = order("--key", "spring")[1]
    code, _, err = order("--key", "spring", acquisition=1)
    assert code == 1
    assert first["order_id"] in err
    assert "--key" in err
    assert len(posts(ard)) == 1


def test_lost_response_is_searched_for(order, ard, client):
    ard.faults.add("POST /order", kind="reset_after_accept", nth=2)
    code, placed, _ = order()
    assert code == 0
    assert [item.id for item in client.list_orders()] == [placed["order_id"]]
    assert len(posts(ard)) == 1


def test_order_in_doubt_is_searched_for_by_the_next_call(order, ard, monkeypatch):
    # On a slow machine there would be another search before the POST.
    monkeypatch.setattr(order_placement, "SEARCH_AGAIN_AFTER_S", 600.0)
    ard.faults.add("POST /order", kind="reset_after_accept", nth=2)
    ard.faults.add("GET /order", kind="status", status=503, nth=2, times=1_000_000)
    code, _, err = order()
    assert code == 1
    assert "Repeat the command with --key" in err
    ard.faults.clear()
    code, placed, _ = order()
    assert (code, placed["is_new"]) == (0, False)
    assert len(posts(ard)) == 1


def test_nothing_is_bought_while_the_list_is_no_proof(order, ard):
    ard.faults.add("GET /order", kind="status", status=503)
    assert order()[0] == 1
    assert posts(ard) == []


@pytest.mark.parametrize("limit", ["--max-cost", "--max-area-sqkm"])
def test_nothing_is_bought_above_a_limit(order, ard, limit):
    code, _, err = order(limit, "0.01")
    assert code == 1
    assert "nothing was bought" in err
    assert posts(ard) == []


def test_budget_of_the_connection(order, ard, monkeypatch):
    def set_budget(**budget):
        extra = {**json.loads(ard.connection_json)["extra"], "budget": budget}
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps({**json.loads(ard.connection_json), "extra": extra}))

    set_budget(cost=1e9, per="day")
    assert order()[0] == 0
    set_budget(cost=0.01, per="day", scope="dag")
    assert order("--key", "second")[0] == 1
    set_budget(cost=1e9, per="day", pool="orders")
    code, _, err = order("--key", "second")
    assert (code, "pool" in err) == (2, True)
    assert len(posts(ard)) == 1


@pytest.mark.parametrize(("reply", "code", "orders"), [("y", 0, 1), ("", 1, 0), ("n", 1, 0)])
def test_confirmation_shows_the_price(run, ard, terminal, reply, code, orders):
    terminal(reply)
    result, _, err = run("orders", "place", "--acquisitions", ard.acquisitions[0], *TO)
    assert result == code
    assert "km², cost" in err
    assert len(posts(ard)) == orders


def test_interruption_of_the_confirmation(run, ard, terminal):
    def interrupt():
        raise KeyboardInterrupt

    terminal(interrupt)
    code, _, err = run("orders", "place", "--acquisitions", ard.acquisitions[0], *TO)
    assert (code, "Nothing was bought" in err) == (130, True)
    assert posts(ard) == []


def test_end_of_input_is_no_confirmation(run, ard, terminal):
    def end():
        raise EOFError

    terminal(end)
    assert run("orders", "place", "--acquisitions", ard.acquisitions[0], *TO)[0] == 1
    assert posts(ard) == []


def test_another_process_with_the_key(order, ard, records, monkeypatch):
    monkeypatch.setattr(placement, "_record_name", lambda hook, key: key.name)
    with locked_file_store(records, "spring"):
        assert order("--key", "spring")[0] == 1
    assert ard.requests == []
    assert order("--key", "spring")[0] == 0


def test_damaged_record_counts_as_in_doubt(order, ard, records, monkeypatch):
    monkeypatch.setattr(placement, "_record_name", lambda hook, key: key.name)
    records.mkdir()
    (records / "spring.json").write_text("{")
    assert order("--key", "spring")[0] == 0
    # The search with the filter, and without it.
    assert sum(request.endpoint == "GET /order" for request in ard.requests) > 2


def test_folder_that_cannot_be_written(order, ard, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(placement, "_records", lambda: tmp_path / "file")
    assert order()[0] == 1
    assert ard.requests == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--metadata", "airflow_key=1"], "--metadata"),
        (["--metadata", "ard_cli_key=1"], "--metadata"),
        (["--bbox", ""], "--bbox"),
        (["--max-cost", "nan"], "--max-cost"),
        (["--key", " "], "--key"),
    ],
)
def test_invalid_argument_is_named_and_no_request_is_sent(order, ard, arguments, named):
    code, _, err = order(*arguments)
    assert code == 2
    assert named in err
    assert ard.requests == []


def test_no_order_without_confirmation_or_yes(run, ard, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    code, _, err = run("orders", "place", "--acquisitions", ard.acquisitions[0], *TO)
    assert (code, "--yes" in err, ard.requests) == (2, True, [])


def test_dry_run_in_a_file_is_refused(run, ard, tmp_path):
    path = tmp_path / "order.yaml"
    path.write_text(f"acquisitions: {ard.acquisitions[0]}\ndestination: s3://bkt/p\ndry_run: true\n")
    assert run("orders", "place", "--file", str(path), "--yes")[0] == 2
    assert ard.requests == []


def test_secret_of_the_destination_is_not_printed_or_stored(run, ard, tmp_path, records):
    path = tmp_path / "order.yaml"
    config = {"azure_blob_storage": {"container": "tiles", "prefix": "p", "sas_url": SAS}}
    path.write_text(json.dumps({"acquisitions": ard.acquisitions[0], "output_config": config}))
    for option in ([], ["--json"]):
        code, out, err = run("orders", "place", "--file", str(path), "--yes", *option)
        assert code == 0
        assert "s1gnatur3" not in out + err
    assert all("s1gnatur3" not in record.read_text() for record in records.iterdir())


def test_prompt_outlasts_an_order_of_another_machine(run, ard, client, terminal, monkeypatch):
    """While the user is asked, the same order is placed elsewhere: the search before the POST finds it."""

    def confirm():
        client.submit_order(key.tag(request))
        return "y"

    monkeypatch.setattr(order_placement, "SEARCH_AGAIN_AFTER_S", 0.0)
    request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p")
    key = TerminalKey.of(request)
    terminal(confirm)
    code, _, err = run("orders", "place", "--acquisitions", ard.acquisitions[0], *TO)
    assert (code, "another process placed order" in err) == (1, True)
    assert len(posts(ard)) == 1


def test_interruption_of_the_purchase_is_followed_by_a_search(order, ard, monkeypatch):
    submit_order = ArdClient.submit_order

    def interrupted(client, request):
        submit_order(client, request)
        raise KeyboardInterrupt

    monkeypatch.setattr(ArdClient, "submit_order", interrupted)
    code, _, err = order()
    assert (code, "An order may have been submitted" in err) == (130, True)
    code, placed, _ = order()
    assert (code, placed["is_new"]) == (0, False)
    assert len(posts(ard)) == 1
