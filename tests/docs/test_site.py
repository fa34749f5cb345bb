"""The documentation as a site asks nothing of other hosts. `make docs` builds it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.docs.markdown import PAGES, REPOSITORY

SITE = REPOSITORY / "site"
# What a browser fetches by itself, other than a link that somebody follows.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Fetched(HTMLParser):
    """Gathers the addresses that a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in FETCHED:
            self.addresses += [value for name, value in attrs if name == FETCHED[tag] and value]


@pytest.mark.parametrize("page", [page.stem for page in PAGES])
def test_a_page_loads_from_its_own_host_alone(page: str) -> None:
    fetched = Fetched()
    fetched.feed((SITE / f"{page}.html").read_text())
    assert fetched.addresses
    assert [address for address in fetched.addresses if "//" in address] == []


def test_styles_load_nothing_from_elsewhere() -> None:
    styles = [style.read_text() for style in SITE.rglob("*.css")]
    assert styles
    assert not any(re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style) for style in styles)
