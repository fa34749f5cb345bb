"""Load time of the orders page with 5,000 orders: `python -m benchmarks.page` or `make bench-page`.

Chromium measures paint and requests, with an empty browser cache and with a filled one. The first request to an API
server reads the list of the ARD API, a hundred orders per request; later requests are served from memory.

For comparison: the list of the ARD API is read by the client alone, and the same browser opens Airflow's own list of
DAGs, which has one DAG, with a filled cache.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.sandbox import Sandbox
from demo.browser import chromium, window
from demo.history import fill
from demo.standalone import USER, StandaloneAirflow

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Request

ORDERS = 5_000
DAG_ID = "nothing"
VISITS = ("first visit, server cache empty", "browser cache empty", "browser cache filled", "browser cache filled")


def main() -> None:
    """Start Airflow with a sandbox that holds many orders, and print the figures of each visit."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS
    home = Path(tempfile.mkdtemp(prefix="ard-page-"))
    try:
        (home / "dags").mkdir()
        (home / "dags" / f"{DAG_ID}.py").write_text(
            f"from airflow.sdk import DAG\n\ndag = DAG({DAG_ID!r}, schedule=None)\n"
        )
        with Sandbox(order_duration="400d") as ard, chromium() as browser:
            fill(ard, count)
            env = {"AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json}
            with StandaloneAirflow(home / "airflow", home / "dags", env=env) as airflow:
                airflow.wait_for_dag(DAG_ID)
                with window(browser, airflow.url, USER, airflow.password) as page:
                    print(read_list(ard))
                    print(visit(page.context, airflow.url, count, VISITS[0]))
                with window(browser, airflow.url, USER, airflow.password) as page:
                    for label in VISITS[1:]:
                        print(visit(page.context, airflow.url, count, label))
                    for _ in range(2):
                        print(visit_dags(page.context, airflow.url))
    finally:
        shutil.rmtree(home)


def read_list(ard: Sandbox) -> str:
    """Read the list of orders with the client, and return the time as a line of text."""
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        client.whoami()
        start = time.perf_counter()
        orders = sum(len(page) for page in client.order_pages())
        return f"{'the client alone':32} all {orders:,} orders {time.perf_counter() - start:.2f} s"


def visit(context: BrowserContext, url: str, count: int, label: str) -> str:
    """Open the page, wait for all orders, and return the figures as a line of text."""
    finished: list[Request] = []
    page = context.new_page()
    page.on("requestfinished", lambda request: finished.append(request))  # noqa: PLW0108 -- playwright sets attributes on the handler
    start = time.perf_counter()
    page.goto(f"{url}/ard-orders/")
    page.locator("#rows [data-id]").first.wait_for()
    rows = time.perf_counter() - start
    page.locator("#sums b", has_text=f"{count:,}").first.wait_for()
    everything = time.perf_counter() - start
    page.locator("#map canvas").first.wait_for()
    paint = first_paint(page)
    data = [request for request in finished if "/data/orders" in request.url]
    data_bytes = sum(request.sizes()["responseBodySize"] for request in data)
    seconds = sum(request.timing["responseEnd"] for request in data) / 1000
    total = sum(max(0, request.sizes()["responseBodySize"]) for request in finished)
    page.close()
    return (
        f"{label:32} first paint {paint:.2f} s, first rows {rows:.2f} s, all {count:,} orders {everything:.2f} s; "
        f"data: {len(data)} requests, {seconds:.2f} s, {data_bytes:,} bytes; all files {total:,} bytes"
    )


def visit_dags(context: BrowserContext, url: str) -> str:
    """Open Airflow's list of DAGs, and return the figures as a line of text."""
    page = context.new_page()
    start = time.perf_counter()
    page.goto(f"{url}/dags")
    page.get_by_role("link", name=DAG_ID).first.wait_for()
    everything = time.perf_counter() - start
    paint = first_paint(page)
    page.close()
    return f"{'list of DAGs of Airflow':32} first paint {paint:.2f} s, shown {everything:.2f} s"


def first_paint(page: Page) -> float:
    """Return the time from the start of the navigation to the first content, in seconds."""
    milliseconds = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return float(milliseconds) / 1000


if __name__ == "__main__":
    main()
