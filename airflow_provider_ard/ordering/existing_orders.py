"""Search the list of orders, and prove which orders it contains.

A wrong "no orders" leads to a duplicate purchase, so it requires a complete list in the documented format, in which
every row's key could be read. Any other list raises `ArdUnavailableError`: no order is placed, and a retry searches
again.
"""

from __future__ import annotations

import logging
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdError, ArdNotFoundError, ArdUnavailableError
from airflow_provider_ard.api.http.time_limit import time_limit
from airflow_provider_ard.ordering.idempotency import FINGERPRINT_TAG, TASK_KEY_TAG
from airflow_provider_ard.ordering.tags import tag_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.order_key import OrderKey

log = logging.getLogger(__name__)

# An order may be listed some seconds after it was accepted.
SEARCH_WINDOW_S = 30.0
# The last search of a window may take this much longer.
LAST_SEARCH_TIMEOUT_S = 10.0
# Maximum number of rows to read if the API ignores the filter, and of orders to request one by one.
MAX_ROWS = 20_000
MAX_SINGLE_REQUESTS = 100
# The list without a filter is read from this long before a submission, whose clock may differ from the API's, which may
# exclude the day itself; and from this long ago if the time of the submission is not recorded.
CLOCK_MARGIN = timedelta(days=2)
UNRECORDED_SUBMISSION = timedelta(days=7)


class OrderSearch:
    """Searches for the orders of an idempotency key. `window`: seconds to search for one that may not be listed yet."""

    def __init__(self, client: ArdClient, key: OrderKey, window: float | None = None) -> None:
        self._client = client
        self._key = key
        self._key_tag = f"{key.tag_prefix}key"
        self._digests = [key.digest]
        self.window = SEARCH_WINDOW_S if window is None else window

    def include_key(self, digest: str) -> None:
        """Search for the orders of another key as well: the Connection's namespace may have been changed."""
        if digest not in self._digests:
            self._digests.append(digest)

    def orders(self) -> list[OrderStatus]:
        """Return the orders of the task instance. Raises `ArdUnavailableError` if the list is no proof."""
        return self._orders(self._client)

    def orders_once(self) -> list[OrderStatus]:
        """Return the orders of the task instance, with a single attempt of at most 10 s."""
        return self._orders_within(LAST_SEARCH_TIMEOUT_S)

    def orders_of_task(self) -> list[OrderStatus]:
        """Return the orders of all task instances that the mapped task expands to in this DAG run."""
        return _search(self._client, TASK_KEY_TAG, self._key.task_digest)

    def orders_of_task_for(self, fingerprint: str) -> list[OrderStatus]:
        """Return the orders of one request, of all task instances that the mapped task expands to in this DAG run."""
        orders = _search(self._client, FINGERPRINT_TAG, fingerprint)
        return [order for order in orders if tag_digest(order, TASK_KEY_TAG) == self._key.task_digest]

    def wait_for_new(self, existing_order_ids: Collection[str], submitted_at: float | None = None) -> list[OrderStatus]:
        """Return the orders of the task instance once there is a new one, or after the window.

        `submitted_at`: Unix time of the submission, seconds, None if not known. At the end, the list is also read
        without the filter, since an index may lag behind. Raises `ArdError` if the last search of the window failed:
        then nothing is proven.
        """
        deadline = time.monotonic() + self.window
        pause = 0.5
        while True:
            seconds = max(deadline - time.monotonic(), LAST_SEARCH_TIMEOUT_S)
            is_last = time.monotonic() >= deadline
            try:
                orders = self._orders_within(seconds)
            except ArdError as error:
                if is_last:
                    raise
                log.debug("Search failed, will retry: %s", error)
            else:
                if any(order.id not in existing_order_ids for order in orders):
                    return orders
                if is_last:
                    with time_limit(2 * seconds):
                        return self._orders_without_filter(submitted_at)
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
            pause = min(2 * pause, 5.0)

    def _orders_within(self, seconds: float) -> list[OrderStatus]:
        with time_limit(seconds):
            return self._orders(self._client.single_attempt())

    def _orders(self, client: ArdClient) -> list[OrderStatus]:
        return [order for digest in self._digests for order in _search(client, self._key_tag, digest)]

    def _orders_without_filter(self, submitted_at: float | None) -> list[OrderStatus]:
        """Return the orders of the task instance among all orders of the account since a submission."""
        now = datetime.now(UTC)
        since = (
            now - UNRECORDED_SUBMISSION if submitted_at is None else datetime.fromtimestamp(submitted_at, now.tzinfo)
        )
        client = self._client.single_attempt()
        rows = _rows(client, start_date=f"{since - CLOCK_MARGIN:%Y-%m-%d}")
        unclear = [row for row in rows if _is_unclear(row, self._key_tag) and (row.metadata or not row.has_metadata)]
        orders = rows + [get_listed_order(client, row.id) for row in unclear[:MAX_SINGLE_REQUESTS]]
        if orders and not any(order.has_metadata for order in orders):
            raise ArdUnavailableError(
                f"the API returns {len(rows)} orders without metadata, such as {rows[0].id}; cannot determine whether "
                "one has this key, so nothing was bought; in a task, pass existing_order_id if it does",
                order_id=rows[0].id,
            )
        return _confirmed(client, [order for order in orders if tag_digest(order, self._key_tag) in self._digests])


