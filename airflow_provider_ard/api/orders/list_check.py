"""`ListCheck`: whether the list of orders may be believed that an order is running."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from airflow_provider_ard.api.orders.status import State, state_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# An order that the list shows as running is requested by itself at least this often; of few orders, each more often:
# verification takes five to ten requests a minute for up to 300 orders, and grows with the orders from there on.
VERIFY_AFTER_S = 3600.0
VERIFY_AFTER_S_PER_ORDER = 12.0
# A list may lag behind the orders' own statuses by this much.
TOLERATED_LAG_S = 60.0
# The list is compared with an order that has ended for at most this time.
REMEMBER_ENDED_S = 4 * 86400.0


class ListCheck:
    """When to verify that an order which the list shows as running is, and whether the list has been seen to lag.

    :param verify_first: Verify a sample of the orders at once, for a process that polls only once.
    """

    def __init__(self, *, verify_first: bool = False) -> None:
        # Whether the list showed an order as running that had ended before, and has not been seen to have caught up.
        self.lags = False
        self._verify_first = verify_first
        self._order_count = 0
        self._verify_at: dict[str, float] = {}
        # Orders that have ended, and since when that is known, until the list shows it.
        self._ended_at: dict[str, float] = {}

    def add(self, order_ids: Collection[str]) -> None:
        """Schedule the verification of orders that are not known yet, spread over time."""
        now = time.monotonic()
        self._order_count = len(order_ids)
        for order_id in order_ids:
            if order_id not in self._verify_at:
                self._verify_at[order_id] = now + (0.0 if self._verify_first else self._spread())

    def due(self, order_ids: Collection[str], list_requests: int) -> set[str]:
        """Return those of the orders for which the list alone is not enough now.

        In a process that polls only once, a random one for each request of the list.
        """
        now = time.monotonic()
        due = [order_id for order_id in order_ids if self._verify_at.get(order_id, 0.0) <= now]
        if self._verify_first and len(due) > list_requests:
            return set(random.sample(due, list_requests))
        return set(due)

    def verify(self, order_id: str) -> None:
        """Record that an order, requested by itself, is running."""
        self._verify_at[order_id] = time.monotonic() + self._spread()

    def end(self, order_id: str) -> None:
        """Record that an order, requested by itself, has ended."""
        self._verify_at.pop(order_id, None)
        self._ended_at[order_id] = time.monotonic()

    def compare(self, statuses: Mapping[str, str]) -> None:
        """Compare a page of the list with the orders that are known to have ended."""
        now = time.monotonic()
        for order_id in self._ended_at.keys() & statuses.keys():
            if state_of(statuses[order_id]) is not State.RUNNING:
                del self._ended_at[order_id]
            elif now - self._ended_at[order_id] >= TOLERATED_LAG_S:
                self.lags = True
        self.lags = self.lags and bool(self._ended_at)

    def forget(self) -> None:
        """Drop what is too old to matter."""
        now = time.monotonic()
        self._ended_at = {
            order_id: ended_at for order_id, ended_at in self._ended_at.items() if now - ended_at < REMEMBER_ENDED_S
        }
        self._verify_at = {
            order_id: verify_at for order_id, verify_at in self._verify_at.items() if now - verify_at < REMEMBER_ENDED_S
        }
        self.lags = self.lags and bool(self._ended_at)

    def _spread(self) -> float:
        """Return the seconds until a verification, so that those of many orders are spread over time."""
        longest = min(VERIFY_AFTER_S, VERIFY_AFTER_S_PER_ORDER * self._order_count)
        return random.uniform(longest / 2, longest)  # noqa: S311 -- jitter
