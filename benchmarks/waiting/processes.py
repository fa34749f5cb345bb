"""The server and the environment of a measurement; each has a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.waiting.contenders import CONN_ID, CONTENDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def server(orders: int = 0) -> Iterator[tuple[str, int]]:
    """Run a server with this many running orders; yield its host and port."""
    command = [sys.executable, "-m", "benchmarks.waiting.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdin
        assert process.stdout
        try:
            address = process.stdout.readline().strip()
            host, _, port = address.removeprefix("http://").partition(":")
            if orders:
                with urllib.request.urlopen(f"{address}/bench/reset?orders={orders}", timeout=60):
                    pass
            yield host, int(port)
        finally:
            process.stdin.close()


@contextlib.contextmanager
def environment(contender: str, host: str, port: int) -> Iterator[dict[str, str]]:
    """Yield environment variables for a process that waits: its Connection, and an Airflow home until the end."""
    with tempfile.TemporaryDirectory() as home:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        yield inherited | {
            "HOME": home,
            "NO_PROXY": host,
            "AIRFLOW_HOME": home,
            "AIRFLOW__SECRETS__BACKEND": "benchmarks.waiting.secrets.CountingSecrets",
            "WAITING_CONNECTIONS": json.dumps({CONN_ID: CONTENDERS[contender].connection(host, port)}),
        }