def _search(client: ArdClient, tag: str, digest: str) -> list[OrderStatus]:
    """Return the orders whose tag has the digest, the oldest last; proven complete."""
    rows = _rows(client, filter=f"metadata.{tag}:{digest}")
    matches = [row for row in rows if tag_digest(row, tag) == digest]
    unclear = [row for row in rows if tag_digest(row, tag) is None]
    if len(matches) < len(rows):
        is_filter_ignored = _ignores_filter(client, tag)
        if not is_filter_ignored and len(matches) + len(unclear) < len(rows):
            raise ArdUnavailableError(
                "the order list contains orders with other keys although it is filtered; cannot determine if it is "
                "complete, so nothing was bought"
            )
        if is_filter_ignored:
            unclear = [row for row in unclear if _is_unclear(row, tag)]
        matches += _search_one_by_one(client, unclear, tag, digest, is_filter_ignored=is_filter_ignored)
    return _confirmed(client, matches)


def _rows(
    client: ArdClient,
    *,
    filter: str | None = None,  # noqa: A002 -- the API's own word
    start_date: str | None = None,
) -> list[OrderStatus]:
    rows: list[OrderStatus] = []
    for page in client.search_orders(filter=filter, start_date=start_date):
        rows += page
        if len(rows) > MAX_ROWS:
            raise ArdUnavailableError(
                f"the API ignores the filter of the order list, which has more than {MAX_ROWS:,} orders; cannot "
                "determine whether one has this key, so nothing was bought"
            )
    return rows


def _is_unclear(row: OrderStatus, tag: str) -> bool:
    """Return whether a row may have the tag without showing it. Rows with other metadata only are from other tools."""
    return tag_digest(row, tag) is None and (tag in row.metadata or not row.metadata)


def _confirmed(client: ArdClient, orders: Iterable[OrderStatus]) -> list[OrderStatus]:
    """Return the orders, with the individual status of failed ones: a failed order is replaced by a new one."""
    return [get_listed_order(client, order.id) if order.has_failed else order for order in orders]


def _search_one_by_one(
    client: ArdClient, rows: list[OrderStatus], tag: str, digest: str, *, is_filter_ignored: bool
) -> list[OrderStatus]:
    """Return the rows whose individual status matches. A row of the list may be incomplete."""
    if len(rows) > MAX_SINGLE_REQUESTS:
        raise ArdUnavailableError(
            f"the order list contains {len(rows)} orders without metadata; cannot determine whether one has this "
            "key, so nothing was bought"
        )
    matches = []
    for row in rows:
        order = get_listed_order(client, row.id)
        if tag_digest(order, tag) == digest:
            matches.append(order)
        elif tag_digest(order, tag) is None and not (
            is_filter_ignored and order.has_metadata and tag not in order.metadata
        ):
            raise ArdUnavailableError(
                f"the API returns order {row.id} for this key without metadata; cannot determine whether it has "
                "the key, so nothing was bought; in a task, pass existing_order_id if it does",
                order_id=row.id,
            )
    return matches


def get_listed_order(client: ArdClient, order_id: str) -> OrderStatus:
    """Return the individual status of an order of the list. Raises `ArdUnavailableError` if it is not found."""
    try:
        return client.get_order(order_id)
    except ArdNotFoundError as error:
        raise ArdUnavailableError(
            f"order {order_id} is in the list, but its status was not found: {error}", order_id=order_id
        ) from None


def _ignores_filter(client: ArdClient, tag: str) -> bool:
    """Return whether the list contains orders for a value that no order can have."""
    return any(page for page in client.search_orders(filter=f"metadata.{tag}:{secrets.token_hex(16)}", max_pages=1))
