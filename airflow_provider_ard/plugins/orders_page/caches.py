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
from airflow_provider_ard.plugins.orders_page.task_orders import TaskOrders

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.version_compat import Connection

# The page polls: one attempt, with at most this timeout.
MAX_TIMEOUT_S = 10.0


class _ConnectionClient(NamedTuple):
    """The client of a Connection, with its budgets. `digest`: of the Connection."""

    digest: str
    client: ArdClient
    budgets: list[dict[str, Any]]


class OrderCaches:
    """The caches of this API server for each Connection: orders, client, orders of tasks."""

    def __init__(self) -> None:
        self._order_caches: dict[str, OrderCache] = {}
        self._clients: dict[str, _ConnectionClient] = {}
        self._task_orders: dict[str, TaskOrders] = {}
        self._lock = threading.Lock()

    def order_cache(self, conn_id: str) -> OrderCache:
        """Return the order cache of a Connection."""
        now = time.monotonic()
        with self._lock:
            self._order_caches = {
                other_id: cache
                for other_id, cache in self._order_caches.items()
                if other_id == conn_id or now - cache.used_at <= IDLE_S
            }
            return self._order_caches.setdefault(conn_id, OrderCache(lambda: self.client(conn_id)))

    def task_orders(self, conn_id: str) -> TaskOrders:
        """Return the cache of task orders of a Connection."""
        client = self.client(conn_id)
        with self._lock:
            if conn_id not in self._task_orders or self._task_orders[conn_id].client is not client:
                self._task_orders[conn_id] = TaskOrders(client)
            return self._task_orders[conn_id]

    def client(self, conn_id: str) -> ArdClient:
        """Return the client of a Connection, a new one if the Connection has changed. Raises `ArdError` without one."""
        try:
            connection = ArdHook.get_connection(conn_id)
        except Exception:  # noqa: BLE001 -- each secrets backend has its own errors
            connection = None
        if connection is None or connection.conn_type != ArdHook.conn_type:
            with self._lock:
                self._clients.pop(conn_id, None)
                self._task_orders.pop(conn_id, None)
            raise ArdRequestError(f"Connection {conn_id} of type {ArdHook.conn_type} does not exist")
        digest = hashlib.sha256(connection.get_uri().encode()).hexdigest()
        with self._lock:
            previous = self._clients.get(conn_id)
            if previous is None or previous.digest != digest:
                client = create_client(connection, max_attempts=1, max_timeout=MAX_TIMEOUT_S)
                previous = self._clients[conn_id] = _ConnectionClient(digest, client, _budgets(connection))
            return previous.client

    def budgets(self, conn_id: str) -> list[dict[str, Any]]:
        """Return the budgets of a Connection whose client was requested before, none for another one."""
        with self._lock:
            used = self._clients.get(conn_id)
        return used.budgets if used else []


def _budgets(connection: Connection) -> list[dict[str, Any]]:
    try:
        return [budget.to_dict() for budget in connection_fields.budgets(connection.extra_dejson.get("budget"))]
    except ArdError:
        # The Connection's test and each order report it.
        return []
