"""Fixtures and helpers for integration tests: an S3 server, waiting, and leftover processes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from demo.storage import S3Server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """Run an S3 server with the bucket that the example DAG delivers to."""
    from demo.storage import S3Server

    with S3Server("ard-demo") as server:
        yield server


def find_processes(sessions: set[int], mark: str) -> list[psutil.Process]:
    """Return the live processes of these sessions, and those with the value `mark` in their environment.

    The sessions are needed because a process that changes its title, as Airflow's do, overwrites its visible environment.
    """
    processes = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if os.getsid(process.pid) in sessions or mark in process.environ().values():
                processes.append(process)
        except (psutil.Error, ProcessLookupError):
            continue
    return processes


def wait_until(condition: Callable[[], object], within: float, what: str) -> None:
    """Wait until a condition is true; fail after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"condition not met within {within:g} s: {what}"
        time.sleep(0.2)
