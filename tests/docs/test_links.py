"""Links have a target, and each feature in the comparison has its test."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import DOCUMENTS, PAGES, REPOSITORY, headings, links, table

if TYPE_CHECKING:
    from pathlib import Path

    from markdown_it.token import Token

COMPARISON = REPOSITORY / "docs" / "comparison.md"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_local_links_have_targets(path: Path) -> None:
    for link in links(path):
        if not link.is_local:
            continue
        assert link.file.exists(), link.address
        assert link.file.is_relative_to(REPOSITORY), link.address
        anchor = link.address.partition("#")[2]
        assert not anchor or anchor in headings(link.file), link.address


def test_every_page_is_linked_from_the_first() -> None:
    first = REPOSITORY / "docs" / "index.md"
    assert set(PAGES) - {first, *(link.file for link in links(first))} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_in_the_text_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    commands = re.findall(r"`(?:[A-Z_]+=\S+ )*make ([^`]+)`", path.read_text())
    words = {word for command in commands for word in command.split() if "=" not in word and word[-1].isalpha()}
    assert words - targets == set()


def test_every_compared_feature_has_an_existing_test() -> None:
    _, *features = table(COMPARISON, "Features")
    _, *tests = table(COMPARISON, "Tests")
    assert [text(row[0]) for row in tests] == [text(row[0]) for row in features]
    for row in tests:
        path, _, name = text(row[1]).partition("::")
        defined = {
            node.name
            for node in ast.walk(ast.parse((REPOSITORY / path).read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name.startswith("test_")
        assert name in defined, f"{path}: no {name}"


def text(cell: list[Token]) -> str:
    return "".join(token.content for token in cell)
