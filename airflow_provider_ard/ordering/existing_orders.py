"""Search the list of orders, and prove what it does not contain.

"No orders" is a conclusion that costs money if it is wrong. It takes a complete list of the documented form, in which
every row's key could be read. Everything else raises `ArdUnavailableError`: nothing is bought, and a retry searches
again.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdNotFoundError, ArdUnavailableError
from airflow_provider_ard.ordering.idempotency import KEY_TAG, TASK_KEY_TAG, tag_value

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.idempotency import IdempotencyKey

log = logging.getLogger(__name__)

# An order may be listed some seconds after it was accepted.
SEARCH_WINDOW_S = 30.0
# The last search of a window may take this much longer.
LAST_SEARCH_TIMEOUT_S = 10.0
# Rows to read of a list that does not honor the filter, and orders to request one by one.
MAX_ROWS = 20_000
MAX_SINGLE_REQUESTS = 100


class OrderSearch:
    """Searches for the orders of an idempotency key. `window`: seconds to search for one that may not be listed yet."""

    def __init__(self, client: ArdClient, key: IdempotencyKey, window: float | None = None) -> None:
        self._client = client
        self._key = key
        self.window = SEARCH_WINDOW_S if window is None else window

    def orders(self) -> list[OrderStatus]:
        """Return the orders of the task instance. Raises `ArdUnavailableError` if the list proves nothing."""
        return _search(self._client, KEY_TAG, self._key.digest)

    def orders_of_task(self) -> list[OrderStatus]:
        """Return the orders of all task instances that the mapped task expands to in this DAG run."""
        return _search(self._client, TASK_KEY_TAG, self._key.task_digest)

    def wait_for_new(self, existing_order_ids: Collection[str]) -> list[OrderStatus]:
        """Return the orders of the task instance once there is a new one, or after the window.

        Raises `ArdUnavailableError` if the last search of the window failed: then nothing is proven.
        """
        deadline = time.monotonic() + self.window
        pause = 0.5
        while True:
            started_at = time.monotonic()
            is_last = started_at >= deadline
            client = self._client.single_attempt(timeout=max(deadline - started_at, LAST_SEARCH_TIMEOUT_S))
            try:
                orders = _search(client, KEY_TAG, self._key.digest)
            except ArdUnavailableError as error:
                if is_last:
                    raise
                log.debug("Search failed, will retry: %s", error)
            else:
                if is_last or any(order.id not in existing_order_ids for order in orders):
                    return orders
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
            pause = min(2 * pause, 5.0)


def _search(client: ArdClient, tag: str, value: str) -> list[OrderStatus]:
    """Return the orders whose tag has the value, the oldest last; proven complete."""
    rows: list[OrderStatus] = []
    for page in client.search_orders(filter=f"metadata.{tag}:{value}"):
        rows += page
        if len(rows) > MAX_ROWS:
            raise ArdUnavailableError(
                f"the list of orders does not honor its filter, and has more than {MAX_ROWS:,} orders: whether one of "
                "them belongs to this task cannot be determined; nothing was bought"
            )
    matches = [row for row in rows if tag_value(row, tag) == value]
    untagged = [row for row in rows if tag_value(row, tag) is None]
    if not untagged:
        return matches
    is_filter_ignored = len(matches) + len(untagged) < len(rows) or _ignores_filter(client, tag)
    if is_filter_ignored and any(row.metadata for row in rows):
        # The list echoes metadata, so that orders with none of ours have another origin, such as the SDK.
        untagged = [row for row in untagged if not row.has_metadata]
    return matches + _search_one_by_one(client, untagged, tag, value, is_filter_ignored=is_filter_ignored)


def _search_one_by_one(
    client: ArdClient, rows: list[OrderStatus], tag: str, value: str, *, is_filter_ignored: bool
) -> list[OrderStatus]:
    """Return those rows whose single status shows that they match. A row of the list may be shortened."""
    if len(rows) > MAX_SINGLE_REQUESTS:
        raise ArdUnavailableError(
            f"the list of orders returned {len(rows)} orders without their metadata: whether one of them belongs to "
            "this task cannot be determined; nothing was bought"
        )
    matches = []
    for row in rows:
        try:
            order = client.get_order(row.id)
        except ArdNotFoundError as error:
            raise ArdUnavailableError(f"order {row.id} is listed, but its status is not found: {error}") from None
        order_value = tag_value(order, tag)
        if order_value == value:
            matches.append(order)
        elif order_value is None and not (is_filter_ignored and order.has_metadata):
            raise ArdUnavailableError(
                f"the API returns order {row.id} for this task, but not its metadata: whether it belongs to this task "
                "cannot be determined, and nothing was bought; pass existing_order_id if it does",
                order_id=row.id,
            )
    return matches


def _ignores_filter(client: ArdClient, tag: str) -> bool:
    """Return whether the list contains orders for a value that no order can have."""
    return any(page for page in client.search_orders(filter=f"metadata.{tag}:{secrets.token_hex(16)}", max_pages=1))
