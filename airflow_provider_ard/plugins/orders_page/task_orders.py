"""The orders of one task instance, or else those of its DAG run: what the tab on a task shows."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdNotFoundError
from airflow_provider_ard.ordering.idempotency import TAG_PREFIX
from airflow_provider_ard.plugins.orders_page.rows import Row, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.ordering.idempotency import IdempotencyKey

# Orders of one DAG run: one for each mapped task instance, and more where some failed.
MOST_OF_A_RUN = 1_000
# Where they are looked for: the DAGs of one schedule have runs of the same id.
MOST_LISTED = 2_000
# Orders of which the list does not tell who placed them are asked for singly: so many in one look, and so many kept.
MOST_SINGLES = 40
MOST_KEPT = 10_000
# A look within this time of the last one for the same task is answered from memory.
FRESH_S = 8.0


class TaskOrders:
    """Looks for the orders of task instances through one client, and keeps for some seconds what it has found."""

    def __init__(self, client: ArdClient) -> None:
        self.client = client
        self._found: dict[IdempotencyKey, tuple[float, list[Row]]] = {}
        self._told_singly: dict[str, Row] = {}

    def look(self, intention: IdempotencyKey) -> list[Row]:
        """Return the orders of a task instance, or of its whole run if it has placed none. Raises `ArdError`."""
        now = time.monotonic()
        for one, (found_at, _) in list(self._found.items()):
            if now - found_at > FRESH_S:
                self._found.pop(one, None)
        if (found := self._found.get(intention)) is None:
            found = now, self._own(intention) or self._of_run(intention)
            self._found[intention] = found
        return found[1]

    def _own(self, intention: IdempotencyKey) -> list[Row]:
        wanted = intention.task_id, intention.map_index
        rows = self._listed(intention, "key", intention.digest)
        return [row for row in rows if (row.task, row.map_index) == wanted]

    def _of_run(self, intention: IdempotencyKey) -> list[Row]:
        return list(islice(self._listed(intention, "run_id", intention.run_id), MOST_OF_A_RUN))

    def _listed(self, intention: IdempotencyKey, tag: str, value: str) -> Iterator[Row]:
        """Yield the orders of the run that the list has under a tag: a filter that the API ignores must not mislead."""
        singles = 0
        for order in self.client.list_orders(filter=f"metadata.{TAG_PREFIX}{tag}:{value}", limit=MOST_LISTED):
            row = row_of(order) if order.metadata else self._told_singly.get(order.id)
            if (row is None or row.status != order.status) and singles < MOST_SINGLES:
                singles += 1
                row = self._singly(order.id)
            if row and (row.dag, row.run) == (intention.dag_id, intention.run_id):
                yield row

    def _singly(self, order_id: str) -> Row | None:
        if len(self._told_singly) >= MOST_KEPT:
            self._told_singly.clear()
        # Listed a moment ago, and gone since.
        with suppress(ArdNotFoundError):
            self._told_singly[order_id] = row_of(self.client.get_order(order_id))
        return self._told_singly.get(order_id)
