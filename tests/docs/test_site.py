"""The documentation site, built by `make docs`: it loads nothing from other hosts, and has all of the public API."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from mkdocs.config import load_config

from tests.docs.markdown import PAGES, REPOSITORY
from tests.release.public_api import SNAPSHOT

if TYPE_CHECKING:
    from pathlib import Path

SITE = REPOSITORY / "site"
# Attributes whose targets a browser loads without a click.
RESOURCES = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class ResourceParser(HTMLParser):
    """Collects the addresses of the resources of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in RESOURCES:
            self.addresses += [value for name, value in attrs if name == RESOURCES[tag] and value]


@pytest.mark.parametrize("page", [page.stem for page in PAGES])
def test_pages_load_no_external_resources(page: str) -> None:
    parser = ResourceParser()
    parser.feed((SITE / f"{page}.html").read_text())
    assert parser.addresses
    assert [address for address in parser.addresses if "//" in address] == []


def test_styles_load_no_external_resources() -> None:
    styles = [style.read_text() for style in SITE.rglob("*.css")]
    assert styles
    assert not any(re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style) for style in styles)


def test_reference_has_every_public_name() -> None:
    anchors = set(re.findall(r'id="(airflow_provider_ard[\w.]*)"', (SITE / "python.html").read_text()))
    module, expected = "", set()
    for line in SNAPSHOT.read_text().splitlines():
        name = re.match(r"  (?:class |(?:async )?def )(\w+)", line)
        if not line.startswith(" "):
            module = line.removesuffix(".__init__")
            expected.add(module)
        elif name:
            expected.add(f"{module}.{name[1]}")
    assert expected - anchors == set()


def test_pages_link_to_the_repository(tmp_path: Path) -> None:
    source = "https://git.example/ard"
    for name in ("docs", "scripts", "airflow_provider_ard", "mkdocs.yml"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    project = (REPOSITORY / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(project.replace("[project.urls]", f'[project.urls]\nSource = "{source}"'))
    config = load_config(str(tmp_path / "mkdocs.yml"))
    assert [link["link"] for link in config.plugins.on_config(config)["extra"]["social"]] == [source]
