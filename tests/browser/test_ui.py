"""The way of somebody new, in a real browser on a real Airflow: the Connection, the quickstart, the page of orders.

Each test goes on where the one before it has ended.
"""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import expect

from demo.browser import add_connection, orders_page, press_test, window
from tests.browser.conftest import QUICKSTART

pytestmark = pytest.mark.timeout(600)
SOON_MS = 60_000
CONNECTION = "ard_default"


@pytest.fixture(scope="session", autouse=True)
def patience():
    expect.set_options(timeout=SOON_MS)


@pytest.fixture(scope="session")
def run(stack):
    """A run of the quickstart, once its order is placed: its id, and the order's."""
    airflow = stack.airflow
    run_id = airflow.api.trigger(QUICKSTART)

    def placed():
        try:
            return airflow.api.task(QUICKSTART, run_id, "order")["state"] == "success"
        except requests.RequestException:
            # Busy, as with a browser and a worker on few cores.
            return False

    airflow.wait_until(placed, within=240, what="the order placed")
    return run_id, airflow.api.xcom(QUICKSTART, run_id, "order")


def get(stack, path, user=None, **query):
    """Ask the page's server for data as a user, or as nobody."""
    headers = {}
    if user:
        login = {"username": user, "password": stack.passwords[user]}
        token = requests.post(f"{stack.airflow.url}/auth/token", json=login, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{stack.airflow.url}/ard-orders{path}", params=query, headers=headers, timeout=30)


def test_the_form_of_the_connection_and_its_test(stack, page):
    add_connection(page, stack.airflow.url, CONNECTION, stack.ard)
    assert press_test(page, CONNECTION) == "Logged in as user@sandbox.example, account 7001. Balance: no limit."


def test_a_wrong_password_is_told_by_its_field(stack, page):
    add_connection(page, stack.airflow.url, "ard_wrong", stack.ard, password="wr0ng")
    assert press_test(page, "ard_wrong").endswith("Mend: User name or Password.")


def test_the_link_of_the_quickstarts_order_leads_to_its_tiles(stack, page, run):
    run_id, order_id = run
    page.goto(f"{stack.airflow.url}/dags/{QUICKSTART}/runs/{run_id}/tasks/order/details")
    # The tab has the same name.
    link = page.locator("a[href*='/plugin/ard-orders?']")
    address = link.get_attribute("href")
    assert f"order={order_id}" in address
    page.goto(address)
    frame = page.frame_locator("iframe")
    details = frame.locator("#details")
    expect(details).to_contain_text(order_id)
    [order] = [one for one in stack.ard.orders if one.id == order_id]
    tiles = order.checked.tiles
    expect(details).to_contain_text(f"{len(tiles)} in {len({tile.cell_id for tile in tiles})} cells")
    expect(details).to_contain_text(f"{QUICKSTART} · order")
    expect(frame.locator("#map .leaflet-tiles-pane canvas")).to_be_visible()


def test_the_address_of_an_order_survives_a_reload(page, run):
    _, order_id = run
    page.reload()
    expect(page.frame_locator("iframe").locator("#details")).to_contain_text(order_id)


def test_the_tasks_own_tab(stack, page, run):
    run_id, order_id = run
    task = f"{stack.airflow.url}/dags/{QUICKSTART}/runs/{run_id}/tasks"
    page.goto(f"{task}/order/plugin/ard-order")
    expect(page.frame_locator("iframe").locator("#details")).to_contain_text(order_id)
    page.goto(f"{task}/wait/plugin/ard-order")
    expect(page.frame_locator("iframe").locator("#title")).to_contain_text("This task has placed no order")


def test_a_link_of_the_page_leads_to_the_task(stack, page, run):
    _, order_id = run
    frame = orders_page(page, stack.airflow.url, f"/plugin/ard-orders?connection={CONNECTION}&order={order_id}")
    frame.locator("#details").get_by_role("link", name=f"{QUICKSTART} · order").click()
    page.wait_for_url(re.compile(f"/dags/{QUICKSTART}/runs/.*/tasks/order"))


def test_an_order_that_ends_is_seen_without_a_reload(stack, page, run):
    _, order_id = run
    frame = orders_page(page, stack.airflow.url)
    row = frame.locator(f"[data-id='{order_id}']")
    expect(row).to_contain_text("Running")
    stack.ard.wait_for_deliveries()
    stack.ard.finish_order(order_id)
    expect(row).to_contain_text("Succeeded")


def test_by_keyboard_alone(stack, page, run):
    _, order_id = run
    frame = orders_page(page, stack.airflow.url)
    frame.locator("[data-id][tabindex='0']").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(frame.locator("#details")).to_contain_text(order_id)
    page.keyboard.press("Escape")
    expect(frame.locator("#details")).to_be_hidden()


def test_filters_and_the_sum(stack, page, run):
    frame = orders_page(page, stack.airflow.url)
    frame.locator("#text").fill("no such order")
    expect(frame.locator("#empty")).to_contain_text("No order matches")
    expect(frame.locator("#sums")).to_contain_text("0 orders")
    frame.get_by_role("button", name="Clear filters").click()
    expect(frame.locator("#sums")).to_contain_text("1 order")


def test_light_and_dark_as_airflow_is(stack, page):
    frame = orders_page(page, stack.airflow.url)
    root = frame.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.evaluate("document.documentElement.classList.replace('light', 'dark')")
    expect(root).to_have_attribute("data-theme", "dark")


def test_a_login_that_is_refused_says_which_field_to_mend(stack, page):
    page.goto(f"{stack.airflow.url}/plugin/ard-orders?connection=ard_wrong")
    expect(page.frame_locator("iframe").locator("#problem")).to_contain_text("Mend: User name or Password.")


def test_the_anonymous_get_no_data_from_any_route(stack, run):
    run_id, order_id = run
    query = {"connection": CONNECTION, "order": order_id, "dag_id": QUICKSTART, "run_id": run_id}
    for path in ("connections", "orders", "order", "run"):
        answer = get(stack, f"/data/{path}", **query)
        assert answer.status_code == 401
        assert order_id not in answer.text
    assert CONNECTION not in get(stack, "/").text


def test_who_may_not_read_the_connection_sees_no_order(stack, run):
    run_id, order_id = run
    query = {"connection": CONNECTION, "order": order_id, "dag_id": QUICKSTART, "run_id": run_id}
    assert get(stack, "/data/connections", "viewer").json() == {"connections": []}
    for path in ("orders", "order", "run"):
        assert get(stack, f"/data/{path}", "viewer", **query).status_code == 403
    assert get(stack, "/data/order", "op", **query).status_code == 200
    assert set(get(stack, "/data/connections", "op").json()["connections"]) == {CONNECTION, "ard_wrong"}


def test_who_may_not_read_it_is_told_so_on_the_page(browser, stack):
    with window(browser, stack.airflow.url, "viewer", stack.passwords["viewer"]) as page:
        page.goto(f"{stack.airflow.url}/plugin/ard-orders")
        expect(page.frame_locator("iframe").locator("#empty")).to_contain_text("none that you may read")
