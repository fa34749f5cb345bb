"""What a rescheduled or retried wait continues with: its start, and the updates already logged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.ordering.task_state import first_try_number, task_state_store

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

WAIT_KEY = "ard_wait"
LOGGED_KEY = "ard_wait_logged"


def wait_started_at(context: Context) -> datetime:
    """Return when this attempt series began to wait. Without a task state store, each try starts over."""
    now = datetime.now(UTC)
    store = task_state_store(context)
    if store is None:
        # Kept by Airflow 3 for sensors that are rescheduled.
        first_poke = getattr(context["ti"], "get_first_reschedule_date", None)
        return (first_poke and first_poke(context)) or now
    record = store.get(WAIT_KEY)
    if isinstance(record, dict) and record.get("first_try_number") == first_try_number(context):
        return datetime.fromisoformat(record["started_at"])
    store.set(WAIT_KEY, {"first_try_number": first_try_number(context), "started_at": now.isoformat()})
    return now


def load_logged(context: Context) -> dict[str, Any] | None:
    """Return what an earlier poke of this try has logged. Each try has a log of its own."""
    store = task_state_store(context)
    record = store.get(LOGGED_KEY) if store is not None else None
    return record["logged"] if isinstance(record, dict) and record.get("try") == context["ti"].try_number else None


def save_logged(context: Context, logged: dict[str, Any]) -> None:
    """Store what this try has logged."""
    if (store := task_state_store(context)) is not None:
        store.set(LOGGED_KEY, {"try": context["ti"].try_number, "logged": logged})
