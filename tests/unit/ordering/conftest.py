"""Fixtures for tests of budgets: order tasks of one price, whose task instances share XComs."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pytest

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.ordering import cumulative_budget
from tests.unit.conftest import Store, Task, TaskInstance

# One complete tile of the bundled catalog, at 2.00 per km² (training imagery).
TILE = {"id": "10400100F8AF9F00", "cells": ["Z13-031131111312"]}
PRICE, AREA = 56.49, 28.245


@dataclass
class DagRun:
    """The XComs of a DAG run, and the task state stores of its task instances."""

    run_id: str = "manual__2026-01-01"
    xcoms: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    stores: dict[tuple[str, int], Store] = field(default_factory=dict)
    lock: Any = field(default_factory=Lock)

    def context(self, map_index: int = -1, task_id: str = "order", try_number: int = 1) -> dict[str, Any]:
        """Return the context of a new try: Airflow deletes the XComs of the task instance."""
        ti = SharingTaskInstance(
            task_id=task_id, run_id=self.run_id, map_index=map_index, try_number=try_number, dag_run=self
        )
        with self.lock:
            self.xcoms[task_id, map_index] = ti.xcoms
            store = self.stores.setdefault((task_id, map_index), Store())
        return {"ti": ti, "task": Task(), "run_id": self.run_id, "task_state_store": store}


@dataclass
class SharingTaskInstance(TaskInstance):
    """A task instance that pulls the XComs of its DAG run as Airflow does."""

    dag_run: DagRun | None = None

    def xcom_pull(self, task_ids: list[str], key: str) -> list[Any]:
        assert self.dag_run is not None
        with self.dag_run.lock:
            return [xcoms[key] for (task, _), xcoms in self.dag_run.xcoms.items() if task in task_ids and key in xcoms]


@pytest.fixture
def run() -> DagRun:
    """Return a DAG run."""
    return DagRun()


@pytest.fixture
def order(ard_connection, retry_pauses):
    """Return a function that makes an order task of one tile."""

    def make(**arguments: Any) -> ArdOrderOperator:
        return ArdOrderOperator(
            **{"task_id": "order", "acquisitions": [TILE], "destination": "s3://bucket/prefix", **arguments}
        )

    return make


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits for concurrent task instances and for the list of orders."""
    monkeypatch.setattr(cumulative_budget, "RESERVATION_WINDOW_S", 0.3)
    monkeypatch.setattr(cumulative_budget, "LISTING_WINDOW_S", 0.3)
