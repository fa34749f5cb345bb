"""Search the list of orders for those of one idempotency key."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdUnavailableError
from airflow_provider_ard.ordering.idempotency import FIRST_TRY_TAG, KEY_TAG

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.idempotency import IdempotencyKey
    from airflow_provider_ard.ordering.submission_store import SubmissionRecord

log = logging.getLogger(__name__)

# An order may be listed some seconds after it was accepted.
SEARCH_WINDOW_S = 30.0
# Orders under one key: one, and one more for each that failed or was asked for by `resubmit`.
MAX_ORDERS_PER_KEY = 100


class OrderSearch:
    """Searches for the orders of an idempotency key. `window`: seconds to search for one that may not be listed yet."""

    def __init__(self, client: ArdClient, key: IdempotencyKey, window: float | None = None) -> None:
        self._client = client
        self._key = key
        self.window = SEARCH_WINDOW_S if window is None else window

    def orders(self) -> list[OrderStatus]:
        """Return the orders of the key, newest first."""
        rows = self._client.list_orders(filter=f"metadata.{KEY_TAG}:{self._key.digest}", limit=MAX_ORDERS_PER_KEY)
        # A row without metadata is requested individually: a filter may be ignored, a row may be shortened.
        orders = (row if row.metadata else self._client.get_order(row.id) for row in rows)
        return [order for order in orders if order.metadata.get(KEY_TAG) == self._key.digest]

    def interrupted(self, record: SubmissionRecord, orders: list[OrderStatus]) -> OrderStatus | None:
        """Return the order that an interrupted attempt of this series has submitted, None if there is none.

        An attempt that resumes after its order was recorded counts as interrupted, too.
        """
        if not record.submitted:
            return None
        if record.order_id:
            by_id = {order.id: order for order in orders}
            # The list may lag behind the record.
            order = by_id.get(record.order_id) or self._client.get_order(record.order_id)
            return order if self._is_of_series(order) else None
        existing = record.existing_order_ids
        is_submitted = self._is_of_series if existing is None else _is_new(existing)
        submitted = next(filter(is_submitted, orders), None)
        if submitted is None:
            log.info("A previous attempt may have submitted this order; searching for up to %g s", self.window)
            submitted = self._wait_for(is_submitted)
        return submitted

    def wait_for_new(self, existing_order_ids: tuple[str, ...]) -> OrderStatus | None:
        """Search until an order appears that is none of the existing ones; None after the window."""
        return self._wait_for(_is_new(existing_order_ids))

    def _is_of_series(self, order: OrderStatus) -> bool:
        return order.metadata.get(FIRST_TRY_TAG) == self._key.first_try_number

    def _wait_for(self, matches: Callable[[OrderStatus], bool]) -> OrderStatus | None:
        import tenacity

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda order: order is None)
            | tenacity.retry_if_exception_type(ArdUnavailableError),
            wait=tenacity.wait_exponential(multiplier=0.5, max=5),
            stop=tenacity.stop_after_delay(self.window),
            # Not listed within the window, or still unavailable: both leave the order in doubt.
            retry_error_callback=lambda _: None,
        )
        return retrying(lambda: next(filter(matches, self.orders()), None))


def _is_new(existing_order_ids: tuple[str, ...]) -> Callable[[OrderStatus], bool]:
    return lambda order: order.id not in existing_order_ids
