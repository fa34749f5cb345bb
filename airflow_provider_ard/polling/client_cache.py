"""Clients that the triggerer keeps for as long as something polls with them."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, ClassVar, TypeVar

from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdUnavailableError
from airflow_provider_ard.hooks.connection_ids import check_conn_id
from airflow_provider_ard.version_compat import BaseHook, Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from airflow_provider_ard.api.client import ArdClient

T = TypeVar("T")

log = logging.getLogger(__name__)

# A changed Connection takes effect within this time.
RELOAD_CONNECTION_S = 300.0
# A missing Connection counts as an outage for this long: Airflow also reports it while a secrets backend is down, and
# the worker has read the Connection just before.
MISSING_CONNECTION_GRACE_S = 3600.0


class ConnectionClient:
    """The client of one Connection, replaced when the Connection changes.

        client = ConnectionClient("ard_default")
        order = await asyncio.to_thread((await client.get()).get_order, "4711")
        client.reset()

    It has one session and one token. Use it from one event loop.
    """

    def __init__(self, ard_conn_id: str) -> None:
        self.ard_conn_id = ard_conn_id
        self._client: ArdClient | None = None
        # A hash, as the Connection's URI contains the password.
        self._connection_hash: int | None = None
        self._reload_at = 0.0
        self._missing_since: float | None = None

    def reset(self) -> None:
        """Close the client; `get` reads the Connection again and returns a new one, which logs in again."""
        if self._client:
            self._client.close()
            self._client = None

    async def get(self) -> ArdClient:
        """Return the client, the same one until the Connection changes.

        Raises `ArdUnavailableError` while the Connection cannot be read, and Airflow's own error after an hour of that;
        another `ArdError` if the ID or a field of the Connection is invalid.
        """
        now = time.monotonic()
        if self._client is None or now >= self._reload_at:
            check_conn_id(self.ard_conn_id, "ard_conn_id")
            self._reload_at = now + RELOAD_CONNECTION_S
            await asyncio.to_thread(_import_modules)
            try:
                connection = await _read_connection(self.ard_conn_id)
            except Exception as error:  # noqa: BLE001 -- each secrets backend raises its own
                self._connection_unreadable(error, now)
            else:
                self._missing_since = None
                await self._use(connection)
        assert self._client is not None  # noqa: S101 -- both branches raise without a client
        return self._client

    def _connection_unreadable(self, error: Exception, now: float) -> None:
        """Raise unless there is a client to continue with."""
        message = f"cannot be read ({type(error).__name__})"
        if self._client is not None:
            log.warning("Connection %r %s; continuing with its previous values", self.ard_conn_id, message)
            return
        if self._missing_since is None:
            self._missing_since = now
        if now - self._missing_since >= MISSING_CONNECTION_GRACE_S:
            raise error
        raise ArdUnavailableError(f"Connection {self.ard_conn_id!r} {message}") from None

    async def _use(self, connection: Connection) -> None:
        from asgiref.sync import sync_to_async

        connection_hash = hash(connection.get_uri())
        if self._client is not None and connection_hash == self._connection_hash:
            return
        try:
            # A thread of asgiref, as in `_read_connection`: before Airflow 3.3.2 a plain thread would send its request
            # on another event loop, and the triggerer would end with "Response read out of order".
            client = await sync_to_async(_create_client)(connection)
        except ArdError as error:
            if self._client is None:
                raise
            log.warning("Connection %r was changed and is invalid: %s; change ignored", self.ard_conn_id, error)
            return
        self.reset()
        self._client, self._connection_hash = client, connection_hash


async def _read_connection(ard_conn_id: str) -> Connection:
    """Return a Connection without blocking the event loop.

    Before Airflow 3.3.2, `BaseHook.aget_connection` masks secrets with a synchronous call, which fails while another
    call is in progress on the same event loop; there `get_connection` runs in a thread of asgiref, by which Airflow
    sends its request on this event loop.
    """
    from asgiref.sync import sync_to_async

    # Added together with the asynchronous masking.
    if hasattr(Connection, "aextra_dejson"):
        return await BaseHook.aget_connection(ard_conn_id)
    return await sync_to_async(BaseHook.get_connection)(ard_conn_id)


def _import_modules() -> None:
    """Import what polling needs; in a thread, as requests, oauthlib and the models take up to 200 ms."""
    import airflow_provider_ard.api.client
    import airflow_provider_ard.api.orders.status_reader
    import airflow_provider_ard.hooks.ard  # noqa: F401

    with suppress(ImportError):
        # Airflow 3 imports it to read a Connection; a triggerer has it loaded.
        import airflow.sdk.execution_time.supervisor  # noqa: F401


def _create_client(connection: Connection) -> ArdClient:
    """Return a client that makes one attempt per request: the next poll is the retry.

    Runs in a thread, as reading the extra may send a request to Airflow's supervisor to mask secrets.
    """
    from airflow_provider_ard.hooks.ard import create_client

    return create_client(connection, max_attempts=1)


class SharedClient:
    """The client of one event loop and Connection, shared by all its users; see `shared_client`.

        async with shared_client("ard_default") as client:
            select = await client.call(lambda api: api.get_select("17"))

    It makes one request at a time.
    """

    _instances: ClassVar[dict[tuple[asyncio.AbstractEventLoop, str], SharedClient]] = {}

    def __init__(self, ard_conn_id: str) -> None:
        self._users = 0
        self._client = ConnectionClient(ard_conn_id)
        self._lock = asyncio.Lock()

    async def call(self, request: Callable[[ArdClient], T]) -> T:
        """Return what `request` returns; it runs in a thread, with the client as its argument. Raises `ArdError`s."""
        async with self._lock:
            try:
                return await asyncio.to_thread(request, await self._client.get())
            except ArdAuthError:
                # The login in the Connection may have changed since: the next call uses its current values.
                self._client.reset()
                raise


@asynccontextmanager
async def shared_client(ard_conn_id: str) -> AsyncIterator[SharedClient]:
    """Yield the event loop's client of a Connection; it is closed when its last user leaves."""
    key = (asyncio.get_running_loop(), ard_conn_id)
    client = SharedClient._instances.setdefault(key, SharedClient(ard_conn_id))
    client._users += 1
    try:
        yield client
    finally:
        client._users -= 1
        if not client._users:
            del SharedClient._instances[key]
            client._client.reset()
