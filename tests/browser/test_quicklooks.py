"""Quicklooks in the panel of an order and on the map."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import COUNT_OPAQUE_PIXELS

pytestmark = pytest.mark.timeout(600)


def open_order(stack, page, order):
    page.goto(f"{stack.airflow.url}/ard-orders/?connection=ard_many&order={order.id}")
    details = page.locator("#details")
    expect(details).to_contain_text("Tiles")
    return details


def test_quicklooks_of_an_order(stack, page, wait_for):
    order = stack.many.orders[0]
    quicklooks = open_order(stack, page, order).locator(".quicklooks")
    expect(quicklooks.locator("img")).to_have_count(len(order.tiles))
    href = quicklooks.get_by_role("link").first.get_attribute("href")
    assert page.context.request.get(f"{stack.airflow.url}{href}").headers["content-type"] == "image/png"
    canvas = page.locator(".leaflet-quicklooks-pane canvas")
    wait_for(lambda: canvas.evaluate(COUNT_OPAQUE_PIXELS) > 1_000)
    # A selection replaces them.
    page.keyboard.press("Escape")
    expect(quicklooks).to_be_hidden()
    assert canvas.evaluate(COUNT_OPAQUE_PIXELS) == 0


def test_error_of_the_service_does_not_break_the_page(stack, page):
    first = {(tile.acquisition_id, tile.cell_id) for tile in stack.many.orders[0].tiles}
    order = next(
        order
        for order in stack.many.orders
        if len(order.tiles) >= 3 and first.isdisjoint((tile.acquisition_id, tile.cell_id) for tile in order.tiles)
    )
    rule = stack.many.faults.add("GET /browse/preview/*", kind="gateway_html", status=503)
    details = open_order(stack, page, order)
    expect(details.locator(".quicklooks")).to_contain_text("Quicklooks are not available")
    expect(details.locator(".quicklooks li")).to_have_count(0)
    expect(details.locator(".cells")).to_be_visible()
    expect(page.locator("#problem")).to_be_hidden()
    stack.many.faults.remove(rule)
