"""The UI in a real browser on a real Airflow: Connection form, quickstart, orders page.

The files run in the order of their names, and each test continues where the previous one ended.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from demo.standalone import REPOSITORY, USER, StandaloneAirflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox

QUICKSTART = "ard_order_to_tiles"
# Screenshots of the page at the end of each test.
SCREENSHOTS = REPOSITORY / "build" / "browser"
ORDER_COUNT = 500
CONNECTION = "ard_default"
# Of the Connection `ard_many`.
BUDGETS = [{"cost": 4_000, "per": "day"}, {"cost": 60_000, "per": "month"}]
TIMEOUT_MS = 60_000
# Counts the pixels of a canvas that are not transparent.
COUNT_OPAQUE_PIXELS = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
    .filter((value, at) => at % 4 === 3 && value > 0).length"""
BECOME_VISIBLE = "() => document.dispatchEvent(new Event('visibilitychange'))"


@dataclass(frozen=True)
class Stack:
    """The running servers, and the users' passwords."""

    airflow: StandaloneAirflow
    ard: Sandbox
    # Has ORDER_COUNT orders; Connection `ard_many`.
    many: Sandbox
    passwords: dict[str, str]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    from airflow_provider_ard.sandbox import Sandbox
    from demo.history import fill
    from demo.storage import S3Server

    folder = tmp_path_factory.mktemp("browser")
    (folder / "dags").mkdir()
    shutil.copy(REPOSITORY / "dags_examples" / f"{QUICKSTART}.py", folder / "dags")
    with (
        S3Server("ard-demo") as s3,
        Sandbox(order_duration="1d", storage="s3", s3_endpoint=s3.url, pixels=64) as ard,
        Sandbox(order_duration="400d") as many,
    ):
        fill(many, ORDER_COUNT)
        env = {
            # Tests add the Connection to the ARD API in the form.
            "AIRFLOW_CONN_AWS_DEFAULT": s3.connection_json,
            "AIRFLOW_CONN_ARD_MANY": json.dumps(json.loads(many.connection_json) | {"extra": {"budget": BUDGETS}}),
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,op:op,viewer:viewer",
        }
        with StandaloneAirflow(folder / "airflow", folder / "dags", env=env) as airflow:
            airflow.wait_for_dag(QUICKSTART)
            passwords = json.loads((airflow.home / "simple_auth_manager_passwords.json.generated").read_text())
            yield Stack(airflow, ard, many, passwords)


@pytest.fixture(scope="session", autouse=True)
def long_timeout():
    from playwright.sync_api import expect

    expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="session")
def run(stack):
    """Run the quickstart until its order is placed, and return the run ID and the order ID."""
    airflow = stack.airflow
    run_id = airflow.api.trigger(QUICKSTART)
    airflow.wait_for_task(QUICKSTART, run_id, "order", "success", 240)
    return run_id, airflow.api.xcom(QUICKSTART, run_id, "order")


@pytest.fixture(scope="session")
def browser():
    from demo.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def requested_urls():
    """Collect the URLs that the pages of these tests request."""
    return []


@pytest.fixture(scope="session")
def page(browser, stack, requested_urls):
    """Return a browser page logged in as the administrator."""
    from demo.browser import window

    with window(browser, stack.airflow.url, USER, stack.passwords[USER]) as page:
        page.context.on("request", lambda request: requested_urls.append(request.url))
        yield page


@pytest.fixture(scope="session")
def screenshots():
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    SCREENSHOTS.mkdir(parents=True)
    return SCREENSHOTS


@pytest.fixture(autouse=True)
def trace(request, page, screenshots):
    """Save a numbered screenshot at the end of each test, passed or not."""
    yield
    number = len(list(screenshots.iterdir())) + 1
    page.screenshot(path=screenshots / f"{number:02}-{request.node.name}.png")


@pytest.fixture(autouse=True)
def no_external_requests(page, requested_urls):
    """Fail if the page requests anything from another host."""
    yield
    assert {urlsplit(url).hostname for url in requested_urls if not url.startswith(("data:", "blob:"))} <= {"127.0.0.1"}
