"""One client a process and connection, shared by the triggers that ask the API a question now and then."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, TypeVar

from airflow.providers.common.compat.connection import get_async_connection

from airflow_provider_ard.api.errors import ArdAuthError, ArdError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from airflow_provider_ard.api.client import ArdClient

Answer = TypeVar("Answer")


class SharedClient:
    """The client of one event loop and connection: one session and login for all that ask through it, one at a time.

    Use `shared_client(...)`.
    """

    shared: ClassVar[dict[tuple[asyncio.AbstractEventLoop, str], SharedClient]] = {}

    def __init__(self, ard_conn_id: str) -> None:
        self.users = 0
        self._ard_conn_id = ard_conn_id
        self._client: ArdClient | None = None
        self._turn = asyncio.Lock()

    async def ask(self, question: Callable[[ArdClient], Answer]) -> Answer | ArdError:
        """Return what a question answers, asked in a thread, or the `ArdError` that it met."""
        async with self._turn:
            try:
                try:
                    return await self._asked(question)
                except ArdAuthError:
                    # The login may have been changed in the connection meanwhile: once more with what it says now.
                    self.close()
                    return await self._asked(question)
            except ArdError as error:
                return error

    async def _asked(self, question: Callable[[ArdClient], Answer]) -> Answer:
        if self._client is None:
            from airflow_provider_ard.hooks.ard import client_of

            connection = await get_async_connection(self._ard_conn_id)
            # In a thread: reading the extra may ask the supervisor to mask secrets. One attempt: the next look is the
            # retry.
            self._client = await asyncio.to_thread(client_of, connection, attempts=1)
        return await asyncio.to_thread(question, self._client)

    def close(self) -> None:
        """Close the session; the next question opens one anew."""
        if self._client:
            self._client.close()
            self._client = None


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
