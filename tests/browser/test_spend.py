"""Spend over time on the orders page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TIMEOUT_MS

pytestmark = pytest.mark.timeout(600)

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def spend(stack, page):
    page.goto(f"{stack.airflow.url}/ard-orders/?connection=ard_many")
    page.locator("#spend .bar").first.wait_for(timeout=TIMEOUT_MS)
    return page.locator("#spend")


def total(text):
    return float(text.replace(",", ""))


def test_bars_and_table_have_the_total_of_the_list(page, spend):
    spend.get_by_text("As a table").click()
    cost = total(page.locator("#sums b").nth(2).text_content())
    for unit in "Day", "Month":
        spend.get_by_role("button", name=unit).click()
        totals = [total(cell) for cell in spend.locator("tbody td:last-child").all_text_contents()]
        assert sum(totals) == pytest.approx(cost, abs=1)
        labels = [bar.get_attribute("aria-label") for bar in spend.locator(".bar").all()]
        bars = [total(re.search(r": ([\d,.]+)", label)[1]) for label in labels]
        assert sum(bars) == pytest.approx(cost, abs=1)
        expect(spend.locator("line.budget")).to_have_count(1)
    expect(spend.locator(".legend")).to_contain_text("Budget: 60,000.00 per month")


def test_bars_are_reached_with_the_keyboard(page, spend):
    spend.get_by_role("button", name="Day").focus()
    spend.get_by_role("button", name="Day").click()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    last, readout = spend.locator(".bar").last, spend.locator(".readout")
    expect(last).to_be_focused()
    expect(readout).to_have_text(last.get_attribute("aria-label"))
    page.keyboard.press("ArrowLeft")
    expect(readout).to_have_text(spend.locator(".bar").nth(-2).get_attribute("aria-label"))
    page.keyboard.press("Home")
    expect(spend.locator(".bar").first).to_be_focused()


def test_page_fits_a_phone(page, spend):
    size = page.viewport_size
    page.set_viewport_size(PHONE)
    expect(spend.locator(f"svg[width='{PHONE['width'] - 28}']")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.set_viewport_size(size)
