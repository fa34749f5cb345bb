"""The orders of each Connection, as this API server last saw them.

The API lists a hundred orders a page: what was read is kept, and a look at the page reads only what may have changed.
Nobody looking: nothing is asked.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.errors import ArdError, ArdNotFoundError, ArdRequestError
from airflow_provider_ard.api.http.transport import PAGE_SIZE
from airflow_provider_ard.hooks.ard import ArdHook, create_client
from airflow_provider_ard.hooks.suggestions import suggest_fix
from airflow_provider_ard.plugins.orders_page.rows import Row, row_of
from airflow_provider_ard.plugins.orders_page.task_orders import TaskOrders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus

log = logging.getLogger(__name__)

# A look within this time of the last one is answered from memory.
FRESH_S = 8.0
# How long an answer waits for the API before it says what is known so far.
PATIENCE_S = 2.0
# Somebody waits at the page, which asks again by itself: one attempt, and no longer than this for a call.
LONGEST_TIMEOUT_S = 10.0
# A book that nobody has looked at for so long is given up: its Connection may be gone.
IDLE_S = 3_600.0
# The newest orders are shown; older ones than so many are left out.
MOST_ORDERS = 20_000
# Orders that are asked for singly in one look: old ones still open, and those that the list tells too little of.
MOST_SINGLES = 40


class OrderBook:
    """The orders of one Connection. `client` returns the client to ask, a new one if the Connection has changed."""

    def __init__(self, client: Callable[[], ArdClient]) -> None:
        self._client_for = client
        self._client: ArdClient | None = None
        self._changed = threading.Condition()
        self._reading = False
        self._read_at = float("-inf")
        self.looked_at = time.monotonic()
        self._forget()

    def _forget(self) -> None:
        # Tells one life of this book from another: of another process, or before the Connection was changed.
        self.era = f"{time.time_ns():x}"
        self._rows: dict[str, Row] = {}
        self._versions: dict[str, int] = {}
        self._newest_first: list[str] = []
        self._short: set[str] = set()
        self._version = 0
        self._complete = False
        self._torn = False
        self._error: dict[str, Any] | None = None

    def look(self, seen: Mapping[str, int]) -> Look:
        """Return the orders that have changed since a version of this era; `seen` has one for each era that is known.

        All of them to who knows of other eras only.
        """
        with self._changed:
            self.looked_at = time.monotonic()
            if not self._reading and time.monotonic() - self._read_at > FRESH_S:
                self._reading = True
                threading.Thread(target=self._read, name="ard-orders", daemon=True).start()
            self._changed.wait_for(lambda: not self._reading or self._has_news(seen), PATIENCE_S)
            since = seen.get(self.era, 0)
            rows = [row for order_id, row in self._rows.items() if self._versions[order_id] > since]
            facts = {
                "era": self.era,
                "version": self._version,
                "count": len(self._rows),
                "complete": self._complete,
                "error": self._error,
            }
            return Look(rows, facts)

    def _has_news(self, seen: Mapping[str, int]) -> bool:
        return self._error is None and self._version > seen.get(self.era, 0)

    def client(self) -> ArdClient:
        """Return a client of the Connection as it is now."""
        try:
            client = self._client_for()
        except ArdError:
            # What it showed is not for whom it shows nothing any more.
            with self._changed:
                if self._client is not None:
                    self._client = None
                    self._forget()
            raise
        with self._changed:
            if client is not self._client:
                self._client = client
                self._forget()
        return client

    def _read(self) -> None:
        error = None
        try:
            self._read_orders(self.client())
        except ArdError as failure:
            error = {"message": failure.message, "advice": suggest_fix(failure)}
        except Exception as failure:
            log.exception("The orders could not be read")
            error = {"message": f"{type(failure).__name__}: see the API server's log.", "advice": None}
        finally:
            with self._changed:
                self._error = error
                self._reading = False
                self._read_at = time.monotonic()
                self._changed.notify_all()

    def _read_orders(self, client: ArdClient) -> None:
        place = {order_id: number for number, order_id in enumerate(self._newest_first)}
        depth, singles = plan(sorted(place[row.id] for row in self._rows.values() if row.is_open))
        asked = [self._newest_first[number] for number in singles]
        # The list is newest first: what comes after an order that is known is known, unless a look ended too early.
        unbroken = self._complete and not self._torn
        listed: list[str] = []
        for page in client.order_pages():
            listed += (order.id for order in page)
            self._take(client, page, listed)
            known = bool(page) and page[-1].id in place
            if (known and unbroken and len(listed) >= depth) or len(listed) >= MOST_ORDERS:
                break
            self._torn = True
        with self._changed:
            self._torn = False
            self._complete = client is self._client
        asked += [order_id for order_id in self._newest_first if order_id in self._short]
        for order_id in asked[:MOST_SINGLES]:
            # One that the API has forgotten keeps its row.
            with suppress(ArdNotFoundError):
                self._take(client, [client.get_order(order_id)], listed, whole=True)

    def _take(
        self, client: ArdClient, orders: Sequence[OrderStatus], listed: Sequence[str], *, whole: bool = False
    ) -> None:
        """Keep what was read: `listed` are the newest orders so far; `whole`: more than this is not to be had."""
        with self._changed:
            if client is not self._client:
                # The Connection has changed meanwhile: this is of another account, perhaps.
                return
            for order in orders:
                row = row_of(order)
                old = self._rows.get(row.id)
                if whole or order.order is not None:
                    self._short.discard(row.id)
                elif old is None:
                    self._short.add(row.id)
                elif row.status != old.status:
                    # The list tells the state; the rest is known from a single look, and has changed with it.
                    self._short.add(row.id)
                    row = old._replace(status=row.status, state=row.state, message=row.message)
                else:
                    row = old
                if row != old:
                    self._version += 1
                    self._rows[row.id] = row
                    self._versions[row.id] = self._version
            known = set(listed)
            self._newest_first = [*listed, *(one for one in self._newest_first if one not in known)]
            self._changed.notify_all()


@dataclass(frozen=True)
class Look:
    """What one look at a book has found: the rows that are new or have changed, and facts about the whole."""

    rows: list[Row]
    facts: dict[str, Any]


def plan(waiting: Sequence[int]) -> tuple[int, Sequence[int]]:
    """Return how deep to read the list, and which orders to ask for singly, for the fewest requests.

    `waiting` are the places, from the newest order, of those that may have changed, in rising order.
    """
    best = (len(waiting), 0, waiting)
    for number, place in enumerate(waiting):
        pages = place // PAGE_SIZE + 1
        cost = pages + len(waiting) - number - 1
        if cost <= best[0]:
            best = (cost, pages * PAGE_SIZE, waiting[number + 1 :])
    return best[1], best[2]


class Shelf:
    """All that this API server keeps of each Connection: its book, its client, the orders of tasks."""

    def __init__(self) -> None:
        self._books: dict[str, OrderBook] = {}
        self._clients: dict[str, tuple[str, ArdClient]] = {}
        self._tasks: dict[str, TaskOrders] = {}
        self._lock = threading.Lock()

    def book(self, conn_id: str) -> OrderBook:
        """Return the book of a Connection."""
        now = time.monotonic()
        with self._lock:
            self._books = {
                one: book for one, book in self._books.items() if one == conn_id or now - book.looked_at <= IDLE_S
            }
            return self._books.setdefault(conn_id, OrderBook(lambda: self.client(conn_id)))

    def tasks(self, conn_id: str) -> TaskOrders:
        """Return what looks for the orders of tasks through a Connection."""
        client = self.client(conn_id)
        with self._lock:
            if conn_id not in self._tasks or self._tasks[conn_id].client is not client:
                self._tasks[conn_id] = TaskOrders(client)
            return self._tasks[conn_id]

    def client(self, conn_id: str) -> ArdClient:
        """Return the client of a Connection, made anew when it has changed; raises `ArdError` without one."""
        try:
            connection = ArdHook.get_connection(conn_id)
        except Exception:  # noqa: BLE001 -- each secrets backend raises its own
            connection = None
        if connection is None or connection.conn_type != ArdHook.conn_type:
            with self._lock:
                self._clients.pop(conn_id, None)
                self._tasks.pop(conn_id, None)
            raise ArdRequestError(f"there is no Connection {conn_id} of type {ArdHook.conn_type}")
        mark = hashlib.sha256(connection.get_uri().encode()).hexdigest()
        with self._lock:
            known, client = self._clients.get(conn_id, ("", None))
            if client is None or known != mark:
                client = create_client(connection, max_attempts=1, longest_timeout=LONGEST_TIMEOUT_S)
                self._clients[conn_id] = (mark, client)
            return client
