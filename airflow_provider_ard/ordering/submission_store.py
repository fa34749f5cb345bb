"""The record of a submission, kept across the tries of a task instance in Airflow's task state store (3.3 or newer)."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_ard.ordering.task_state import RETENTION, Attempt, task_state_store

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

SUBMISSION_KEY = "ard_order"


@dataclass(frozen=True)
class SubmissionRecord:
    """What a task instance has recorded of its order.

    `submitted`: an order was about to be sent. With `order_id` it exists; without, it is in doubt. `series`: of the
    attempt that sent it. `existing_order_ids`: the orders under the key before it was sent, None if not known.
    `is_adopted`: a person has assigned the order to this task instance (`ard orders adopt`).
    """

    submitted: bool
    order_id: str | None = None
    series: int | None = None
    existing_order_ids: tuple[str, ...] | None = None
    is_adopted: bool = False

    @property
    def is_in_doubt(self) -> bool:
        """Whether an order was sent and no response confirmed it."""
        return self.submitted and self.order_id is None

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> SubmissionRecord:
        """Return the record of a stored dictionary."""
        existing = stored.get("existing_order_ids")
        return cls(
            submitted=bool(stored.get("submitted")),
            order_id=stored.get("order_id"),
            series=stored.get("series"),
            existing_order_ids=tuple(existing) if existing is not None else None,
            is_adopted=bool(stored.get("is_adopted")),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON."""
        existing = list(self.existing_order_ids) if self.existing_order_ids is not None else None
        return asdict(self) | {"existing_order_ids": existing}


class SubmissionStore(Protocol):
    """Keeps the submission record of one idempotency key between tries."""

    def load(self) -> SubmissionRecord | None:
        """Return the record, None if there is none."""

    def save(self, record: SubmissionRecord) -> None:
        """Store the record. If this raises before a purchase, nothing is bought."""


class NullSubmissionStore:
    """Stores nothing. `after_crash`: an earlier attempt may have submitted an order and died."""

    def __init__(self, *, after_crash: bool = False) -> None:
        self._record = SubmissionRecord(submitted=True) if after_crash else None

    def load(self) -> SubmissionRecord | None:
        """Assume that an earlier attempt may have submitted an order."""
        return self._record

    def save(self, record: SubmissionRecord) -> None:
        """Do nothing."""


class TaskStateSubmissionStore:
    """Keeps the record in Airflow's task state store."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def load(self) -> SubmissionRecord | None:
        """Return the record, None if there is none."""
        stored = self._store.get(SUBMISSION_KEY)
        return SubmissionRecord.from_json(stored) if isinstance(stored, dict) else None

    def save(self, record: SubmissionRecord) -> None:
        """Store the record."""
        self._store.set(SUBMISSION_KEY, record.to_json(), retention=RETENTION)


def submission_store(context: Context) -> SubmissionStore:
    """Return the store of a task instance's submission record."""
    store = task_state_store(context)
    if store is not None:
        return TaskStateSubmissionStore(store)
    if context["task"].retries:
        log.info("Airflow before 3.3 keeps no task state: each retry searches for an order that may exist already.")
    return NullSubmissionStore(after_crash=not Attempt.from_context(context).is_first)
