"""The sandbox's status page."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.timeout(600)

PHONE = {"width": 390, "height": 844}


def test_status_page_fits_a_phone(stack, page):
    size = page.viewport_size
    page.set_viewport_size(PHONE)
    page.goto(stack.many.url)
    page.locator("#orders tr").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    # The map of the selected order is drawn at this width.
    assert page.locator("#map").bounding_box()["width"] <= PHONE["width"]
    page.set_viewport_size(size)
