"""`az://container/key` for Airflow's `ObjectStoragePath`.

Airflow's Azure provider supports the same storage as `abfs://` only; the ARD API, adlfs and fsspec use `az://`.
Registered in the provider's metadata, so that any task can open the URI of a delivered tile.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

schemes = ["az"]


def get_fs(conn_id: str | None, storage_options: dict[str, Any] | None = None) -> AbstractFileSystem:
    """Return the filesystem of a Connection of type `wasb` or `adls`, as for `abfs://`.

    Raises ImportError without the extra `azure`.
    """
    from airflow.providers.microsoft.azure.fs import adls

    # As Airflow's Azure hook does; otherwise each request logs about twenty lines.
    level = os.environ.get("AZURE_HTTP_LOGGING_LEVEL", logging.WARNING)
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(level)
    return adls.get_fs(conn_id, storage_options)
