"""The caches of this API server: clients, orders and the orders of tasks, for each Connection."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_ard.api.errors import ArdError, ArdRequestError
from airflow_provider_ard.hooks import connection_fields
from airflow_provider_ard.hooks.ard import ArdHook, create_client
from airflow_provider_ard.plugins.orders_page.order_cache import IDLE_S, OrderCache
from airflow_provider_ard.plugins.orders_page.quicklooks import Quicklooks
from airflow_provider_ard.plugins.orders_page.task_orders import TaskOrders

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.version_compat import Connection

# The page polls: one attempt, with at most this timeout.
MAX_TIMEOUT_S = 10.0


class _ConnectionState(NamedTuple):
    """What depends on a Connection, until it changes. `digest`: of the Connection."""

    digest: str
    client: ArdClient
    budgets: list[dict[str, Any]]
    task_orders: TaskOrders
    quicklooks: Quicklooks


class OrderCaches:
    """The caches of this API server for each Connection: orders, client, orders of tasks, quicklooks."""

    def __init__(self) -> None:
        self._order_caches: dict[str, OrderCache] = {}
        self._states: dict[str, _ConnectionState] = {}
        self._lock = threading.Lock()

    def order_cache(self, conn_id: str) -> OrderCache:
        """Return the order cache of a Connection."""
        now = time.monotonic()
        with self._lock:
            for other_id, cache in list(self._order_caches.items()):
                if other_id != conn_id and now - cache.used_at > IDLE_S:
                    del self._order_caches[other_id]
                    self._states.pop(other_id, None)
            return self._order_caches.setdefault(conn_id, OrderCache(lambda: self.client(conn_id)))

    def task_orders(self, conn_id: str) -> TaskOrders:
        """Return the cache of task orders of a Connection."""
        return self._current_state(conn_id).task_orders

    def quicklooks(self, conn_id: str) -> Quicklooks:
        """Return the quicklooks of a Connection. A known Connection is not read again: there is one call per image."""
        return (self._known_state(conn_id) or self._current_state(conn_id)).quicklooks

    def client(self, conn_id: str) -> ArdClient:
        """Return the client of a Connection, a new one if the Connection has changed. Raises `ArdError` without one."""
        return self._current_state(conn_id).client

    def budgets(self, conn_id: str) -> list[dict[str, Any]]:
        """Return the budgets of a Connection whose client was requested before, none for another one."""
        state = self._known_state(conn_id)
        return state.budgets if state else []

    def _known_state(self, conn_id: str) -> _ConnectionState | None:
        with self._lock:
            return self._states.get(conn_id)

    def _current_state(self, conn_id: str) -> _ConnectionState:
        try:
            connection = ArdHook.get_connection(conn_id)
        except Exception:  # noqa: BLE001 -- each secrets backend has its own errors
            connection = None
        if connection is None or connection.conn_type != ArdHook.conn_type:
            with self._lock:
                self._states.pop(conn_id, None)
            raise ArdRequestError(f"Connection {conn_id} of type {ArdHook.conn_type} does not exist")
        digest = hashlib.sha256(connection.get_uri().encode()).hexdigest()
        with self._lock:
            state = self._states.get(conn_id)
            if state is None or state.digest != digest:
                client = create_client(connection, max_attempts=1, max_timeout=MAX_TIMEOUT_S)
                state = _ConnectionState(digest, client, _budgets(connection), TaskOrders(client), Quicklooks(client))
                self._states[conn_id] = state
            return state


def _budgets(connection: Connection) -> list[dict[str, Any]]:
    try:
        return [budget.to_dict() for budget in connection_fields.budgets(connection.extra_dejson.get("budget"))]
    except ArdError:
        # The Connection's test and each order report it.
        return []
