from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.sandbox import Assumptions
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], [2, 1, 0]),
        (["--status", "failed"], [1]),
        (["--status", "Succeeded"], [2]),
        (["--dag-id", "second"], [2, 1]),
        (["--dag-id", "second", "--metadata", "campaign=spring"], [1]),
        (["--metadata", "campaign=autumn"], [2]),
        (["--metadata", "campaign=autumn", "--metadata", "project="], []),
        (["--metadata", "campaign=spring", "--status", "running"], [0]),
        (["--end-date", "1999-12-31"], []),
        (["--start-date", "1999-12-31"], [2, 1, 0]),
        (["--limit", "2"], [2, 1]),
        (["--limit", "0"], [2, 1, 0]),
    ],
)
def test_orders_are_filtered(run, orders, filters, expected):
    code, out, _ = run("orders", "list", "--json", *filters)
    assert code == 0
    assert [order["order_id"] for order in json.loads(out)] == [orders[number] for number in expected]


@pytest.mark.parametrize("metadata", sorted({*ASSUMPTIONS["metadata"]} - {"absent"}))
def test_metadata_is_recognized_in_another_form(ard, run, client, metadata):
    request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p", metadata={"batch": 7})
    order_id = client.submit_order(request).id
    ard.assumptions = Assumptions(metadata=metadata)
    out = run("orders", "list", "--json", "--metadata", "batch=7")[1]
    assert [order["order_id"] for order in json.loads(out)] == [order_id]


@pytest.mark.parametrize("list_order", ["newest_first", "oldest_first"])
@pytest.mark.parametrize("bounds", ["inclusive", "exclusive"])
@pytest.mark.parametrize("list_dates", ["times", "dates"])
def test_dates_do_not_depend_on_the_api(ard, run, orders, client, list_order, bounds, list_dates):
    ard.assumptions = Assumptions(list_order=list_order, start_date=bounds, end_date=bounds, list_dates=list_dates)
    created = client.get_order(orders[1]).created
    for filters, expected in (
        (["--start-date", f"{created:%Y-%m-%d}", "--end-date", f"{created:%Y-%m-%d}", "--limit", "2"], [2, 1]),
        (["--start-date", created.isoformat()], [2, 1]),
        (["--end-date", created.isoformat()], [1, 0]),
        (["--start-date", "7d"], [2, 1, 0]),
        (["--end-date", f"{created - timedelta(days=1):%Y-%m-%d}"], []),
    ):
        out = run("orders", "list", "--json", *filters)[1]
        assert [order["order_id"] for order in json.loads(out)] == [orders[number] for number in expected], filters


def test_orders_as_table(run, orders, client):
    code, out, err = run("orders", "list")
    lines = [line for line in out.splitlines() if orders[1] in line]
    cost = client.get_order(orders[1]).usage.total_cost
    assert code == 0
    assert len(lines) == 1
    for part in ("FAILED", f"({cost:,.2f})", "s3://bkt/p1", "second.order"):
        assert part in lines[0]
    assert "(" not in "".join(line for line in out.splitlines() if orders[0] in line or orders[2] in line)
    assert "of failed orders are in parentheses" in err


def test_truncated_list_is_reported(run, orders):
    assert "more than 2 orders" in run("orders", "list", "--limit", "2")[2]
    assert "more than" not in run("orders", "list", "--limit", "3")[2]


def test_empty_list_as_text_and_json(run):
    assert run("orders", "list")[1:] == ("", "You have no orders yet.\n")
    assert run("orders", "list", "--status", "failed")[1:] == ("", "No order matches.\n")
    assert run("orders", "list", "--json")[1:] == ("[]\n", "")


def test_order_details(run, orders, client):
    usage = client.get_order(orders[1]).usage
    code, out, _ = run("orders", "show", orders[1])
    details = dict(line.split("  ", 1) for line in out.splitlines())
    details = {name: value.strip() for name, value in details.items()}
    assert code == 0
    assert details["message"] == "no imagery"
    assert details["destination"] == "s3://bkt/p1"
    assert details["collection"] == f"s3://bkt/p1/order_collections/{orders[1]}_root_collection.json"
    assert details["area"] == f"{usage.area_sqkm:,.2f} km²"
    assert details["cost"].startswith(f"{usage.total_cost:,.2f} (failed order")
    assert details["tag campaign"] == "spring"


def test_control_characters_are_removed(run, ard, orders):
    ard.set_order_status(orders[0], "FAILED", "[red]\x1b[2Jgone\nerror: x")
    out = run("orders", "show", orders[0])[1]
    assert "\x1b" not in out
    assert "[red] [2Jgone error: x" in out


def test_unknown_order_is_a_one_line_error(run):
    code, out, err = run("orders", "show", "nope")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "Unknown order nope" in err
    assert err.count("\n") == 1
