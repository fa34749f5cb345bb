"""Fixtures for unit tests of the Airflow integration."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import settings

from airflow_provider_ard.api import refusal
from airflow_provider_ard.polling import order_poller, outage, schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

# Example duration depends on the load of the machine, not on the code under test.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest start first, so that no process waits for them at the end.
    items.sort(key=lambda item: not item.path.stem.endswith("model"))


@dataclass
class TaskInstance:
    """The task instance attributes that operators use, without a database."""

    dag_id: str = "dag"
    task_id: str = "task"
    run_id: str = "manual__2026-01-01"
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(self, task_ids: list[str] | str, key: str, map_indexes: int | None = None) -> Any:
        """Return the XComs of the task instances, of which this is the only one; of a single task, its value."""
        if isinstance(task_ids, str):
            return self.xcoms.get(key) if (task_ids, map_indexes) == (self.task_id, self.map_index) else None
        return [self.xcoms[key]] if key in self.xcoms and self.task_id in task_ids else []


@dataclass
class Task:
    """The task attributes that operators read from the context."""

    retries: int = 0


class Store(dict[str, Any]):
    """A task state store with the interface of Airflow 3.3."""

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self[key] = value


@pytest.fixture
def context() -> dict[str, Any]:
    """Return a context as passed to `execute` before Airflow 3.3."""
    ti = TaskInstance()
    return {"ti": ti, "task_instance": ti, "task": Task(), "run_id": ti.run_id}


@pytest.fixture
def store(context: dict[str, Any]) -> Store:
    """Add a task state store to the context, as in Airflow 3.3, and return it."""
    context["task_state_store"] = Store()
    return context["task_state_store"]


def capture_structlog() -> AbstractContextManager[Sequence[Any]]:
    """Capture structlog records; tasks log through structlog since Airflow 3.0."""
    try:
        import structlog
    except ModuleNotFoundError:
        return nullcontext(())
    return structlog.testing.capture_logs()


@pytest.fixture
def log_text(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., str]]:
    """Return a function that returns the logged lines as text, optionally of one level such as "warning"."""
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
def no_grace(monkeypatch):
    """Let the first refusal of the API end a wait."""
    monkeypatch.setattr(refusal, "REFUSAL_GRACE_S", 0.0)
    monkeypatch.setattr(refusal, "MIN_REFUSALS", 1)


@pytest.fixture
def token(ard):
    """Return an access token of the sandbox."""
    form = {"grant_type": "password", "username": ard.login, "password": ard.password}
    return requests.post(f"{ard.url}/api/v1/auth/authenticate", data=form, timeout=5).json()["access_token"]


@pytest.fixture
def place_order(ard, ard_connection, token):
    """Return a function that places an order directly with the sandbox and returns its ID."""

    def place_order():
        body = {"acquisitions": [{"id": ard.acquisitions[0]}], "output_config": {"bucket": "b", "prefix": "p"}}
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{ard.url}/api/v1/order/", json=body, headers=headers, timeout=5).json()["id"]

    return place_order


@pytest.fixture
def fast_polling(monkeypatch):
    """Shorten the intervals of the shared order poller."""
    monkeypatch.setattr(schedule, "MIN_INTERVAL_S", 0.05)
    monkeypatch.setattr(order_poller, "MIN_INTERVAL_S", 0.05)
    monkeypatch.setattr(order_poller, "BATCH_DELAY_S", 0.02)
    monkeypatch.setattr(outage, "MAX_BACKOFF_S", 0.05)
