"""Fixtures for fault tests, which run the real client against the sandbox with shortened times."""

from __future__ import annotations

import os

import pytest

from tests.unit.conftest import Store, Task, TaskInstance, context, store

# `make chaos` runs every case, `make chaos-short` and CI a selection.
FULL = os.environ.get("ARD_CHAOS") == "full"

__all__ = ["FULL", "Store", "Task", "TaskInstance", "context", "store"]


@pytest.fixture
def short_search_window(monkeypatch: pytest.MonkeyPatch) -> float:
    """Shorten the search window to the returned number of seconds, which exceeds the list's lag in these tests."""
    window = 9.0 if FULL else 2.5
    monkeypatch.setattr("airflow_provider_ard.ordering.existing_orders.SEARCH_WINDOW_S", window)
    return window
