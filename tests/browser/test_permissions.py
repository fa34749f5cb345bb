"""Access without a login, and without permission to read the Connection."""

from __future__ import annotations

import pytest
import requests
from playwright.sync_api import expect

from demo.browser import window
from tests.browser.conftest import BECOME_VISIBLE, CONNECTION, QUICKSTART

pytestmark = pytest.mark.timeout(600)


def get(stack, path, user=None, **query):
    """Request data from the page's server as a user, or without a login."""
    headers = {}
    if user:
        login = {"username": user, "password": stack.passwords[user]}
        token = requests.post(f"{stack.airflow.url}/auth/token", json=login, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{stack.airflow.url}/ard-orders{path}", params=query, headers=headers, timeout=30)


def test_rejected_login_names_the_field_to_check(stack, page):
    page.goto(f"{stack.airflow.url}/plugin/ard-orders?connection=ard_wrong")
    expect(page.frame_locator("iframe").locator("#problem")).to_contain_text("Check: User name or Password.")


def test_data_routes_require_a_login(stack, run):
    run_id, order_id = run
    query = {"connection": CONNECTION, "order": order_id, "dag_id": QUICKSTART, "run_id": run_id}
    for path in ("connections", "orders", "order", "run", "quicklook"):
        response = get(stack, f"/data/{path}", **query)
        assert response.status_code == 401
        assert order_id not in response.text
    assert CONNECTION not in get(stack, "/").text


def test_orders_require_permission_to_read_the_connection(stack, run):
    run_id, order_id = run
    query = {"connection": CONNECTION, "order": order_id, "dag_id": QUICKSTART, "run_id": run_id, "task_id": "order"}
    query |= {"acquisition": "1040010060C9AD00", "cell": "Z13-031131111333"}
    assert get(stack, "/data/connections", "viewer").json() == {"connections": []}
    for path in ("orders", "order", "run", "quicklook"):
        assert get(stack, f"/data/{path}", "viewer", **query).status_code == 403
    assert get(stack, "/data/order", "op", **query).status_code == 200
    assert set(get(stack, "/data/connections", "op").json()["connections"]) == {CONNECTION, "ard_wrong", "ard_many"}


def test_missing_permission_is_shown_on_the_page(browser, stack):
    with window(browser, stack.airflow.url, "viewer", stack.passwords["viewer"]) as page:
        page.goto(f"{stack.airflow.url}/plugin/ard-orders")
        frame = page.frame_locator("iframe")
        expect(frame.locator("#empty")).to_contain_text("you do not have permission to read it")
        frame.locator("html").evaluate(BECOME_VISIBLE)
        page.wait_for_timeout(500)
        expect(frame.locator("#problem")).to_be_hidden()
