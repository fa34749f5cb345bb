"""Links have a target, and each feature in the comparison of the README has its test."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import DOCUMENTS, README, REPOSITORY, headings, links, table

if TYPE_CHECKING:
    from pathlib import Path

    from markdown_it.token import Token


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_local_links_lead_to_a_file_and_a_heading_of_it(path: Path) -> None:
    for link in links(path):
        if not link.is_local:
            continue
        assert link.file.exists(), link.address
        assert link.file.is_relative_to(REPOSITORY), link.address
        anchor = link.address.partition("#")[2]
        assert not anchor or anchor in headings(link.file), link.address


def test_each_test_that_the_readme_names_exists() -> None:
    named = [link for link in links(README) if link.file.is_relative_to(REPOSITORY / "tests")]
    assert named
    for link in named:
        defined = {
            node.name
            for node in ast.walk(ast.parse(link.file.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert link.title.startswith("test_"), f"{link.address}: the title is to name the test"
        assert link.title in defined, f"{link.address}: no {link.title}"


def test_each_tick_of_this_provider_has_its_test() -> None:
    header, *rows = table(README, "Compared")
    ours = next(number for number, cell in enumerate(header) if text(cell) == "this provider")
    assert rows
    for row in rows:
        assert any(token.type == "link_open" for token in row[ours]), f"{text(row[0])}: no test"


def text(cell: list[Token]) -> str:
    return "".join(token.content for token in cell)
