"""Airflow's UI in Debian's Chromium: for the browser tests, the screenshots and the page's benchmark."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, FrameLocator, Locator, Page

    from airflow_provider_ard.sandbox import Sandbox

# Timeout of one step on a slow machine, milliseconds.
STEP_TIMEOUT_MS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser. Raises FileNotFoundError if Chromium is not installed."""
    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        # As root, for example in CI, Chromium starts only without its sandbox.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(
    browser: Browser,
    url: str,
    user: str,
    password: str,
    *,
    size: tuple[int, int] = (1440, 900),
    theme: str = "light",
) -> Iterator[Page]:
    """Yield a page that is logged in to the Airflow at `url`; `size`: width and height in pixels."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="light",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(STEP_TIMEOUT_MS)
    try:
        page = context.new_page()
        page.goto(f"{url}/")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda current_url: "/login" not in current_url)
        page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        yield page
    finally:
        context.close()


def orders_page(page: Page, url: str, path: str = "/plugin/ard-orders") -> FrameLocator:
    """Open the orders page in Airflow's UI, wait for its orders, and return its frame."""
    page.goto(f"{url}{path}")
    frame = page.frame_locator("iframe")
    frame.locator("#rows [data-id]").first.wait_for()
    return frame


def add_connection(
    page: Page, url: str, conn_id: str, ard: Sandbox, *, extras: Mapping[str, str] | None = None, **other: str
) -> None:
    """Add a Connection to a sandbox in the form; `extras` and `other`: values of further fields."""
    form = new_connection(page, url, conn_id)
    host, _, port = ard.url.rpartition(":")
    values = {"host": host, "port": port, "login": ard.login, "password": ard.password} | other
    for name, value in values.items():
        form.locator(f"input[name={name}]").fill(value)
    if extras:
        form.get_by_role("button", name="Extra Fields", exact=True).click()
        for name, value in extras.items():
            form.locator(f"[name=element_{name}]").fill(value)
    form.get_by_role("button", name="Save").click()
    form.wait_for(state="hidden")


def new_connection(page: Page, url: str, conn_id: str) -> Locator:
    """Open the form of a new Connection of this provider's type."""
    page.goto(f"{url}/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill(conn_id)
    form.get_by_role("combobox").first.fill("Maxar ARD")
    page.keyboard.press("Enter")
    return form


def press_test(page: Page, conn_id: str) -> str:
    """Press the Test button of a Connection in the list, and return the message of Airflow's response."""
    button = page.get_by_role("row", name=conn_id).get_by_role("button", name="Test")
    with page.expect_response(lambda candidate: candidate.url.endswith("/connections/test")) as response:
        button.click()
    return str(response.value.json().get("message") or response.value.text())
