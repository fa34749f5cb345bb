"""The Select that a task instance has submitted, kept across its tries in Airflow's task state store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_ard.ordering.task_state import RETENTION, first_try_number, task_state_store

if TYPE_CHECKING:
    from airflow_provider_ard.version_compat import Context

SELECT_KEY = "ard_select"


def load_select_id(context: Context, fingerprint: str, *, any_attempt_series: bool) -> str | None:
    """Return the ID of the Select submitted for the same request, None if there is none.

    `any_attempt_series`: also one submitted before the task was last cleared.
    """
    store = task_state_store(context)
    record = store.get(SELECT_KEY) if store is not None else None
    if not isinstance(record, dict) or record.get("fingerprint") != fingerprint:
        return None
    if any_attempt_series or record.get("first_try_number") == first_try_number(context):
        return record.get("select_id")
    return None


def save_select_id(context: Context, fingerprint: str, select_id: str) -> None:
    """Store the ID of a submitted Select with the digest of its request."""
    if (store := task_state_store(context)) is not None:
        record = {"fingerprint": fingerprint, "select_id": select_id, "first_try_number": first_try_number(context)}
        store.set(SELECT_KEY, record, retention=RETENTION)
