"""The orders of a task instance, or of its DAG run: the content of the tab of a task."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.refusal import may_be_unknown
from airflow_provider_ard.ordering.order_key import TAG_PREFIX
from airflow_provider_ard.plugins.orders_page.rows import Row, create_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.ordering.idempotency import IdempotencyKey

# Orders of one DAG run: one per mapped task instance, and more if some failed.
MAX_ORDERS_OF_RUN = 1_000
# Rows to read: the DAGs of one schedule have runs with the same ID.
MAX_LISTED = 2_000
# Rows without metadata are requested one by one: at most so many per poll, and so many are cached.
MAX_SINGLE_REQUESTS = 40
MAX_CACHED_ROWS = 10_000
# A request for the same task within this time is answered from the cache.
CACHE_TTL_S = 8.0


class TaskOrders:
    """Searches for the orders of task instances through one client, and caches the results for some seconds."""

    def __init__(self, client: ArdClient) -> None:
        self.client = client
        self._cache: dict[IdempotencyKey, tuple[float, list[Row]]] = {}
        self._rows_by_id: dict[str, Row] = {}

    def find(self, idempotency_key: IdempotencyKey) -> list[Row]:
        """Return the orders of a task instance, or of its complete run if it has none. Raises `ArdError`."""
        now = time.monotonic()
        for key, (cached_at, _) in list(self._cache.items()):
            if now - cached_at > CACHE_TTL_S:
                self._cache.pop(key, None)
        if (entry := self._cache.get(idempotency_key)) is None:
            entry = now, self._of_task(idempotency_key) or self._of_run(idempotency_key)
            self._cache[idempotency_key] = entry
        return entry[1]

    def _of_task(self, idempotency_key: IdempotencyKey) -> list[Row]:
        task_instance = idempotency_key.task_id, idempotency_key.map_index
        rows = self._list(idempotency_key, "key", idempotency_key.digest)
        return [row for row in rows if (row.task, row.map_index) == task_instance]

    def _of_run(self, idempotency_key: IdempotencyKey) -> list[Row]:
        return list(islice(self._list(idempotency_key, "run_id", idempotency_key.run_id), MAX_ORDERS_OF_RUN))

    def _list(self, idempotency_key: IdempotencyKey, tag: str, value: str) -> Iterator[Row]:
        """Yield the orders of the run with a tag. The rows are checked, since the API may ignore the filter."""
        requests = 0
        for order in self.client.list_orders(filter=f"metadata.{TAG_PREFIX}{tag}:{value}", limit=MAX_LISTED):
            row = create_row(order) if order.metadata else self._rows_by_id.get(order.id)
            if (row is None or row.status != order.status) and requests < MAX_SINGLE_REQUESTS:
                requests += 1
                row = self._request_row(order.id)
            if row and (row.dag, row.run) == (idempotency_key.dag_id, idempotency_key.run_id):
                yield row

    def _request_row(self, order_id: str) -> Row | None:
        if len(self._rows_by_id) >= MAX_CACHED_ROWS:
            self._rows_by_id.clear()
        try:
            self._rows_by_id[order_id] = create_row(self.client.get_order(order_id))
        except ArdError as error:
            # Listed a moment ago, and deleted since.
            if not may_be_unknown(error):
                raise
        return self._rows_by_id.get(order_id)
