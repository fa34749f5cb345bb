"""JSON documents in a SQLite file, which survive a restart."""

import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

_SCHEMA = "CREATE TABLE IF NOT EXISTS document (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"


class DocumentStore:
    """Documents by kind and key in the SQLite file `path`; without a path nothing is stored.

    Stores of the same file and different `scope` do not see each other's documents.

    The file contains tokens and storage credentials, so it is created with mode 0600. Raises ValueError for a file
    of another kind.
    """

    def __init__(self, path: str | Path | None = None, scope: str = "") -> None:
        self._scope = scope
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        if path is None:
            return
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            # Durable across a crash of the process, not of the machine.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self.close()
            raise ValueError(f"{path} is not a state file of a sandbox: {error}") from error

    def put(self, kind: str, key: str, document: dict[str, Any]) -> None:
        """Insert a document, or replace the one with this key at its position."""
        if self._db is None:
            return
        with self._lock:
            self._db.execute(
                "INSERT INTO document VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                (self._scope + kind, key, json.dumps(document)),
            )

    def delete(self, kind: str, key: str | None = None) -> None:
        """Delete a document, or all of a kind; a missing document is no error."""
        if self._db is None:
            return
        with self._lock:
            parameters = (self._scope + kind, key, key)
            self._db.execute("DELETE FROM document WHERE kind = ? AND (? IS NULL OR key = ?)", parameters)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return every document of a kind, oldest first."""
        if self._db is None:
            return []
        with self._lock:
            query = "SELECT body FROM document WHERE kind = ? ORDER BY rowid"
            rows = self._db.execute(query, (self._scope + kind,)).fetchall()
        return [json.loads(body) for (body,) in rows]

    def close(self) -> None:
        """Close the file; later writes are discarded without an error."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None
