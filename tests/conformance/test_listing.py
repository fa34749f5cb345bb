"""Listing orders: over pages, by metadata, by date."""

from __future__ import annotations

import pytest
from max_ard import Order

A = "1030010002269900"


@pytest.fixture(scope="module")
def batch():
    """The IDs of 250 orders, oldest first; their bucket does not exist, so none of them is delivered."""
    placed = []
    for number in range(250):
        order = Order(
            acquisitions=A,
            destination="s3://no-such-bucket",
            settings={},
            metadata={"batch": "250", "downstream_customer_id": f"abdc-{number % 5}"},
        )
        order.submit()
        placed.append(order.order_id)
    return placed


def _ids(orders):
    return [order.order_id for order in orders]


def test_list_orders_over_pages(batch):
    assert _ids(Order.list_orders(filter="metadata.batch:250")) == batch[::-1]


def test_list_limit(batch):
    assert _ids(Order.list_orders(limit=130, filter="metadata.batch:250")) == batch[:-131:-1]


def test_metadata_filter(batch):
    orders = Order.list_orders(filter="metadata.downstream_customer_id:abdc-3")
    assert _ids(orders) == batch[3::5][::-1]


def test_starting_after(batch):
    orders = Order.list_orders(starting_after=batch[100], filter="metadata.batch:250")
    assert _ids(orders) == batch[:100][::-1]


def test_dates(batch):
    day = Order.from_id(batch[0]).response.created[:10]
    assert set(batch) <= set(_ids(Order.list_orders(start_date=day, end_date=day)))
    assert Order.list_orders(end_date="2001-01-01") == []


def test_listed_orders_have_state_and_request(batch):
    order = Order.list_orders(limit=1, filter="metadata.batch:250")[0]
    assert order.status in ("RUNNING", "FAILED")
    assert order.response.order.metadata["batch"] == "250"
    assert order.response.order.usage.area.total_imagery_sqkm > 0
