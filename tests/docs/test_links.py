"""Links have a target, and each feature in the comparison of the README links to its test."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import DOCUMENTS, README, REPOSITORY, headings, links, table

if TYPE_CHECKING:
    from pathlib import Path

    from markdown_it.token import Token


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_local_links_have_targets(path: Path) -> None:
    for link in links(path):
        if not link.is_local:
            continue
        assert link.file.exists(), link.address
        assert link.file.is_relative_to(REPOSITORY), link.address
        anchor = link.address.partition("#")[2]
        assert not anchor or anchor in headings(link.file), link.address


def test_tests_linked_in_the_readme_exist() -> None:
    test_links = [link for link in links(README) if link.file.is_relative_to(REPOSITORY / "tests")]
    assert test_links
    for link in test_links:
        defined = {
            node.name
            for node in ast.walk(ast.parse(link.file.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert link.title.startswith("test_"), f"{link.address}: the title must be the name of a test"
        assert link.title in defined, f"{link.address}: no {link.title}"


def test_compared_features_link_to_tests() -> None:
    header, *rows = table(README, "Compared")
    column = next(number for number, cell in enumerate(header) if text(cell) == "this provider")
    assert rows
    for row in rows:
        assert any(token.type == "link_open" for token in row[column]), f"{text(row[0])}: no test"


def text(cell: list[Token]) -> str:
    return "".join(token.content for token in cell)
