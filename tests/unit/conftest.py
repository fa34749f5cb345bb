"""What unit tests of Airflow's side share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class TaskInstance:
    """As much of a task instance as an operator sees, without a database behind it."""

    dag_id: str = "dag"
    task_id: str = "task"
    run_id: str = "manual__2026-01-01"
    map_index: int = -1
    try_number: int = 1
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@pytest.fixture
def context() -> dict[str, Any]:
    """A context as `execute` gets it."""
    ti = TaskInstance()
    return {"ti": ti, "task_instance": ti, "run_id": ti.run_id}
