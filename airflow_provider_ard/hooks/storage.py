"""Read delivered files through Airflow's object storage and its Connections."""

from __future__ import annotations

import json
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.http.log_redaction import redact_library_logs
from airflow_provider_ard.api.http.redaction import redact_text
from airflow_provider_ard.api.http.storable import storable_json
from airflow_provider_ard.exceptions import ArdError, ArdRequestError
from airflow_provider_ard.hooks.connection_ids import check_conn_id
from airflow_provider_ard.version_compat import AirflowNotFoundException, BaseHook, ObjectStoragePath

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}
# Documents are many and small, so the time to read them depends on the storage's latency. No more than a block of them
# is in memory.
_CONCURRENT_READS = 32
_BLOCK = 4 * _CONCURRENT_READS


class AirflowObjectStore:
    """Reads a storage with a Connection; its methods can be called from several threads.

        store = AirflowObjectStore("aws_default")
        for uri, item in store.read_documents(item_uris): ...

    They raise `ArdError`, or `ArdRequestError` if a retry cannot succeed, with the object and the Connection. Raises
    `ArdRequestError` if the Connection does not exist.
    """

    def __init__(self, storage_conn_id: str | None) -> None:
        redact_library_logs()
        if storage_conn_id is not None:
            check_conn_id(storage_conn_id, "storage_conn_id")
            try:
                # Checked first: S3 would continue with credentials of the environment.
                BaseHook.get_connection(storage_conn_id)
            except AirflowNotFoundException:
                raise ArdRequestError(
                    f"Connection {storage_conn_id!r} does not exist", argument="storage_conn_id"
                ) from None
        self._storage_conn_id = storage_conn_id

    def read_json(self, uri: str) -> dict[str, Any]:
        """Return a JSON document."""
        return dict(self.read_documents([uri]))[uri]

    def read_documents(self, uris: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each URI with its JSON document, in the same sequence; they are read concurrently, in blocks."""
        for _, of_scheme in groupby(uris, key=_scheme):
            while block := list(islice(of_scheme, _BLOCK)):
                for uri, content in zip(block, self._read_block(block), strict=True):
                    yield uri, self._parse(uri, content)

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

    def _read_block(self, uris: list[str]) -> list[bytes | Exception]:
        """Return the content of each object, or why it cannot be read; all have the same scheme."""
        filesystem, _ = _open(uris[0], self._storage_conn_id)
        try:
            # One request for each object; reading it without an offset would first ask for its size.
            return list(filesystem.cat_ranges(uris, 0, None, on_error="return", batch_size=_CONCURRENT_READS))
        except Exception as error:  # noqa: BLE001 -- each cloud has its own errors
            return [error] * len(uris)

    def _parse(self, uri: str, content: bytes | Exception) -> dict[str, Any]:
        credentials = _credentials(self._storage_conn_id)
        if isinstance(content, FileNotFoundError):
            raise ArdError(f"{uri}: does not exist, or is not visible {credentials}")
        if isinstance(content, Exception):
            raise ArdError(f"{uri}: cannot be read {credentials}: {_first_line(content)}")
        try:
            document = json.loads(storable_json(content))
        except ValueError:
            raise ArdError(f"{uri}: not a JSON document") from None
        if not isinstance(document, dict):
            raise ArdError(f"{uri}: not a STAC document")
        return document


def _scheme(uri: str) -> str:
    return uri.partition("://")[0]


def _credentials(storage_conn_id: str | None) -> str:
    return f"with storage_conn_id {storage_conn_id!r}" if storage_conn_id else "without a storage_conn_id"


def _open(uri: str, storage_conn_id: str | None) -> tuple[Any, str]:
    """Return the filesystem of a URI, and its path there."""
    scheme, credentials = _scheme(uri), _credentials(storage_conn_id)
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
    # s3fs creates its client for the first request, with 10 connections unless the Connection sets another number.
    if (config := getattr(filesystem, "config_kwargs", None)) is not None:
        config.setdefault("max_pool_connections", _CONCURRENT_READS)
    return filesystem, path.path


def _first_line(error: Exception) -> str:
    """Return the first line of a storage library's error, without signatures: some add the complete XML response."""
    lines = redact_text(str(error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
