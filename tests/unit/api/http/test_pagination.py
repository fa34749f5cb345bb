"""What a page of orders says, read no further than is asked for."""

from __future__ import annotations

import json

from airflow_provider_ard.api.http.pagination import OrderPage

USAGE = {"area": {"total_imagery_sqkm": 25.0}, "cost": {"total_imagery_cost": 50.0}}


def page(*rows):
    return OrderPage(json.dumps({"data": rows, "has_more": False}).encode())


def row(order_id, usage=None, **more):
    return {"id": order_id, "status": "SUCCEEDED", "order": {"usage": usage or USAGE}} | more


def test_only_the_orders_asked_for_are_read_whole():
    (order,) = page(row("1"), row(2), row("3")).of({"2"})
    assert (order.id, order.status, order.usage.total_cost) == ("2", "SUCCEEDED", 50.0)


def test_an_order_of_no_documented_form_keeps_no_other_from_being_read():
    strange = [row("1", usage={"area": "much"}), {"status": "SUCCEEDED"}, row("3", order="none")]
    assert [order.id for order in page(*strange, row("4")).of({"1", "3", "4"})] == ["4"]


def test_statuses_are_told_of_rows_that_are_not_read_whole():
    assert page(row("1", usage={"area": "much"}), row(2, status="RUNNING")).statuses == {
        "1": "SUCCEEDED",
        "2": "RUNNING",
    }
