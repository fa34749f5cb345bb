"""Read delivered files through Airflow's object storage and its Connections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.http.log_redaction import redact_library_logs
from airflow_provider_ard.api.http.redaction import redact_text
from airflow_provider_ard.exceptions import ArdError, ArdRequestError
from airflow_provider_ard.version_compat import AirflowNotFoundException, BaseHook, ObjectStoragePath

if TYPE_CHECKING:
    from collections.abc import Callable

_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}


class AirflowObjectStore:
    """Reads a storage with a Connection; its methods are called from several threads.

    They raise `ArdError`, or `ArdRequestError` if a retry cannot succeed, with the object and the Connection.
    """

    def __init__(self, storage_conn_id: str | None) -> None:
        self._storage_conn_id = storage_conn_id
        self.read_json = json_reader(storage_conn_id)

    def list_sizes(self, folder_uri: str) -> dict[str, int]:
        """Return the sizes in bytes of the objects in a folder by their names; empty if there is no such folder."""
        filesystem, path = _open(folder_uri, self._storage_conn_id)
        try:
            # A listing of an earlier try must not be returned, and all listings of an order would fill the memory.
            filesystem.invalidate_cache(path)
            objects = filesystem.ls(path, detail=True)
            filesystem.invalidate_cache(path)
        except FileNotFoundError:
            return {}
        except Exception as error:  # noqa: BLE001 -- each cloud has its own errors
            credentials = _credentials(self._storage_conn_id)
            raise ArdError(f"{folder_uri}/: cannot be listed {credentials}: {_first_line(error)}") from None
        return {item["name"].rpartition("/")[2]: item["size"] for item in objects if item["type"] == "file"}

    def read_range(self, uri: str, start: int, end: int) -> bytes:
        """Return some bytes of an object, in one request."""
        filesystem, path = _open(uri, self._storage_conn_id)
        try:
            return bytes(filesystem.cat_file(path, start=start, end=end))
        except Exception as error:  # noqa: BLE001 -- each cloud has its own errors
            credentials = _credentials(self._storage_conn_id)
            raise ArdError(f"{uri}: cannot be read {credentials}: {_first_line(error)}") from None


def json_reader(storage_conn_id: str | None) -> Callable[[str], dict[str, Any]]:
    """Return a thread-safe function that reads one JSON document by its URI.

    It raises `ArdError`, or `ArdRequestError` if a retry cannot succeed, with the document and the Connection.
    """
    redact_library_logs()
    if storage_conn_id is not None:
        try:
            # Checked first: S3 would continue with credentials of the environment.
            BaseHook.get_connection(storage_conn_id)
        except AirflowNotFoundException:
            raise ArdRequestError(
                f"Connection {storage_conn_id!r} does not exist", argument="storage_conn_id"
            ) from None

    def read_json(uri: str) -> dict[str, Any]:
        content = _json(uri, _read(uri, storage_conn_id))
        if not isinstance(content, dict):
            raise ArdError(f"{uri}: not a STAC document")
        return content

    return read_json


def _credentials(storage_conn_id: str | None) -> str:
    return f"with storage_conn_id {storage_conn_id!r}" if storage_conn_id else "without a storage_conn_id"


def _open(uri: str, storage_conn_id: str | None) -> tuple[Any, str]:
    """Return the filesystem of a URI, and its path there."""
    scheme, credentials = uri.partition("://")[0], _credentials(storage_conn_id)
    try:
        path = ObjectStoragePath(uri, conn_id=storage_conn_id)
        filesystem = path.fs
    except (ImportError, ValueError) as error:
        if scheme in _EXTRAS and ("No filesystem registered" in str(error) or isinstance(error, ImportError)):
            extra = f"airflow-provider-ard[{_EXTRAS[scheme]}]"
            raise ArdRequestError(f"reading {scheme}:// needs {extra}: {error}", argument="storage_conn_id") from None
        raise ArdError(f"{uri}: cannot be opened {credentials}: {_first_line(error)}") from None
    except Exception as error:  # noqa: BLE001 -- each cloud has its own errors
        raise ArdError(f"{uri}: cannot be opened {credentials}: {_first_line(error)}") from None
    return filesystem, path.path


def _read(uri: str, storage_conn_id: str | None) -> bytes:
    filesystem, path = _open(uri, storage_conn_id)
    credentials = _credentials(storage_conn_id)
    try:
        # One request; opening the file, or reading it without an offset, would first ask for its size.
        return bytes(filesystem.cat_file(path, start=0))
    except FileNotFoundError:
        raise ArdError(f"{uri}: does not exist, or is not visible {credentials}") from None
    except Exception as error:  # noqa: BLE001 -- each cloud has its own errors
        raise ArdError(f"{uri}: cannot be read {credentials}: {_first_line(error)}") from None


def _json(uri: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise ArdError(f"{uri}: not a JSON document") from None


def _first_line(error: Exception) -> str:
    """Return the first line of a storage library's error, without signatures: some add the complete XML response."""
    lines = redact_text(str(error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
