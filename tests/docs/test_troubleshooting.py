"""Each text that the pages about troubleshooting and monitoring quote is a text of the code."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.markdown import REPOSITORY, names_in_tables

DOCS = REPOSITORY / "docs"
TABLES = {
    "troubleshooting.md": ("Connection and login", "Ordering", "Waiting", "Delivery"),
    "monitoring.md": ("Log lines",),
}
PACKAGE = REPOSITORY / "airflow_provider_ard"
QUOTED = sorted(
    {
        text
        for page, headings in TABLES.items()
        for heading in headings
        for text in names_in_tables(DOCS / page, heading)
    }
)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Return all strings of the code; values that are inserted into one are a space."""
    strings = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else " " for part in node.values]
                strings.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.append(re.sub(r"%\S", " ", node.value))
    return strings


@pytest.mark.parametrize("quoted", QUOTED)
def test_quoted_text_is_in_the_code(quoted: str, texts: list[str]) -> None:
    parts = [part.strip() for part in quoted.split("…") if part.strip()]
    assert parts
    assert any(all(part in text for part in parts) for text in texts)
