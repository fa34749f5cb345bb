"""The record of a submission, kept across the tries of a task instance in Airflow's task state store (3.3 or newer)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import TypeAdapter

from airflow_provider_ard.ordering.task_state import RETENTION, Attempt, task_state_store

if TYPE_CHECKING:
    from airflow_provider_ard.version_compat import Context

log = logging.getLogger(__name__)

SUBMISSION_KEY = "ard_order"


@dataclass(frozen=True)
class SubmissionRecord:
    """The record of a task instance's order.

    `submitted`: an order was about to be sent. With `order_id` it exists; without, it is in doubt. `series`: attempt
    series of the try that sent it. `existing_order_ids`: the orders of the key before it was sent, None if unknown.
    `key`: digest of the idempotency key that the order was sent with. `recorded_at`: Unix time in seconds, None if
    unknown. `is_adopted`: the order was adopted (`existing_order_id` or `ard orders adopt`).
    """

    submitted: bool
    order_id: str | None = None
    series: int | None = None
    existing_order_ids: tuple[str, ...] | None = None
    key: str | None = None
    recorded_at: float | None = None
    is_adopted: bool = False

    @property
    def is_in_doubt(self) -> bool:
        """Whether an order was sent and no response confirmed it."""
        return self.submitted and self.order_id is None

    @classmethod
    def from_json(cls, stored: object) -> SubmissionRecord:
        """Return the record from a stored dictionary. If it cannot be read, an order may be in doubt."""
        try:
            return _RECORD.validate_python(stored)
        except ValueError:
            log.warning("The submission record of this task instance cannot be read; an order may have been submitted")
            return cls(submitted=True)

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON."""
        content: dict[str, Any] = _RECORD.dump_python(self, mode="json")
        return content


_RECORD = TypeAdapter(SubmissionRecord)


class SubmissionStore(Protocol):
    """Stores the submission record of one idempotency key between tries."""

    def load(self) -> SubmissionRecord | None:
        """Return the record, None if there is none."""

    def save(self, record: SubmissionRecord) -> None:
        """Store the record. If this raises before the POST, no order is placed."""


class NullSubmissionStore:
    """Stores nothing. `after_crash`: an earlier try may have submitted an order and died."""

    def __init__(self, *, after_crash: bool = False) -> None:
        self._record = SubmissionRecord(submitted=True) if after_crash else None

    def load(self) -> SubmissionRecord | None:
        """Return the record of an order in doubt if `after_crash`, else None."""
        return self._record

    def save(self, record: SubmissionRecord) -> None:
        """Do nothing."""


class TaskStateSubmissionStore:
    """Stores the record in Airflow's task state store."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def load(self) -> SubmissionRecord | None:
        """Return the record, None if there is none."""
        stored = self._store.get(SUBMISSION_KEY)
        return None if stored is None else SubmissionRecord.from_json(stored)

    def save(self, record: SubmissionRecord) -> None:
        """Store the record."""
        self._store.set(SUBMISSION_KEY, record.to_json(), retention=RETENTION)


def submission_store(context: Context) -> SubmissionStore:
    """Return the store of a task instance's submission record."""
    store = task_state_store(context)
    if store is not None:
        return TaskStateSubmissionStore(store)
    if context["task"].retries:
        log.info("Airflow before 3.3 has no task state store; each retry searches for an existing order")
    return NullSubmissionStore(after_crash=not Attempt.from_context(context).is_first)
