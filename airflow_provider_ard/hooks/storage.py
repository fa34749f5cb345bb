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


def _read(uri: str, storage_conn_id: str | None) -> bytes:
    scheme = uri.partition("://")[0]
    credentials = f"with storage_conn_id {storage_conn_id!r}" if storage_conn_id else "without a storage_conn_id"
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
    try:
        # One request; opening the file would first ask for its size.
        return bytes(filesystem.cat_file(path.path))
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
