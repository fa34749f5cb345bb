"""A secrets backend with the Connections of the contenders; counts lookups.

It reads from memory, where a triggerer would send a request to its supervisor: a lookup costs less here.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from airflow.secrets import BaseSecretsBackend

if TYPE_CHECKING:
    from airflow.sdk.definitions.connection import Connection


class CountingSecrets(BaseSecretsBackend):
    """Connections out of the environment variable WAITING_CONNECTIONS, JSON: ID -> arguments of `Connection`."""

    lookups = 0

    def __init__(self) -> None:
        self._connections: dict[str, dict[str, Any]] = json.loads(os.environ["WAITING_CONNECTIONS"])

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """Return a Connection, None if this ID has none."""
        if conn_id not in self._connections:
            return None
        # Airflow loads this module before its own are complete.
        from airflow.sdk.definitions.connection import Connection  # noqa: PLC0415

        CountingSecrets.lookups += 1
        return Connection(conn_id=conn_id, **self._connections[conn_id])

    async def aget_connection(self, conn_id: str) -> Connection | None:
        """Return a Connection without a thread, as the triggerer's own backend does."""
        return self.get_connection(conn_id)
