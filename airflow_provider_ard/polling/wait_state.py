"""State of a wait across retries and reschedules: its start, and the logged updates.

A failure of the task state store does not end a wait: its timeout restarts, or a status is logged again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.ordering.task_state import first_try_number, task_state_store

if TYPE_CHECKING:
    from airflow_provider_ard.version_compat import Context

WAIT_KEY = "ard_wait"
LOG_STATE_KEY = "ard_wait_log_state"

log = logging.getLogger(__name__)


def wait_started_at(context: Context) -> datetime:
    """Return when this attempt series began to wait. Without a task state store, each try starts over."""
    now = datetime.now(UTC)
    if task_state_store(context) is None:
        return _first_poke_at(context) or now
    series = first_try_number(context)
    record = _load(context, WAIT_KEY)
    started_at = _parse_datetime(record.get("started_at"))
    if record.get("first_try_number") == series and started_at is not None:
        return started_at
    _save(context, WAIT_KEY, {"first_try_number": series, "started_at": now.isoformat()})
    return now


def load_log_state(context: Context) -> dict[str, Any] | None:
    """Return what earlier pokes of this try have logged, as passed to `save_log_state`; each try has its own log."""
    record = _load(context, LOG_STATE_KEY)
    log_state = record.get("log_state")
    is_valid = (
        record.get("try_number") == context["ti"].try_number
        and isinstance(log_state, dict)
        and isinstance(log_state.get("statuses"), dict)
        and isinstance(log_state.get("logged_at"), int | float)
        and isinstance(log_state.get("in_outage"), bool)
    )
    return log_state if is_valid else None


def save_log_state(context: Context, log_state: dict[str, Any]) -> None:
    """Store what this try has logged."""
    _save(context, LOG_STATE_KEY, {"try_number": context["ti"].try_number, "log_state": log_state})


def _first_poke_at(context: Context) -> datetime | None:
    """Return the first poke of a rescheduled sensor, which Airflow 3 stores."""
    first_poke = getattr(context["ti"], "get_first_reschedule_date", None)
    first_poke_at: datetime | None = first_poke(context) if first_poke else None
    return first_poke_at


def _load(context: Context, key: str) -> dict[str, Any]:
    store = task_state_store(context)
    if store is None:
        return {}
    try:
        record = store.get(key)
    except Exception as error:  # noqa: BLE001 -- whatever the store raises, the wait continues
        log.warning("Reading the state of the wait failed, continuing without it: %s", error)
        return {}
    return record if isinstance(record, dict) else {}


def _save(context: Context, key: str, value: dict[str, Any]) -> None:
    store = task_state_store(context)
    if store is None:
        return
    try:
        store.set(key, value)
    except Exception as error:  # noqa: BLE001 -- as above
        log.warning("Storing the state of the wait failed, continuing without it: %s", error)


def _parse_datetime(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
