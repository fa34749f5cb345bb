"""Pages of orders are parsed only as far as needed."""

from __future__ import annotations

import json

from airflow_provider_ard.api.http.pagination import OrderPage

USAGE = {"area": {"total_imagery_sqkm": 25.0}, "cost": {"total_imagery_cost": 50.0}}


def page(*rows):
    return OrderPage(json.dumps({"data": rows, "has_more": False}).encode())


def row(order_id, usage=None, **more):
    return {"id": order_id, "status": "SUCCEEDED", "order": {"usage": usage or USAGE}} | more


def test_only_selected_orders_are_parsed():
    (order,) = page(row("1"), row(2), row("3")).select({"2"})
    assert (order.id, order.status, order.usage.total_cost) == ("2", "SUCCEEDED", 50.0)


def test_malformed_order_does_not_affect_others():
    malformed = [row("", usage=USAGE), {"status": "SUCCEEDED"}]
    odd = [row("1", usage={"area": "much"}), row("3", order="none")]
    assert [order.id for order in page(*malformed, *odd, row("4")).select({"", "1", "3", "4"})] == ["1", "3", "4"]


def test_malformed_orders_have_a_status():
    assert page(row("1", usage={"area": "much"}), row(2, status="RUNNING")).statuses == {
        "1": "SUCCEEDED",
        "2": "RUNNING",
    }
