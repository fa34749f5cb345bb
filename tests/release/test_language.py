"""The check of names and prose reports listed words only."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
WORDS = runpy.run_path(str(SCRIPTS / "check_language.py"))["WordList"](
    tomllib.loads((SCRIPTS / "language.toml").read_text())
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "found = search()\n"),
        ("a.py", "def take(given): ...\n"),
        ("a.py", "class MendedLedger: ...\n"),
        ("tests/a.py", "for given in values: ...\n"),
        ("tests/a.py", "def test_login_says_who_is_missing(): ...\n"),
        ("tests/a.py", "def test_an_expired_token_is_refreshed(): ...\n"),
        ("tests/a.py", f"def test_{'long_' * 14}(): ...\n"),
        ("a.py", "# Nobody is told.\n"),
        ("a.py", 'log.info(f"The wait goes on: {error}")\n'),
        ("a.py", '"""Look at the order."""\n'),
        ("a.js", "const told = fetch(url);\n"),
        ("a.js", "// Whoever looks\n"),
        ("a.js", "class Map { recolour() {} }\n"),
        ("a.js", "const fill = (panel, { chosen }) => panel;\n"),
        ("a.js", "this.shown = null;\n"),
        ("a.js", "const text = `${found} orders`;\n"),
        ("a.py", "def _search_singly(): ...\n"),
        ("a.py", "# Recolours the map.\n"),
        ("Makefile", "format:  ## Mend the code\n"),
        ("pyproject.toml", "# Airflow brings it along.\n"),
        ("mkdocs.yml", "site_description: Whoever orders\n"),
        ("a.html", "<p>Mend the login</p>\n"),
        ("a.md", "An outage is told once.\n"),
    ],
)
def test_word_is_reported_with_its_line(path, text):
    findings = WORDS.check(path, "\n" + text)
    assert findings
    assert {finding.line for finding in findings} == {2}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "orders = search()  # A retry re-attaches to the order.\n"),
        ("a.py", "lookup = {'place_order': 1}\n"),
        ("a.js", "const orders = await response.json();\n"),
        ("a.js", "library.shown = null; const url = 'https://example.com/mender';\n"),
        ("pyproject.toml", 'name = "lookup"\n'),
        ("a.md", "The sensor logs an outage once, see `told`.\n\n```python\nfound = 1\n```\n"),
        ("tests/unit/api/geo/test_grid.py", "from hypothesis import given\n"),
        ("tests/a.py", "def test_login_response_without_token_is_an_outage(): ...\n"),
    ],
)
def test_plain_words_are_not_reported(path, text):
    assert WORDS.check(path, text) == []
