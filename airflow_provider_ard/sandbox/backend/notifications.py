"""Notifications that were sent, or would have been: written down, and sent to nobody."""

import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from airflow_provider_ard.sandbox.backend.document_store import DocumentStore

_KIND = "notification"


@dataclass(frozen=True)
class Notification:
    """One message: `type` is `email` or `sns`, `target` the address or topic, `subject` what it is about.

    `subject` is `order` or `monitor`, `subject_id` its ID, `status` that of the order at its end, or
    `MATCHED` for a monitor; `time` is by the sandbox's clock.
    """

    type: str
    target: str
    subject: str
    subject_id: str
    status: str
    time: datetime


class NotificationLog:
    """Every notification, oldest first."""

    def __init__(self, store: DocumentStore | None = None) -> None:
        self._store = store or DocumentStore()
        self._lock = threading.Lock()
        self._sent = [
            Notification(**{**kept, "time": datetime.fromisoformat(kept["time"])}) for kept in self._store.all(_KIND)
        ]

    def send(
        self, notifications: list[dict[str, Any]], subject: str, subject_id: str, status: str, when: datetime
    ) -> None:
        """Write down one message for each of the `notifications` that a request asked for."""
        for wanted in notifications:
            target = wanted.get("address") or wanted.get("topic_arn") or ""
            message = Notification(wanted["type"], target, subject, subject_id, status, when)
            with self._lock:
                self._sent.append(message)
                self._store.put(_KIND, str(len(self._sent)), {**asdict(message), "time": when.isoformat()})

    def all(self) -> list[Notification]:
        """Return every message, oldest first."""
        with self._lock:
            return list(self._sent)
