"""Regenerate the screenshots of the documentation with a real Airflow: `make screenshots`."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_ard.sandbox import Sandbox
from demo.browser import add_connection, chromium, orders_page, press_test, window
from demo.history import DAGS, fill
from demo.standalone import REPOSITORY, USER, StandaloneAirflow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = REPOSITORY / "docs" / "images"
ORDERS = 400
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
                shoot(browser, airflow.url, airflow.password, ard)
    finally:
        shutil.rmtree(home)


def shoot(browser: Browser, url: str, password: str, ard: Sandbox) -> None:
    """Take all screenshots."""
    with window(browser, url, USER, password, size=(1280, 860)) as page:
        add_connection(page, url, "ard_default", ard)
        print(json.dumps({"test": press_test(page, "ard_default")}))
        page.get_by_text("Logged in as").first.wait_for()
        # The notification fades in, stays for some seconds, and would cover the form.
        page.wait_for_timeout(700)
        save(page, "connection-test")
        page.reload()
        page.get_by_role("row", name="ard_default").get_by_role("button", name="Edit").click()
        # Airflow opens one part of the form at a time, the standard fields first.
        for part, label in ("form", "API address"), ("extras", "Stored credentials"):
            if part == "extras":
                page.get_by_role("button", name="Extra Fields", exact=True).click()
            page.get_by_role("dialog").get_by_text(label, exact=True).wait_for()
            page.wait_for_timeout(1_000)
            save(page, f"connection-{part}")
    with window(browser, url, USER, password) as page:
        orders_and_one(page, url)


def orders_and_one(page: Page, url: str) -> None:
    """Take screenshots of the list of orders and of one order on the map."""
    frame = orders_page(page, url)
    frame.locator("#map canvas").first.wait_for()
    page.wait_for_timeout(3_000)
    save(page, "orders-light")
    frame.locator("[data-id]").nth(3).click()
    frame.get_by_text("Tiles").wait_for()
    page.wait_for_timeout(1_000)
    save(page, "order-light")


def save(page: Page, name: str) -> None:
    """Save a screenshot."""
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
