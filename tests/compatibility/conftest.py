"""STAC libraries read what the sandbox delivers, and a delivery in the form of public real items, with the same results.

Runs in a separate environment; the sandbox runs in the project's, whose Python `ARD_SANDBOX_PYTHON` names, and is reached
over HTTP. `make compatibility` sets both up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import real_form
from delivery import Delivery
from orders import order_tiles
from table import Outcomes, write_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "libraries.md"
FORMS = ("sandbox", "real form")
_PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_outcomes: Outcomes = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--table", type=Path, help="Markdown document whose table of results is updated")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    form = next((form for form in FORMS if f"[{form}]" in report.nodeid), None)
    if form is not None and (report.when == "call" or report.failed):
        path, _, test = report.nodeid.partition("::")
        key = Path(path).stem.removeprefix("test_"), form, test.partition("[")[0]
        _outcomes[key] = "no" if report.failed or _outcomes.get(key) == "no" else "yes"


def pytest_sessionfinish(session: pytest.Session) -> None:
    document = session.config.getoption("table")
    if document is not None:
        write_table(document, _outcomes)


@pytest.fixture(scope="session")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Delivery]:
    """The same tiles in both forms."""
    folder = tmp_path_factory.mktemp("deliveries")
    real_form.write_delivery(folder / "real")
    delivered = order_tiles(folder)
    return {form: Delivery(form, path) for form, path in zip(FORMS, (delivered, folder / "real"), strict=True)}


@pytest.fixture(scope="session", params=FORMS)
def delivery(request: pytest.FixtureRequest, deliveries: dict[str, Delivery]) -> Delivery:
    return deliveries[request.param]


@pytest.fixture
def same(request: pytest.FixtureRequest, delivery: Delivery) -> Callable[..., None]:
    """Return a function that compares what a library returns for one form with what it returned for the other."""
    observed: dict[tuple[str, str], Any] = request.config.__dict__.setdefault("observed", {})
    name = request.node.nodeid.partition("[")[0]

    def compare(*values: Any) -> None:
        observed[name, delivery.name] = values
        expected = observed.get((name, FORMS[0]), values)
        assert values == expected, f"{delivery.name} differs from {FORMS[0]}"

    return compare


@pytest.fixture(scope="session")
def documented() -> dict[str, Any]:
    """The functions in the code blocks of the document."""
    names: dict[str, Any] = {}
    for block in _PYTHON_BLOCK.findall(DOCUMENT.read_text()):
        exec(compile(block, DOCUMENT.name, "exec"), names)
    return names
