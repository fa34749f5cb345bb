"""Fixtures for all tests. Sets `AIRFLOW_HOME` before anything imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

# xdist workers inherit this environment, but each needs a separate metadata database.
if "PYTEST_XDIST_WORKER" in os.environ or "AIRFLOW_HOME" not in os.environ:
    _home = os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="ard-tests-")
    # atexit runs in reverse order, so Airflow closes its database before the directory is removed.
    atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.sandbox import Sandbox


@pytest.fixture
def ard() -> Iterator[Sandbox]:
    """Run a sandbox whose orders stay RUNNING until a test finishes them, and deliver nothing."""
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d") as sandbox:
        yield sandbox


@pytest.fixture
def client(ard: Sandbox, retry_pauses: None) -> Iterator[ArdClient]:
    """Return a client of the sandbox."""
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.http.auth import Login

    with ArdClient(Login(ard.login, ard.password), host=ard.url, timeout=5) as client:
        yield client


@pytest.fixture
def ard_connection(ard: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the ID of an Airflow Connection to the sandbox."""
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    return "ard_default"


@pytest.fixture
def retry_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip the pauses between retries and return their lengths in seconds."""
    from tenacity import nap

    pauses: list[float] = []
    monkeypatch.setattr(nap.time, "sleep", pauses.append)
    return pauses


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """Return a function that polls a condition until it is true, for at most `seconds`."""

    def wait(condition: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"condition not met within {seconds:g} s"
            time.sleep(0.05)

    return wait
