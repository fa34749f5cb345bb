"""Clients for the triggerer: they last for as long as something needs them, whatever happens to their connection."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, TypeVar

from airflow.providers.common.compat.connection import get_async_connection

from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_ard.api.client import ArdClient

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)

LOOK_UP_EVERY_S = 300.0
# Airflow says "not defined" of a connection also when a secrets backend is out, and the worker has just found it there:
# for so long it is taken for an outage.
LOOK_UP_PATIENCE_S = 3600.0


class CachedClient:
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
            client = await asyncio.to_thread(client_of, connection, max_attempts=1)
        except ArdError as error:
            if self._client is None:
                raise
            log.warning("Connection %r was changed and cannot be used: %s. Going on without.", self.ard_conn_id, error)
            return
        self.forget()
        self._client, self._digest = client, digest


class SharedClient:
    """The client of one event loop and connection: one session and login for all that ask through it, one at a time.

    Use `shared_client(...)`.
    """

    shared: ClassVar[dict[tuple[asyncio.AbstractEventLoop, str], SharedClient]] = {}

    def __init__(self, ard_conn_id: str) -> None:
        self.users = 0
        self._client = CachedClient(ard_conn_id)
        self._turn = asyncio.Lock()

    async def ask(self, question: Callable[[ArdClient], Answer]) -> Answer | ArdError:
        """Return what a question answers, asked in a thread, or the `ArdError` that it met."""
        async with self._turn:
            try:
                try:
                    return await asyncio.to_thread(question, await self._client.get())
                except ArdAuthError:
                    # The login may have been changed in the connection meanwhile: once more with what it says now.
                    self.close()
                    return await asyncio.to_thread(question, await self._client.get())
            except ArdError as error:
                return error

    def close(self) -> None:
        """Close the session; the next question opens one anew."""
        self._client.forget()


@asynccontextmanager
async def shared_client(ard_conn_id: str) -> AsyncIterator[SharedClient]:
    """Lend the connection's client for the length of the block."""
    place = (asyncio.get_running_loop(), ard_conn_id)
    client = SharedClient.shared.setdefault(place, SharedClient(ard_conn_id))
    client.users += 1
    try:
        yield client
    finally:
        client.users -= 1
        if not client.users:
            del SharedClient.shared[place]
            client.close()
