"""The order of the quickstart on the orders page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from demo.browser import orders_page
from tests.browser.conftest import BECOME_VISIBLE, CONNECTION, COUNT_OPAQUE_PIXELS, ORDER_COUNT, QUICKSTART, TIMEOUT_MS

pytestmark = pytest.mark.timeout(600)


CELL = {"1040010060C9AD00": ["Z13-031131111333"]}


def test_task_link_opens_the_order(stack, page, run, wait_for):
    run_id, order_id = run
    page.goto(f"{stack.airflow.url}/dags/{QUICKSTART}/runs/{run_id}/tasks/order/details")
    # The tab has the same title.
    link = page.locator("a[href*='/plugin/ard-orders?']")
    assert f"order={order_id}" in link.get_attribute("href")
    link.click()
    frame = page.frame_locator("iframe")
    details = frame.locator("#details")
    expect(details).to_contain_text(order_id)
    [order] = [entry for entry in stack.ard.orders if entry.id == order_id]
    tiles = order.tiles
    expect(details).to_contain_text(f"{len(tiles)} in {len({tile.cell_id for tile in tiles})} cells")
    expect(details).to_contain_text(f"{QUICKSTART} · order")
    canvas = frame.locator("#map .leaflet-tiles-pane canvas")
    expect(canvas).to_be_visible()
    # The map has been drawn: it has a few hundred pixels in each direction.
    wait_for(lambda: canvas.evaluate(COUNT_OPAQUE_PIXELS) > 5_000)


def test_order_is_shown_after_a_reload(page, run):
    _, order_id = run
    page.reload()
    expect(page.frame_locator("iframe").locator("#details")).to_contain_text(order_id)


def test_task_tab(stack, page, run):
    run_id, order_id = run
    task = f"{stack.airflow.url}/dags/{QUICKSTART}/runs/{run_id}/tasks"
    page.goto(f"{task}/order/plugin/ard-order")
    details = page.frame_locator("iframe").locator("#details")
    expect(details).to_contain_text(order_id)
    # The panel cannot be closed here; it leads to the page of all orders instead.
    all_orders = details.get_by_role("link", name="All orders")
    expect(all_orders).to_have_attribute("href", re.compile(rf"/plugin/ard-orders\?.*order={order_id}"))
    expect(details.get_by_role("button", name="Close")).to_have_count(0)
    page.goto(f"{task}/wait/plugin/ard-order")
    expect(page.frame_locator("iframe").locator("#title")).to_contain_text("No orders of this task")


def test_page_links_to_the_task(stack, page, run):
    _, order_id = run
    frame = orders_page(page, stack.airflow.url, f"/plugin/ard-orders?connection={CONNECTION}&order={order_id}")
    frame.locator("#details").get_by_role("link", name=f"{QUICKSTART} · order").click()
    page.wait_for_url(re.compile(f"/dags/{QUICKSTART}/runs/.*/tasks/order"))


def test_finished_order_is_updated_without_a_reload(stack, page, run):
    _, order_id = run
    frame = orders_page(page, stack.airflow.url)
    row = frame.locator(f"[data-id='{order_id}']")
    expect(row).to_contain_text("Running")
    stack.ard.wait_for_deliveries()
    stack.ard.finish_order(order_id)
    expect(row).to_contain_text("Succeeded")


def place_order(ard):
    """Place an order of one cell outside of Airflow, and return its ID."""
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        return client.submit_order(OrderRequest.of(acquisitions=CELL, destination="s3://ard-demo/more")).id


def test_link_to_an_order_that_is_not_loaded_yet(stack, page):
    frame = orders_page(page, stack.airflow.url)
    order_id = place_order(stack.ard)
    frame = orders_page(page, stack.airflow.url, f"/plugin/ard-orders?connection={CONNECTION}&order={order_id}")
    expect(frame.locator("#details")).to_contain_text(order_id)
    expect(frame.locator("#problem")).to_be_hidden()
    expect(frame.locator(f"[data-id='{order_id}'][aria-selected='true']")).to_be_visible()


def test_unknown_order_is_reported(stack, page):
    frame = orders_page(page, stack.airflow.url, f"/plugin/ard-orders?connection={CONNECTION}&order=12345")
    problem = frame.locator("#problem")
    expect(problem).to_contain_text("12345")
    # A later update keeps it, a selection clears it.
    with page.expect_response(lambda response: "/data/orders" in response.url):
        pass
    expect(problem).to_be_visible()
    frame.locator("[data-id]").first.click()
    expect(problem).to_be_hidden()


def test_keyboard_navigation(stack, page, run):
    _, oldest = run
    placed = [place_order(stack.ard), place_order(stack.ard)]
    frame = orders_page(page, stack.airflow.url)
    for order_id in placed:
        expect(frame.locator(f"[data-id='{order_id}']")).to_be_visible()
    focused, details = frame.locator(":focus"), frame.locator("#details")

    def tab_to(selector):
        for _ in range(40):
            if frame.locator(f"{selector}:focus").count():
                return
            page.keyboard.press("Tab")
        pytest.fail(f"Tab does not lead to {selector}")

    frame.locator("#text").focus()
    tab_to("[data-id]")
    page.keyboard.press("Home")
    expect(focused).to_have_attribute("aria-rowindex", "2")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_attribute("aria-rowindex", "3")
    page.keyboard.press("End")
    expect(focused).to_have_attribute("data-id", oldest)
    page.keyboard.press("Enter")
    expect(details).to_contain_text(oldest)
    expect(details.locator("summary")).to_be_visible()
    tab_to("#details summary")
    page.keyboard.press("Enter")
    [order] = [entry for entry in stack.ard.orders if entry.id == oldest]
    for tile in order.tiles:
        cell = details.locator(".cells li", has_text=tile.cell_id)
        expect(cell).to_contain_text(f"{tile.acquired_at:%Y-%m-%d} {tile.acquisition_id}")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    expect(focused).to_have_attribute("data-id", oldest)
    page.keyboard.press("ArrowUp")
    previous = focused.get_attribute("data-id")
    assert previous != oldest
    page.keyboard.press(" ")
    expect(details).to_contain_text(previous)
    tab_to("#details .close")
    page.keyboard.press("Enter")
    expect(details).to_be_hidden()
    expect(focused).to_have_attribute("data-id", previous)


def test_page_is_updated_when_it_becomes_visible(stack, page, run):
    run_id, order_id = run
    page.goto(f"{stack.airflow.url}/dags/{QUICKSTART}/runs/{run_id}/tasks/order/plugin/ard-order")
    frame = page.frame_locator("iframe")
    expect(frame.locator("#details")).to_contain_text(order_id)
    with page.expect_response(lambda response: "/data/run" in response.url):
        frame.locator("html").evaluate(BECOME_VISIBLE)
    expect(frame.locator("#updated")).to_have_text("Up to date")
    expect(frame.locator("#problem")).to_be_hidden()


def test_paused_page_is_not_updated(stack, page, requested_urls):
    frame = orders_page(page, stack.airflow.url)
    frame.get_by_role("button", name="Pause").click()
    expect(frame.locator("#updated")).to_contain_text("Paused")
    before = len(requested_urls)
    frame.locator("html").evaluate(BECOME_VISIBLE)
    page.wait_for_timeout(1_000)
    assert not [url for url in requested_urls[before:] if "/data/" in url]
    with page.expect_response(lambda response: "/data/orders" in response.url):
        frame.get_by_role("button", name="Resume").click()


def test_many_orders_take_few_requests(stack, page):
    def visit():
        """Open the page, and return path and size of each data request until all orders are loaded."""
        finished = []
        tab = page.context.new_page()
        tab.on("requestfinished", lambda request: finished.append(request))  # noqa: PLW0108 -- it must take attributes
        tab.goto(f"{stack.airflow.url}/ard-orders/?connection=ard_many")
        tab.locator("#sums b", has_text=f"{ORDER_COUNT}").first.wait_for(timeout=TIMEOUT_MS)
        data = [request for request in finished if "/ard-orders/data/" in request.url]
        sizes_by_path = [(re.sub(r".*/data/|\?.*", "", entry.url), entry.sizes()["responseBodySize"]) for entry in data]
        return tab, sizes_by_path

    def list_requests():
        return [
            entry for entry in stack.many.requests if entry.endpoint == "GET /order" and "filter" not in entry.query
        ]

    tab, sizes_by_path = visit()
    # The page responds at least once for each page of the list, a hundred orders.
    paths = [path for path, _ in sizes_by_path]
    assert paths[0] == "connections"
    assert set(paths[1:]) == {"orders"}
    assert len(paths) <= 1 + ORDER_COUNT // 100 + 1
    # Each page is read once; only the first, which has the new orders, is read again.
    later_pages = [entry.query["starting_after"] for entry in list_requests() if "starting_after" in entry.query]
    assert len(later_pages) == len(set(later_pages)) == ORDER_COUNT // 100 - 1
    assert 1 <= len(list_requests()) - len(later_pages) <= paths.count("orders")
    with tab.expect_event("requestfinished", lambda request: "/data/orders" in request.url) as later:
        pass
    # Nothing has changed, so the response is small.
    assert later.value.sizes()["responseBodySize"] < 500
    tab.close()
    tab, sizes_by_path = visit()
    # The first response has all of them; on a slow machine a later one has no changes.
    assert [path for path, _ in sizes_by_path[:2]] == ["connections", "orders"]
    assert sizes_by_path[1][1] < 50 * ORDER_COUNT
    assert all(path == "orders" and size < 500 for path, size in sizes_by_path[2:])
    tab.close()


def test_filters_and_totals(stack, page, run):
    frame = orders_page(page, stack.airflow.url)
    frame.locator("#text").fill("no such order")
    expect(frame.locator("#empty")).to_contain_text("No order matches")
    expect(frame.locator("#sums")).to_contain_text("0 orders")
    frame.get_by_role("button", name="Clear filters").click()
    expect(frame.locator("#sums")).to_contain_text(f"{len(stack.ard.orders)} orders")


def test_theme_follows_airflow(stack, page):
    frame = orders_page(page, stack.airflow.url)
    root = frame.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.evaluate("document.documentElement.classList.replace('light', 'dark')")
    expect(root).to_have_attribute("data-theme", "dark")
