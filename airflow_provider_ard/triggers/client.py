"""A client that lasts for as long as something in the triggerer needs it, whatever happens to its connection."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from airflow.providers.common.compat.connection import get_async_connection

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_ard.api.client import ArdClient

log = logging.getLogger(__name__)

LOOK_UP_EVERY_S = 300.0
# Airflow says "not defined" of a connection also when a secrets backend is out, and the worker has just found it there:
# for so long it is taken for an outage.
LOOK_UP_PATIENCE_S = 3600.0


class LastingClient:
    """The client of one connection: one session, one token. A change of the connection is seen within minutes."""

    def __init__(self, ard_conn_id: str) -> None:
        self.ard_conn_id = ard_conn_id
        self._client: ArdClient | None = None
        # A digest, as the text that says all about a connection holds its password.
        self._digest: int | None = None
        self._look_up_at = 0.0
        self._failing_since: float | None = None

    def forget(self) -> None:
        """Close the client: the next one comes from a new look at the connection, with a login of its own."""
        if self._client:
            self._client.close()
            self._client = None

    async def get(self) -> ArdClient:
        """Return the client, the same one until the connection changes.

        Raises `ArdUnavailableError` while the connection cannot be looked up, after an hour of that what Airflow says;
        another `ArdError` if no client can be made of it.
        """
        now = time.monotonic()
        if self._client is None or now >= self._look_up_at:
            self._look_up_at = now + LOOK_UP_EVERY_S
            try:
                connection = await get_async_connection(self.ard_conn_id)
            except Exception as error:  # noqa: BLE001 -- each secrets backend has its own
                return self._go_on(error, now)
            self._failing_since = None
            await self._take(connection)
        assert self._client is not None  # noqa: S101 -- _take has set it
        return self._client

    def _go_on(self, error: Exception, now: float) -> ArdClient:
        why = f"cannot be looked up ({type(error).__name__})"
        if self._client is not None:
            log.warning("Connection %r %s: going on with what it said before.", self.ard_conn_id, why)
            return self._client
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since >= LOOK_UP_PATIENCE_S:
            raise error
        raise ArdUnavailableError(why) from None

    async def _take(self, connection: Connection) -> None:
        digest = hash(connection.get_uri())
        if self._client is not None and digest == self._digest:
            return
        from airflow_provider_ard.hooks.ard import client_of

        try:
            # In a thread: reading the extra may ask the supervisor to mask secrets. One attempt: each look is a retry.
            client = await asyncio.to_thread(client_of, connection, attempts=1)
        except ArdError as error:
            if self._client is None:
                raise
            log.warning("Connection %r was changed and cannot be used: %s. Going on without.", self.ard_conn_id, error)
            return
        self.forget()
        self._client, self._digest = client, digest
