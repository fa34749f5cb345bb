"""Load time of the orders page with 5,000 orders: `python -m benchmarks.page` or `make bench-page`.

Chromium measures paint and requests, with an empty browser cache and with a filled one. The first request to an API
server reads the list of the ARD API, a hundred orders per request; later requests are served from memory.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_ard.sandbox import Sandbox
from demo.browser import chromium, window
from demo.history import fill
from demo.standalone import USER, StandaloneAirflow

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Request

ORDERS = 5_000
VISITS = ("first visit, server cache empty", "browser cache empty", "browser cache filled", "browser cache filled")


def main() -> None:
    """Start Airflow with a sandbox that holds many orders, and print the figures of each visit."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS
    home = Path(tempfile.mkdtemp(prefix="ard-page-"))
    try:
        (home / "dags").mkdir()
        with Sandbox(order_duration="400d") as ard, chromium() as browser:
            fill(ard, count)
            env = {"AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json}
            with StandaloneAirflow(home / "airflow", home / "dags", env=env) as airflow:
                with window(browser, airflow.url, USER, airflow.password) as page:
                    print(visit(page.context, airflow.url, count, VISITS[0]))
                with window(browser, airflow.url, USER, airflow.password) as page:
                    for label in VISITS[1:]:
                        print(visit(page.context, airflow.url, count, label))
    finally:
        shutil.rmtree(home)


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
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    data = [request for request in finished if "/data/orders" in request.url]
    data_bytes = sum(request.sizes()["responseBodySize"] for request in data)
    seconds = sum(request.timing["responseEnd"] for request in data) / 1000
    total = sum(max(0, request.sizes()["responseBodySize"]) for request in finished)
    page.close()
    return (
        f"{label:32} first paint {paint:.2f} s, first rows {rows:.2f} s, all {count:,} orders {everything:.2f} s; "
        f"data: {len(data)} requests, {seconds:.2f} s, {data_bytes:,} bytes; all files {total:,} bytes"
    )


if __name__ == "__main__":
    main()
