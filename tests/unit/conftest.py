"""What unit tests of Airflow's side share."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import settings

from airflow_provider_ard.polling import order_poller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

# A slow machine is no fault of what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@dataclass
class TaskInstance:
    """As much of a task instance as an operator sees, without a database behind it."""

    dag_id: str = "dag"
    task_id: str = "task"
    run_id: str = "manual__2026-01-01"
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@dataclass
class Task:
    """As much of a task as a context tells."""

    retries: int = 0


class Store(dict[str, Any]):
    """A task state store, as Airflow 3.3 has it."""

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self[key] = value


@pytest.fixture
def context() -> dict[str, Any]:
    """A context as `execute` gets it, before Airflow 3.3."""
    ti = TaskInstance()
    return {"ti": ti, "task_instance": ti, "task": Task(), "run_id": ti.run_id}


@pytest.fixture
def store(context: dict[str, Any]) -> Store:
    """The task state store of a context of Airflow 3.3."""
    context["task_state_store"] = Store()
    return context["task_state_store"]


def capture_structlog() -> AbstractContextManager[Sequence[Any]]:
    """Catch what goes to structlog, which tasks log by since Airflow 3.0."""
    try:
        import structlog
    except ModuleNotFoundError:
        return nullcontext(())
    return structlog.testing.capture_logs()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., str]]:
    """Return a function that returns what has been logged, or what of it at one level such as "warning", a line each."""
    caplog.set_level("INFO")
    with capture_structlog() as records:

        def lines(level: str | None = None) -> Iterator[str]:
            for record in caplog.records:
                if level in {None, record.levelname.lower()}:
                    yield record.getMessage()
            for record in records:
                if level in {None, record["log_level"]}:
                    yield record["event"] % record.get("positional_args", ())

        yield lambda level=None: "\n".join(lines(level))


@pytest.fixture
def token(ard):
    form = {"grant_type": "password", "username": ard.login, "password": ard.password}
    return requests.post(f"{ard.url}/api/v1/auth/authenticate", data=form, timeout=5).json()["access_token"]


@pytest.fixture
def place(ard, ard_connection, token):
    def place():
        body = {"acquisitions": [{"id": ard.acquisitions[0]}], "output_config": {"bucket": "b", "prefix": "p"}}
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{ard.url}/api/v1/order/", json=body, headers=headers, timeout=5).json()["id"]

    return place


@pytest.fixture
def quick_watch(monkeypatch):
    monkeypatch.setattr(order_poller, "SHORTEST_INTERVAL_S", 0.05)
    monkeypatch.setattr(order_poller, "GATHER_S", 0.02)
    monkeypatch.setattr(order_poller, "LONGEST_OUTAGE_PAUSE_S", 0.05)
