"""What a rescheduled or retried wait continues with: its start, and the updates already logged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.ordering.task_state import first_try_number, task_state_store

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

WAIT_KEY = "ard_wait"
LOG_STATE_KEY = "ard_wait_log_state"


def wait_started_at(context: Context) -> datetime:
    """Return when this attempt series began to wait. Without a task state store, each try starts over."""
    now = datetime.now(UTC)
    store = task_state_store(context)
    if store is None:
        # Airflow 3 stores the first poke of rescheduled sensors.
        first_poke = getattr(context["ti"], "get_first_reschedule_date", None)
        return (first_poke and first_poke(context)) or now
    record = store.get(WAIT_KEY)
    if isinstance(record, dict) and record.get("first_try_number") == first_try_number(context):
        return datetime.fromisoformat(record["started_at"])
    store.set(WAIT_KEY, {"first_try_number": first_try_number(context), "started_at": now.isoformat()})
    return now


def load_log_state(context: Context) -> dict[str, Any] | None:
    """Return what earlier pokes of this try have logged, as passed to `save_log_state`; each try has its own log."""
    store = task_state_store(context)
    record = store.get(LOG_STATE_KEY) if store is not None else None
    if not isinstance(record, dict) or record.get("try_number") != context["ti"].try_number:
        return None
    log_state: dict[str, Any] = record["log_state"]
    return log_state


def save_log_state(context: Context, log_state: dict[str, Any]) -> None:
    """Store what this try has logged."""
    if (store := task_state_store(context)) is not None:
        store.set(LOG_STATE_KEY, {"try_number": context["ti"].try_number, "log_state": log_state})
