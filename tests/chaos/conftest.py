"""Faults on purpose. The sandbox and the client are real; only time is helped along."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.unit.conftest import Store, Task, TaskInstance, context, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox

__all__ = ["Store", "Task", "TaskInstance", "context", "lagging_list", "store"]


@contextmanager
def lagging_list(ard: Sandbox, seconds: float) -> Iterator[None]:
    """Let the list of orders show nothing for some seconds from its next look after an order on."""
    rule = ard.faults.add("GET /order", kind="empty_page")
    timer = threading.Timer(seconds, ard.faults.remove, (rule,))
    timer.start()
    try:
        yield
    finally:
        timer.join()


@pytest.fixture
def short_window(monkeypatch: pytest.MonkeyPatch) -> float:
    """A look-up window that a test can afford, seconds. The lags in tests are shorter, as real ones must be than 30 s."""
    monkeypatch.setattr("airflow_provider_ard.api.placement.LOOK_UP_WINDOW_S", 4.0)
    return 4.0
