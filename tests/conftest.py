"""What all tests share. Airflow's home is set before anything imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

# Workers of xdist inherit this environment, and each needs a metadata database of its own.
if "PYTEST_XDIST_WORKER" in os.environ or "AIRFLOW_HOME" not in os.environ:
    _home = os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="ard-tests-")
    # The first to register is the last to be called: Airflow closes its database before.
    atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.sandbox import Sandbox


@pytest.fixture
def ard() -> Iterator[Sandbox]:
    """A sandbox whose orders never end by themselves and deliver nothing."""
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d") as sandbox:
        yield sandbox


@pytest.fixture
def client(ard: Sandbox, impatient: None) -> Iterator[ArdClient]:
    """A client that is logged in to the sandbox."""
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.http.auth import Login

    with ArdClient(Login(ard.login, ard.password), host=ard.url, timeout=5) as client:
        yield client


@pytest.fixture
def ard_connection(ard: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an Airflow Connection to the sandbox."""
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    return "ard_default"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let retries wait for no time; return the pauses that they would have made, in seconds."""
    from tenacity import nap

    pauses: list[float] = []
    monkeypatch.setattr(nap.time, "sleep", pauses.append)
    return pauses


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """Return a function that waits until something holds, for half a minute at most."""

    def wait(holds: Callable[[], object], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"did not come about within {seconds:g} s"
            time.sleep(0.05)

    return wait
