"""Storage credentials that the account has stored, so that orders can name them and need not carry them."""

import re
import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.validation.errors import bad_request, not_found

CREDENTIALS_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_KIND = "credentials"


@dataclass(frozen=True)
class Credentials:
    """A SAS URL, or a service account's key file in base64, under a name; times are by the sandbox's clock."""

    credentials_id: str
    secret: str = field(repr=False)
    description: str | None
    created: datetime
    modified: datetime

    def describe(self, account_id: str) -> dict[str, Any]:
        """Return `registered_credentials` as the API shows it: without the secret."""
        shown = {
            "credentials_id": self.credentials_id,
            "account_id": account_id,
            "created": self.created.isoformat(),
            "modified": self.modified.isoformat(),
        }
        return shown if self.description is None else {**shown, "description": self.description}


class CredentialStore:
    """The account's stored credentials, by ID."""

    def __init__(self, clock: Clock, store: DocumentStore | None = None) -> None:
        self._clock = clock
        self._store = store or DocumentStore()
        self._lock = threading.Lock()
        self._kept: dict[str, Credentials] = {}
        for kept in self._store.all(_KIND):
            times = {name: datetime.fromisoformat(kept[name]) for name in ("created", "modified")}
            self._kept[kept["credentials_id"]] = Credentials(**{**kept, **times})

    def put(self, credentials_id: str, secret: Any, description: Any = None) -> tuple[Credentials, bool]:
        """DocumentStore credentials; return them, and whether they are new. Raises a 400."""
        if not CREDENTIALS_ID.fullmatch(credentials_id):
            raise bad_request("A credentials ID may have letters, digits, _ and - only")
        if not isinstance(secret, str) or not secret:
            raise bad_request("credentials is required: a SAS URL, or a key file in base64")
        if description is not None and not isinstance(description, str):
            raise bad_request("description must be text")
        now = self._clock.now()
        with self._lock:
            earlier = self._kept.get(credentials_id)
            created = earlier.created if earlier else now
            kept = Credentials(credentials_id, secret, description, created, now)
            self._kept[credentials_id] = kept
            times = {"created": created.isoformat(), "modified": now.isoformat()}
            self._store.put(_KIND, credentials_id, {**asdict(kept), **times})
        return kept, earlier is None

    def get(self, credentials_id: str) -> Credentials:
        """Return stored credentials; raises a 404."""
        with self._lock:
            if credentials_id not in self._kept:
                raise not_found(f"There are no stored credentials {credentials_id}")
            return self._kept[credentials_id]

    def secret(self, credentials_id: str) -> str | None:
        """Return the secret, or None if there are no such credentials."""
        with self._lock:
            kept = self._kept.get(credentials_id)
        return kept.secret if kept else None

    def delete(self, credentials_id: str) -> None:
        """Delete stored credentials; raises a 404."""
        self.get(credentials_id)
        with self._lock:
            self._kept.pop(credentials_id, None)
            self._store.delete(_KIND, credentials_id)

    def all(self) -> list[Credentials]:
        """Return all of them, in the order of their IDs."""
        with self._lock:
            return sorted(self._kept.values(), key=lambda kept: kept.credentials_id)
