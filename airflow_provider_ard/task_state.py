"""What a task instance remembers across its tries: in Airflow's task state store (3.3 or newer), nothing before that.

XCom is no place for it: Airflow wipes it before each try. What is kept here holds no secret.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_ard.api.placement import Entry, Ledger

_log = logging.getLogger(__name__)

ORDER_KEY = "ard_order"
SELECT_KEY = "ard_select"
WAIT_KEY = "ard_wait"
SAID_KEY = "ard_wait_said"
# For as long as a cleared task may come back to it.
RETENTION = timedelta(days=365)


def sitting(context: Context) -> int:
    """Return the number of the first try of this sitting: automatic retries belong to it, a clear begins a new one."""
    ti = context["ti"]
    max_tries: int | None = getattr(ti, "max_tries", None)
    if max_tries is None:
        return 1
    return max(1, max_tries - (context["task"].retries or 0) + 1)


def ledger(context: Context) -> Ledger:
    """Return where the order of this task instance is written down."""
    from airflow_provider_ard.api.placement import NoLedger

    store = _store(context)
    if store is None:
        if context["task"].retries:
            _log.info(
                "Before Airflow 3.3 no try can write down that it orders: each retry looks for what it may have sent."
            )
        return NoLedger(after_crash=context["ti"].try_number > sitting(context))
    return _StoreLedger(store)


def wait_began(context: Context) -> datetime:
    """Return when this sitting began to wait: on its first try. Without a task state store each try begins anew."""
    now = datetime.now(UTC)
    store = _store(context)
    if store is None:
        # Kept by Airflow 3 for sensors that are rescheduled.
        first_look = getattr(context["ti"], "get_first_reschedule_date", None)
        return (first_look and first_look(context)) or now
    kept = store.get(WAIT_KEY)
    if isinstance(kept, dict) and kept.get("sitting") == sitting(context):
        return datetime.fromisoformat(kept["began"])
    store.set(WAIT_KEY, {"sitting": sitting(context), "began": now.isoformat()})
    return now


def recall_said(context: Context) -> dict[str, Any] | None:
    """Return what an earlier look of this try has put into the log. Each try has a log of its own."""
    kept = store.get(SAID_KEY) if (store := _store(context)) is not None else None
    return kept["said"] if isinstance(kept, dict) and kept.get("try") == context["ti"].try_number else None


def keep_said(context: Context, said: dict[str, Any]) -> None:
    """Keep what is in this try's log."""
    if (store := _store(context)) is not None:
        store.set(SAID_KEY, {"try": context["ti"].try_number, "said": said})


def remembers(context: Context) -> bool:
    """Whether anything that is kept here will be there at the next try."""
    return _store(context) is not None


def recall_select(context: Context, fingerprint: str, *, of_earlier_sittings: bool) -> str | None:
    """Return the id of the Select that this task instance has submitted for the same request, None if there is none."""
    store = _store(context)
    kept = store.get(SELECT_KEY) if store is not None else None
    if not isinstance(kept, dict) or kept.get("fingerprint") != fingerprint:
        return None
    return kept.get("select_id") if of_earlier_sittings or kept.get("sitting") == sitting(context) else None


def keep_select(context: Context, fingerprint: str, select_id: str) -> None:
    """Keep the id of a Select, and what was asked for."""
    if (store := _store(context)) is not None:
        kept = {"fingerprint": fingerprint, "select_id": select_id, "sitting": sitting(context)}
        store.set(SELECT_KEY, kept, retention=RETENTION)


def _store(context: Context) -> Any:
    return context.get("task_state_store")


class _StoreLedger:
    """A ledger in Airflow's task state store."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def recall(self) -> Entry | None:
        """Return the entry, None if there is none."""
        from airflow_provider_ard.api.placement import Entry

        kept = self._store.get(ORDER_KEY)
        if not isinstance(kept, dict):
            return None
        before = kept.get("before")
        return Entry(
            sent=bool(kept.get("sent")),
            order_id=kept.get("order_id"),
            before=tuple(before) if before is not None else None,
        )

    def keep(self, entry: Entry) -> None:
        """Keep an entry."""
        before = list(entry.before) if entry.before is not None else None
        kept = {"sent": entry.sent, "order_id": entry.order_id, "before": before}
        self._store.set(ORDER_KEY, kept, retention=RETENTION)
