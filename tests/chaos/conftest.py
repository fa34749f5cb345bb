"""Faults on purpose. The sandbox and the client are real; only time is helped along."""

from __future__ import annotations

import os

import pytest

from tests.unit.conftest import Store, Task, TaskInstance, context, store

# `make chaos` runs everything; CI a short version of each.
FULL = os.environ.get("ARD_CHAOS") == "full"

__all__ = ["FULL", "Store", "Task", "TaskInstance", "context", "store"]


@pytest.fixture
def short_window(monkeypatch: pytest.MonkeyPatch) -> float:
    """A look-up window that a test can afford, seconds; it is longer than the lags of the list."""
    window = 9.0 if FULL else 2.5
    monkeypatch.setattr("airflow_provider_ard.ordering.existing_orders.SEARCH_WINDOW_S", window)
    return window
