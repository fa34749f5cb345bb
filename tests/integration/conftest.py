"""A real S3 server, and ways to find processes that should be gone."""

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
    """An S3 server with the bucket that the example DAG delivers to."""
    from demo.storage import S3Server

    with S3Server("ard-demo") as server:
        yield server


def processes_of(sessions: set[int], mark: str) -> list[psutil.Process]:
    """Return the live processes of some sessions, and those that have inherited an environment with `mark` in it.

    A process that changes its title, as Airflow's do, overwrites the environment that can be seen from outside.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if os.getsid(process.pid) in sessions or mark in process.environ().values():
                found.append(process)
        except (psutil.Error, ProcessLookupError):
            continue
    return found


def wait_until(holds: Callable[[], object], within: float, what: str) -> None:
    """Return as soon as something holds; fail if it does not in so many seconds."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not so within {within:g} s: {what}"
        time.sleep(0.2)
