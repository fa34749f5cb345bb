"""The submission record of an order that is placed at the command line, in a file of this machine."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError
from airflow_provider_ard.ordering.submission_store import SubmissionRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FileSubmissionStore:
    """Stores the record in a file, which survives a crash between the purchase and its response."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> SubmissionRecord | None:
        """Return the record, None if there is none. If it cannot be read, an order may have been submitted."""
        try:
            content = self._path.read_text()
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return SubmissionRecord(submitted=True)
        try:
            stored = json.loads(content)
        except ValueError:
            stored = content
        return SubmissionRecord.from_json(stored)

    def save(self, record: SubmissionRecord) -> None:
        """Store the record. Raises `ArdError` if it cannot be written."""
        new = self._path.with_suffix(".new")
        try:
            new.write_text(json.dumps(record.to_json()))
            new.replace(self._path)
        except OSError as error:
            raise _error(self._path, error) from None


@contextmanager
def locked_file_store(folder: Path, name: str) -> Iterator[FileSubmissionStore]:
    """Return the store of one key, for one process at a time.

    Raises `ArdUnavailableError` if another process uses it, and `ArdError` if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f"{name}.lock").open("w")
    except OSError as error:
        raise _error(folder, error) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ArdUnavailableError(
                "another process is placing the order with this key; nothing was bought"
            ) from None
        yield FileSubmissionStore(folder / f"{name}.json")


def _error(path: Path, error: OSError) -> ArdError:
    return ArdError(f"the submission record {path} cannot be written: {error.strerror}; set AIRFLOW_HOME to a folder")
