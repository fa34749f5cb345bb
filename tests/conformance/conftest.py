"""The real SDK against the sandbox, over TLS and a real S3 server. Runs in a separate environment with max-ard.

The sandbox and the S3 server run in the project's environment, whose Python `ARD_SANDBOX_PYTHON` names; the two sides share
nothing but HTTP. `make conformance` sets both up.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests

PYTHON = os.environ["ARD_SANDBOX_PYTHON"]
BUCKET = "conformance"
# The JSON that the sandbox prints on start: URL, login and some acquisitions.
CONNECTION: pytest.StashKey[dict[str, Any]] = pytest.StashKey()
S3_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def process(*command: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program of the project's environment and terminate it."""
    running = subprocess.Popen(
        [PYTHON, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **env}
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


@contextmanager
def s3_server() -> Iterator[str]:
    """Run moto's S3 server with one bucket; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with process("-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)):
        end = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < end, "the S3 server did not start"
            time.sleep(0.1)
        url = f"http://127.0.0.1:{port}"
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
        yield url


# The SDK reads its address on import, and test modules import it, so the servers start before collection.
def pytest_sessionstart(session: pytest.Session) -> None:
    from contextlib import ExitStack

    os.environ.update(S3_KEYS)
    session.servers = ExitStack()  # type: ignore[attr-defined]
    s3 = session.servers.enter_context(s3_server())  # type: ignore[attr-defined]
    command = ["-m", "airflow_provider_ard.sandbox", "--port", "0", "--tls", "--order-duration", "0.5s"]
    command += ["--select-duration", "0.3s"]
    sandbox = session.servers.enter_context(  # type: ignore[attr-defined]
        process(*command, "--pixels", "128", "--storage", "s3", "--s3-endpoint", s3)
    )
    connection = json.loads(sandbox.stdout.readline())
    home = session.servers.enter_context(tempfile.TemporaryDirectory(prefix="ard-conformance-"))  # type: ignore[attr-defined]
    session.config.stash[CONNECTION] = connection
    os.environ.update(
        HOME=home,
        MAXAR_ARD_HOSTNAME=f"localhost:{urlsplit(connection['url']).port}/api/v1",
        REQUESTS_CA_BUNDLE=connection["ca_file"],
        ARD_USERNAME=connection["login"],
        ARD_PASSWORD=connection["password"],
        AWS_ENDPOINT_URL=s3,
        # The same settings for GDAL.
        AWS_S3_ENDPOINT=s3.removeprefix("http://"),
        AWS_HTTPS="NO",
        AWS_VIRTUAL_HOSTING="FALSE",
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.servers.close()  # type: ignore[attr-defined]


@pytest.fixture
def acquisitions(request: pytest.FixtureRequest) -> list[str]:
    """Return some acquisitions of the sandbox's catalog."""
    return request.config.stash[CONNECTION]["acquisitions"]


@pytest.fixture
def login(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return user name and password."""
    return request.config.stash[CONNECTION]["login"], request.config.stash[CONNECTION]["password"]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Use an empty home directory for the SDK's config file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Control]:
    """The control API of the sandbox; fault rules are removed after the test."""
    connection = request.config.stash[CONNECTION]
    with Control(connection["url"], connection["ca_file"]) as control:
        yield control
        control.call("DELETE", "/faults")


class Control(requests.Session):
    """Client of the sandbox's control API."""

    def __init__(self, url: str, ca_file: str) -> None:
        super().__init__()
        self.url = url
        self.verify = ca_file

    def call(self, method: str, path: str, **document: Any) -> Any:
        """Send a request to the control API and return its response."""
        response = self.request(method, f"{self.url}/sandbox{path}", json=document or None, timeout=20)
        response.raise_for_status()
        return response.json() if response.content else None

    def fault(self, kind: str, endpoint: str, **options: Any) -> None:
        """Add a fault rule that fires once."""
        self.call("POST", "/faults", kind=kind, endpoint=endpoint, times=1, **options)


@pytest.fixture(scope="session")
def wait() -> Callable[[Any], Any]:
    """Return a function that waits for the end of an order and returns it."""

    def wait_for_end(order: Any) -> Any:
        end = time.monotonic() + 60
        while order.running:
            assert time.monotonic() < end, order.status
            time.sleep(0.1)
        return order

    return wait_for_end
