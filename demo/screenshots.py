"""Regenerate the screenshots of the documentation with a real Airflow: `make screenshots`."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.sandbox import Sandbox
from demo.browser import add_connection, chromium, orders_page, press_test, window
from demo.history import DAGS, fill
from demo.standalone import REPOSITORY, USER, StandaloneAirflow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FrameLocator, Locator, Page

IMAGES = REPOSITORY / "docs" / "images"
ORDERS = 400
CONNECTION = "ard_default"
BUDGET = '[{"cost": 6000, "per": "day"}, {"cost": 120000, "per": "month"}]'
# The page shows only DAGs that exist.
DAG_FILE = """
from airflow.sdk import dag, task

for dag_id, task_id in {dags!r}:

    @dag(dag_id=dag_id, schedule=None)
    def made():
        @task(task_id=task_id)
        def order():
            pass

        order()

    made()
"""


def main() -> None:
    """Start Airflow and a sandbox with past orders, take the screenshots, stop."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="ard-screenshots-"))
    try:
        (home / "dags").mkdir()
        (home / "dags" / "orders.py").write_text(DAG_FILE.format(dags=[row[:2] for row in DAGS]))
        with Sandbox(order_duration="400d", limits={"annual": 250_000}) as ard, chromium() as browser:
            fill(ard, ORDERS)
            env = {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
            with StandaloneAirflow(home / "airflow", home / "dags", env=env) as airflow:
                for dag_id, *_ in DAGS:
                    airflow.wait_for_dag(dag_id)
                connection_form(browser, airflow, ard)
                orders_and_one(browser, airflow)
                task_tab(browser, airflow, ard)
                phone(browser, airflow)
    finally:
        shutil.rmtree(home)


def connection_form(browser: Browser, airflow: StandaloneAirflow, ard: Sandbox) -> None:
    """Take screenshots of the form of a Connection and of its test."""
    url = airflow.url
    with window(browser, url, USER, airflow.password, size=(1280, 860)) as page:
        add_connection(page, url, CONNECTION, ard, extras={"budget": BUDGET})
        print(json.dumps({"test": press_test(page, CONNECTION)}))
        page.get_by_text("Logged in as").first.wait_for()
        # The notification fades in, stays for some seconds, and would cover the form.
        page.wait_for_timeout(700)
        save(page, "connection-test")
    # All extras are visible.
    with window(browser, url, USER, airflow.password, size=(1280, 2200)) as page:
        page.goto(f"{url}/connections")
        page.get_by_role("row", name=CONNECTION).get_by_role("button", name="Edit").click()
        # Airflow opens one part of the form at a time, the standard fields first.
        for part, label in ("form", "API address"), ("extras", "Stored credentials"):
            if part == "extras":
                page.get_by_role("button", name="Extra Fields", exact=True).click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_text(label, exact=True).wait_for()
            page.wait_for_timeout(1_000)
            save(dialog, f"connection-{part}")


def orders_and_one(browser: Browser, airflow: StandaloneAirflow) -> None:
    """Take screenshots of the list of orders, light and dark, and of one order on the map."""
    for theme in "light", "dark":
        with window(browser, airflow.url, USER, airflow.password, theme=theme) as page:
            frame = orders_page(page, airflow.url)
            frame.locator("#map canvas").first.wait_for()
            page.wait_for_timeout(3_000)
            save(page, f"orders-{theme}")
            if theme == "light":
                select(page, frame)
                save(page, "order-light")


def task_tab(browser: Browser, airflow: StandaloneAirflow, ard: Sandbox) -> None:
    """Place an order in the name of a task, and take a screenshot of the task's tab."""
    dag_id, task_id, *_ = DAGS[0]
    run_id = airflow.api.trigger(dag_id)
    airflow.wait_for_task(dag_id, run_id, task_id, "success", 120)
    name = next(iter(ard.acquisitions))
    request = OrderRequest.of(acquisitions={name: sorted(ard.cells(name))[:6]}, destination=f"s3://ard-demo/{dag_id}")
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        client.submit_order(IdempotencyKey(dag_id, task_id, run_id).tag(request))
    with window(browser, airflow.url, USER, airflow.password) as page:
        page.goto(f"{airflow.url}/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/plugin/ard-order")
        page.frame_locator("iframe").locator(".quicklooks img").nth(5).wait_for()
        page.wait_for_timeout(1_000)
        save(page, "task-light")


def phone(browser: Browser, airflow: StandaloneAirflow) -> None:
    """Take a screenshot of the page on a phone."""
    with window(browser, airflow.url, USER, airflow.password, size=(390, 844), theme="dark") as page:
        # Without Airflow's menu, which takes half of the width.
        page.goto(f"{airflow.url}/ard-orders/")
        page.locator("#map canvas").first.wait_for()
        page.wait_for_timeout(2_000)
        save(page, "orders-phone")


def select(page: Page, frame: FrameLocator) -> None:
    """Select an order, and wait for its quicklooks."""
    frame.locator("[data-id]").nth(3).click()
    frame.locator(".quicklooks img").first.wait_for()
    page.wait_for_timeout(2_000)


def save(view: Page | Locator, name: str) -> None:
    """Save a screenshot of a page or of a part of it."""
    view.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
