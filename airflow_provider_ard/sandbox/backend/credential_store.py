"""Storage credentials stored in the account, which orders reference by ID."""

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
class StoredCredentials:
    """A SAS URL or a base64-encoded service account key file, with an ID; times are of the sandbox's clock."""

    credentials_id: str
    secret: str = field(repr=False)
    description: str | None
    created: datetime
    modified: datetime

    def describe(self, account_id: str) -> dict[str, Any]:
        """Return `registered_credentials` in the form of the API, without the secret."""
        description = {
            "credentials_id": self.credentials_id,
            "account_id": account_id,
            "created": self.created.isoformat(),
            "modified": self.modified.isoformat(),
        }
        return description if self.description is None else {**description, "description": self.description}


class CredentialStore:
    """The account's stored credentials, by ID."""

    def __init__(self, clock: Clock, store: DocumentStore | None = None) -> None:
        self._clock = clock
        self._store = store or DocumentStore()
        self._lock = threading.Lock()
        self._credentials: dict[str, StoredCredentials] = {}
        for document in self._store.all(_KIND):
            times = {name: datetime.fromisoformat(document[name]) for name in ("created", "modified")}
            self._credentials[document["credentials_id"]] = StoredCredentials(**{**document, **times})

    def put(self, credentials_id: str, secret: Any, description: Any = None) -> tuple[StoredCredentials, bool]:
        """Store credentials; return them and whether they are new. Raises a 400."""
        if not CREDENTIALS_ID.fullmatch(credentials_id):
            raise bad_request("A credentials ID consists of letters, digits, _ and -")
        if not isinstance(secret, str) or not secret:
            raise bad_request("credentials is required: a SAS URL or a base64-encoded key file")
        if description is not None and not isinstance(description, str):
            raise bad_request("description must be a string")
        now = self._clock.now()
        with self._lock:
            previous = self._credentials.get(credentials_id)
            created = previous.created if previous else now
            credentials = StoredCredentials(credentials_id, secret, description, created, now)
            self._credentials[credentials_id] = credentials
            times = {"created": created.isoformat(), "modified": now.isoformat()}
            self._store.put(_KIND, credentials_id, {**asdict(credentials), **times})
        return credentials, previous is None

    def get(self, credentials_id: str) -> StoredCredentials:
        """Return stored credentials; raises a 404."""
        with self._lock:
            if credentials_id not in self._credentials:
                raise not_found(f"No stored credentials {credentials_id}")
            return self._credentials[credentials_id]

    def secret(self, credentials_id: str) -> str | None:
        """Return the secret, None for an unknown ID."""
        with self._lock:
            credentials = self._credentials.get(credentials_id)
        return credentials.secret if credentials else None

    def delete(self, credentials_id: str) -> None:
        """Delete stored credentials; raises a 404."""
        self.get(credentials_id)
        with self._lock:
            self._credentials.pop(credentials_id, None)
            self._store.delete(_KIND, credentials_id)

    def all(self) -> list[StoredCredentials]:
        """Return all stored credentials, sorted by ID."""
        with self._lock:
            return sorted(self._credentials.values(), key=lambda credentials: credentials.credentials_id)
