"""Read the statuses of many orders in few requests: from the list of orders if that takes fewer than one each."""

from __future__ import annotations

import math
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdUnavailableError
from airflow_provider_ard.api.http.transport import PAGE_SIZE
from airflow_provider_ard.api.orders.status import OrderStatus, State, state_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.http.pagination import OrderPage

# An order takes up to three days, so a running one is not older than this; older orders are requested one by one.
MAX_RUNNING_AGE = timedelta(days=4)
# Cached knowledge about the list expires after this time: a list may lag, fail for a while, or grow shorter.
LIST_CACHE_TTL_S = 600.0
# This many failures in a row are an outage of the API; fewer may concern these orders alone.
MAX_FAILURES_IN_A_ROW = 3
_NO_STATUSES: Mapping[str, str] = {}


class StatusBatch(NamedTuple):
    """The result of one request.

    `read_ids`: IDs of the orders whose status was read. `updates`: order ID -> status, for those whose status differs
    from the previous one, or the `ArdError` that concerns only this order.
    """

    read_ids: Collection[str]
    updates: Mapping[str, OrderStatus | ArdError]


_EMPTY = StatusBatch((), {})


class StatusReader:
    """Reads order statuses, from the list endpoint or by single requests, whichever takes fewer requests.

        poll = StatusReader(client).start_poll(order_ids)
        while not poll.is_finished:
            for order_id, status in poll.request_next().updates.items():
                ...
        if poll.outage:
            raise poll.outage

    It caches which orders the list contains, and how many requests it takes. Not thread-safe: make one poll at a time.

    :param client: The client to send requests with.
    :param full_details: Return all fields of running orders too, at one request each; the list provides their status
        only.
    """

    def __init__(self, client: ArdClient, *, full_details: bool = False) -> None:
        self.client = client
        self.full_details = full_details
        # Orders that the list did not contain, orders whose last request failed, requests that the list took last, and
        # whether it failed.
        self.unlisted: set[str] = set()
        self.failing: set[str] = set()
        self.list_requests: int | None = None
        self.list_fails = False
        self._list_cache_expires_at = 0.0

    def start_poll(self, order_ids: Collection[str], known_statuses: Mapping[str, str] = _NO_STATUSES) -> StatusPoll:
        """Return a poll of these orders, which has not sent a request yet.

        `known_statuses`: order ID -> status; a running order that still has this status is no update. With ten thousand
        running orders that leaves almost nothing to process.
        """
        now = time.monotonic()
        if now >= self._list_cache_expires_at:
            self._list_cache_expires_at = now + LIST_CACHE_TTL_S
            self.unlisted.clear()
            self.failing &= set(order_ids)
            self.list_requests = None
            self.list_fails = False
        return StatusPoll(self, order_ids, known_statuses)

    def prefers_list(self, order_count: int) -> bool:
        """Return whether the list takes fewer requests than this many orders one by one."""
        requests = self.list_requests if self.list_requests is not None else math.ceil(order_count / PAGE_SIZE)
        return requests < order_count and not self.list_fails


