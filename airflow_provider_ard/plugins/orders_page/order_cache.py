"""The orders of each Connection, cached in this API server.

The API lists a hundred orders per page: responses are cached, and only what may have changed is requested again. No
requests are made unless the page is open.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.http.transport import PAGE_SIZE
from airflow_provider_ard.api.orders.order_list import age_order
from airflow_provider_ard.api.refusal import may_be_unknown
from airflow_provider_ard.hooks.suggestions import suggest_fix
from airflow_provider_ard.plugins.orders_page.rows import Row, create_row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus

log = logging.getLogger(__name__)

# A request within this time is answered from the cache.
CACHE_TTL_S = 8.0
# How long a response waits for the complete list before it returns what is cached so far.
MAX_WAIT_S = 2.0
# An unused cache is dropped after this time: its Connection may be deleted.
IDLE_S = 3_600.0
# At least this often the list is read completely, unless its times prove that it is newest first.
FULL_READ_S = 300.0
# No more orders are read.
MAX_ORDERS = 20_000
# Orders that are requested one by one per poll: old open ones, and those with incomplete rows.
MAX_SINGLE_REQUESTS = 40


class OrderCache:
    """The orders of one Connection. `client` returns the API client, a new one if the Connection has changed."""

    def __init__(self, client: Callable[[], ArdClient]) -> None:
        self._client_for = client
        self._client: ArdClient | None = None
        self._changed = threading.Condition()
        self._reading = False
        self._read_at = float("-inf")
        self.used_at = time.monotonic()
        self._reset()

    def _reset(self) -> None:
        # Identifies the content of this cache: another process, or a changed Connection, has another one.
        self.generation = f"{time.time_ns():x}"
        self._rows: dict[str, Row] = {}
        self._versions: dict[str, int] = {}
        self._listed_ids: list[str] = []
        self._read_fully_at = float("-inf")
        self._has_new_last = False
        self._incomplete_ids: set[str] = set()
        self._version = 0
        self._complete = False
        self._is_interrupted = False
        self._error: dict[str, Any] | None = None

    def snapshot(self, known_versions: Mapping[str, int]) -> Snapshot:
        """Return the orders that changed since the known version of this generation; all if it is not known."""
        with self._changed:
            self.used_at = time.monotonic()
            if not self._reading and time.monotonic() - self._read_at > CACHE_TTL_S:
                self._reading = True
                threading.Thread(target=self._read, name="ard-orders", daemon=True).start()
            self._changed.wait_for(lambda: not self._reading or self._is_first(known_versions), MAX_WAIT_S)
            since = known_versions.get(self.generation, 0)
            rows = [row for order_id, row in self._rows.items() if self._versions[order_id] > since]
            metadata = {
                "generation": self.generation,
                "version": self._version,
                "count": len(self._rows),
                "complete": self._complete,
                "error": self._error,
            }
            return Snapshot(rows, metadata)

    def _is_first(self, known_versions: Mapping[str, int]) -> bool:
        """Return whether there are orders to show at once to a browser that has none of this generation."""
        return self._error is None and self._version > 0 and self.generation not in known_versions

    def client(self) -> ArdClient:
        """Return a client of the Connection as it is now."""
        try:
            client = self._client_for()
        except ArdError:
            # Cached orders must not be shown to users who have lost access.
            with self._changed:
                if self._client is not None:
                    self._client = None
                    self._reset()
            raise
        with self._changed:
            if client is not self._client:
                self._client = client
                self._reset()
        return client

    def _read(self) -> None:
        error = None
        try:
            self._read_orders(self.client())
        except ArdError as caught:
            error = error_content(caught)
        except Exception as caught:
            log.exception("Reading the orders failed")
            error = {"detail": f"{type(caught).__name__}: see the API server's log.", "suggestion": None, "fields": []}
        finally:
            with self._changed:
                self._error = error
                self._reading = False
                self._read_at = time.monotonic()
                self._changed.notify_all()

    def _read_orders(self, client: ArdClient) -> None:
        index = {order_id: position for position, order_id in enumerate(self._listed_ids)}
        depth, single_indexes = plan_requests(sorted(index[row.id] for row in self._rows.values() if row.is_open))
        order_ids = [self._listed_ids[position] for position in single_indexes]
        # In a list that is newest first, orders after a known one are known, unless a poll was interrupted.
        is_contiguous = self._complete and not self._is_interrupted
        listed_ids: list[str] = []
        for page in client.order_pages():
            listed_ids += (order.id for order in page)
            self._store(client, page, listed_ids)
            reached_cached_orders = bool(page) and page[-1].id in index
            if len(listed_ids) >= MAX_ORDERS or (
                reached_cached_orders and is_contiguous and len(listed_ids) >= depth and self._is_newest_first(page)
            ):
                break
            self._is_interrupted = True
        else:
            self._read_fully_at = time.monotonic()
            self._has_new_last = bool(index and listed_ids) and listed_ids[-1] not in index
        with self._changed:
            self._is_interrupted = False
            self._complete = client is self._client
        order_ids += [order_id for order_id in self._listed_ids if order_id in self._incomplete_ids]
        for order_id in order_ids[:MAX_SINGLE_REQUESTS]:
            try:
                self._store(client, [client.get_order(order_id)], listed_ids, is_complete=True)
            except ArdError as error:
                # An order that the API has deleted keeps its row.
                if not may_be_unknown(error):
                    raise

    def _is_newest_first(self, page: Sequence[OrderStatus]) -> bool:
        """Return whether the list is newest first, as its times show, or else the last complete reading."""
        if age := age_order(page):
            return age > 0
        return not self._has_new_last and time.monotonic() - self._read_fully_at < FULL_READ_S

    def _store(
        self, client: ArdClient, orders: Sequence[OrderStatus], listed_ids: Sequence[str], *, is_complete: bool = False
    ) -> None:
        """Store orders. `listed_ids`: the first orders of the list so far; `is_complete`: these rows are complete."""
        with self._changed:
            if client is not self._client:
                # The Connection has changed meanwhile, perhaps to another account.
                return
            for order in orders:
                row = create_row(order)
                old = self._rows.get(row.id)
                if is_complete or order.order is not None:
                    self._incomplete_ids.discard(row.id)
                elif old is None:
                    self._incomplete_ids.add(row.id)
                elif row.status != old.status:
                    # The list has only the status; the other fields changed with it and are requested.
                    self._incomplete_ids.add(row.id)
                    row = old._replace(status=row.status, state=row.state, message=row.message)
                else:
                    row = old
                if row != old:
                    self._version += 1
                    self._rows[row.id] = row
                    self._versions[row.id] = self._version
            listed = set(listed_ids)
            self._listed_ids = [*listed_ids, *(item for item in self._listed_ids if item not in listed)]
            self._changed.notify_all()


@dataclass(frozen=True)
class Snapshot:
    """The new and changed rows of a cache, and its metadata."""

    rows: list[Row]
    metadata: dict[str, Any]


def plan_requests(open_indexes: Sequence[int]) -> tuple[int, Sequence[int]]:
    """Return how deep to read the list, and which orders to request one by one, for the fewest requests.

    `open_indexes`: positions in the list of the orders that may have changed, ascending.
    """
    best = (len(open_indexes), 0, open_indexes)
    for position, index in enumerate(open_indexes):
        pages = index // PAGE_SIZE + 1
        cost = pages + len(open_indexes) - position - 1
        if cost <= best[0]:
            best = (cost, pages * PAGE_SIZE, open_indexes[position + 1 :])
    return best[1], best[2]


def error_content(error: ArdError) -> dict[str, Any]:
    """Return an error as JSON, with the Connection fields to check."""
    suggestion = suggest_fix(error)
    return {
        "detail": error.message,
        "suggestion": suggestion.text if suggestion else None,
        "fields": list(suggestion.fields) if suggestion else [],
    }
