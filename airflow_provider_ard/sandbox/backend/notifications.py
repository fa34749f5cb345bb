"""Notifications of orders and monitors, which are recorded and not sent."""

import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from airflow_provider_ard.sandbox.backend.document_store import DocumentStore

_KIND = "notification"


@dataclass(frozen=True)
class Notification:
    """One notification.

    `type` is `email` or `sns`, `target` the address or topic, `subject` `order` or `monitor`, `subject_id` its ID,
    `status` the final status of the order or `MATCHED` for a monitor; `time` is of the sandbox's clock.
    """

    type: str
    target: str
    subject: str
    subject_id: str
    status: str
    time: datetime


class NotificationLog:
    """Records notifications."""

    def __init__(self, store: DocumentStore | None = None) -> None:
        self._store = store or DocumentStore()
        self._lock = threading.Lock()
        self._messages = [
            Notification(**{**document, "time": datetime.fromisoformat(document["time"])})
            for document in self._store.all(_KIND)
        ]

    def record(
        self, notifications: list[dict[str, Any]], subject: str, subject_id: str, status: str, time: datetime
    ) -> None:
        """Record a message for each of the `notifications` in a request."""
        for recipient in notifications:
            target = recipient.get("address") or recipient.get("topic_arn") or ""
            message = Notification(recipient["type"], target, subject, subject_id, status, time)
            with self._lock:
                self._messages.append(message)
                self._store.put(_KIND, str(len(self._messages)), {**asdict(message), "time": time.isoformat()})

    def all(self) -> list[Notification]:
        """Return every message, oldest first."""
        with self._lock:
            return list(self._messages)