class StatusPoll:
    """One poll of many orders, one request at a time; see `StatusReader`.

    It reads the list from its newest page until it has found all orders, or until it has read as many pages in a row
    without any of them as single requests would take. Orders that the list does not contain, or that finished without
    all details in it, are requested one by one, and so are all orders if the list fails.
    """

    def __init__(self, reader: StatusReader, order_ids: Collection[str], known_statuses: Mapping[str, str]) -> None:
        # When the poll is finished: the error of the last failed request, if orders are unread because of it.
        self.outage: ArdUnavailableError | None = None
        self._reader = reader
        self._known_statuses = known_statuses
        self._unread = set(order_ids)
        # Orders expected in the rest of the list, pages read, and pages in a row that contained none of the orders.
        self._unseen = self._unread - reader.unlisted
        self._pages_read = self._pages_without_match = 0
        self._pages: Iterator[OrderPage] | None = None
        self._queue: list[str] = []
        self._failures_in_a_row = 0
        self._any_succeeded = False
        if reader.prefers_list(len(self._unseen)):
            start = (datetime.now(UTC) - MAX_RUNNING_AGE).date().isoformat()
            self._pages = reader.client.status_pages(start)
        else:
            self._queue_single_requests()

    @property
    def is_finished(self) -> bool:
        """Whether there is no request left to make."""
        return self._pages is None and not self._queue

    def request_next(self) -> StatusBatch:
        """Send one request and return its result.

        Raises `ArdAuthError` if the login was refused. An outage is not raised but ends the poll: see `outage`. A 403
        for one order is an update, as the order may belong to another account.
        """
        batch = self._request_page(self._pages) if self._pages is not None else self._request_order(self._queue.pop())
        self._unread.difference_update(batch.read_ids)
        if self._pages is None and not self._queue and self._unread and self.outage is None:
            self._queue_single_requests()
        return batch

    def _request_page(self, pages: Iterator[OrderPage]) -> StatusBatch:
        try:
            page = next(pages, None)
        except ArdError as error:
            if _is_login_refused(error):
                raise
            self._pages = None
            if isinstance(error, ArdUnavailableError) and error.retry_after is not None:
                self.outage = error
            else:
                # The first single request shows whether this is an outage or a failure of the list alone.
                self._reader.list_fails = True
            return _EMPTY
        if page is None:
            self._end_list()
            return _EMPTY
        self._pages_read += 1
        self._reader.unlisted.difference_update(page.ids)
        listed = self._unseen.intersection(page.ids)
        self._unseen -= listed
        self._pages_without_match = 0 if listed else self._pages_without_match + 1
        if not page.has_more or self._pages_without_match >= len(self._unseen):
            self._end_list()
        return self._batch_of_page(page, listed)

    def _batch_of_page(self, page: OrderPage, listed: set[str]) -> StatusBatch:
        statuses = page.statuses
        running_statuses = {status for status in set(statuses.values()) if state_of(status) is State.RUNNING}
        running = {order_id for order_id in listed if statuses[order_id] in running_statuses}
        updates: dict[str, OrderStatus | ArdError] = dict(_succeeded(page, listed - running))
        if self._reader.full_details:
            return StatusBatch(updates.keys(), updates)
        read_ids = running | updates.keys()
        for order_id in running:
            if self._known_statuses.get(order_id) != statuses[order_id]:
                updates[order_id] = OrderStatus(id=order_id, status=statuses[order_id])
        return StatusBatch(read_ids, updates)

    def _end_list(self) -> None:
        self._pages = None
        self._reader.list_requests = self._pages_read
        self._reader.unlisted |= self._unseen

    def _queue_single_requests(self) -> None:
        """Queue the remaining orders so that no failing order keeps another from being requested.

        In random order, as a new process does not know which orders fail; those known to fail come last.
        """
        failing = self._reader.failing
        self._queue = sorted(self._unread, key=lambda order_id: (order_id not in failing, random.random()))  # noqa: S311

    def _request_order(self, order_id: str) -> StatusBatch:
        failing = self._reader.failing
        try:
            status = self._get_order(order_id)
        except ArdUnavailableError as error:
            self.outage = error
            failing.add(order_id)
            self._failures_in_a_row += 1
            if error.retry_after is not None or self._failures_in_a_row == MAX_FAILURES_IN_A_ROW:
                self._queue.clear()
            if not self._queue and not self._any_succeeded:
                # Not a failure of the list alone: use it again after the outage.
                self._reader.list_fails = False
            return _EMPTY
        self._failures_in_a_row, self._any_succeeded = 0, True
        failing.discard(order_id)
        if isinstance(status, OrderStatus) and self._known_statuses.get(order_id) == status.status:
            return StatusBatch((order_id,), {})
        return StatusBatch((order_id,), {order_id: status})

    def _get_order(self, order_id: str) -> OrderStatus | ArdError:
        try:
            return self._reader.client.get_order(order_id)
        except ArdUnavailableError:
            raise
        except ArdError as error:
            if _is_login_refused(error):
                raise
            return error


def _is_login_refused(error: ArdError) -> bool:
    return isinstance(error, ArdAuthError) and error.status != 403


def _succeeded(page: OrderPage, order_ids: set[str]) -> Iterator[tuple[str, OrderStatus]]:
    """Yield those of the orders that have succeeded, if the page has all their details."""
    if not order_ids:
        return
    for order in page.select(order_ids):
        if order.state is State.SUCCEEDED and order.destination is not None and order.usage is not None:
            yield order.id, order
