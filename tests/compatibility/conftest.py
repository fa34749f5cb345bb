"""STAC libraries read what the sandbox delivers, and a delivery in the form of public real items, with the same results.

Runs in a separate environment; the sandbox runs in the project's, whose Python `ARD_SANDBOX_PYTHON` names, and is reached
over HTTP. `make compatibility` sets both up.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import real_form
import requests
from delivery import Delivery
from table import Outcomes, write_table
from tiles import GE01, WV01, WV02, catalog

DOCUMENT = Path(__file__).parents[2] / "docs" / "libraries.md"
FORMS = ("sandbox", "real form")
ORDER_SECONDS = 60
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


def order_tiles(folder: Path) -> Path:
    """Order the tiles from a sandbox; return the delivered folder."""
    catalog_path = folder / "catalog.geojson"
    catalog_path.write_text(json.dumps(catalog()))
    command = [os.environ["ARD_SANDBOX_PYTHON"], "-m", "airflow_provider_ard.sandbox", "--port", "0"]
    command += ["--order-duration", "0s", "--pixels", "512", "--catalog", str(catalog_path)]
    with running([*command, "--storage", str(folder / "storage")]) as connection, requests.Session() as api:
        url = f"{connection['url']}/api/v1"
        fields = {"grant_type": "password", "username": connection["login"], "password": connection["password"]}
        token = api.post(f"{url}/auth/authenticate", data=fields, timeout=9).json()["access_token"]
        api.headers["Authorization"] = f"Bearer {token}"
        body = {
            "acquisitions": [{"id": acquisition.id, "cells": []} for acquisition in (WV02, WV01, GE01)],
            "output_config": {"bucket": "bucket", "prefix": "prefix"},
        }
        order = api.post(f"{url}/order/", json=body, timeout=60).json()
        end = time.monotonic() + ORDER_SECONDS
        while (status := api.get(f"{url}/order/status/{order['id']}", timeout=9).json()["status"]) == "RUNNING":
            assert time.monotonic() < end, "the order did not finish"
            time.sleep(0.2)
        assert status == "SUCCEEDED"
    return folder / "storage" / "bucket" / "prefix"


@contextmanager
def running(command: list[str]) -> Iterator[dict[str, Any]]:
    """Run a sandbox; yield the line that it prints on start."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)
