"""Read the statuses of many orders at low cost: from the list of orders, or with one request each."""

from __future__ import annotations

import math
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError
from airflow_provider_ard.api.http.transport import PAGE_SIZE
from airflow_provider_ard.api.orders.list_check import ListCheck
from airflow_provider_ard.api.orders.status import OrderStatus, State, state_of
from airflow_provider_ard.api.refusal import Refusal, as_outage, is_login_refused, is_refusal

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
# What a page of 100 orders costs: measured, 1.6 times the CPU time of a single request.
SINGLE_REQUESTS_PER_PAGE = 2
_NO_STATUSES: Mapping[str, str] = {}

# Order ID -> its status, if that differs from the previous one, or the error that concerns only this order: an
# `ArdUnavailableError` once if the API has begun to refuse it, and the refusal itself if that does not end.
Updates = dict[str, OrderStatus | ArdError]


class StatusReader:
    """Reads order statuses, from the list endpoint or by single requests, whichever costs less.

        poll = StatusReader(client).start_poll(order_ids)
        while not poll.is_finished:
            for order_id, status in poll.request_next().items():
                ...
        if poll.outage:
            raise poll.outage

    A page of the list costs as much as two single requests. It caches which orders the list contains, and how many
    requests it takes. Not thread-safe: make one poll at a time.

    :param client: The client to send requests with.
    :param full_details: Return all fields of running orders too, at one request each; the list provides their status
        only.
    :param polls_once: The reader makes one poll only: what others learn in time is replaced by random checks.
    """

    def __init__(self, client: ArdClient, *, full_details: bool = False, polls_once: bool = False) -> None:
        self.client = client
        self.full_details = full_details
        # Orders that the list did not contain, orders whose last request failed, requests that the list took last, and
        # whether it failed.
        self.unlisted: set[str] = set()
        self.failing: set[str] = set()
        self.list_requests: int | None = None
        self.list_fails = False
        self.list_check = ListCheck(verify_first=polls_once)
        # Orders that the API refuses to report on.
        self.refusals: dict[str, Refusal] = {}
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
            self.list_check.forget()
        return StatusPoll(self, order_ids, known_statuses)

    def expected_list_requests(self, order_count: int) -> int:
        """Return how many requests the list takes for this many orders."""
        return self.list_requests if self.list_requests is not None else math.ceil(order_count / PAGE_SIZE)


class StatusPoll:
    """One poll of many orders, one request at a time; see `StatusReader`.

    It reads the list from its newest page until it has found all orders, or until it has read as many pages in a row
    without any of them as single requests would take. Orders that the list does not contain, or that finished without
    all details in it, are requested one by one, and so are all orders if the list fails or lags. That an order is
    running is verified by a request of its own from time to time (`ListCheck`).
    """

    def __init__(self, reader: StatusReader, order_ids: Collection[str], known_statuses: Mapping[str, str]) -> None:
        # IDs of the orders whose status has not been read yet.
        self.unread = set(order_ids)
        # When the poll is finished: the error of the last failed request, if orders are unread because of it.
        self.outage: ArdUnavailableError | None = None
        self._reader = reader
        self._known_statuses = known_statuses
        # Orders expected in the rest of the list, pages read, and pages in a row that contained none of the orders.
        self._unseen = self.unread - reader.unlisted
        self._pages_read = self._pages_without_match = 0
        self._pages: Iterator[OrderPage] | None = None
        self._queue: list[str] = []
        self._failures_in_a_row = 0
        self._any_succeeded = False
        reader.list_check.add(self.unread)
        list_requests = reader.expected_list_requests(len(self._unseen))
        # Not to be answered from the list if it shows them as running.
        self._to_verify = reader.list_check.due(self._unseen, list_requests)
        list_cost = list_requests * SINGLE_REQUESTS_PER_PAGE
        if list_cost <= len(self._unseen) - len(self._to_verify) and not reader.list_fails:
            start = (datetime.now(UTC) - MAX_RUNNING_AGE).date().isoformat()
            self._pages = reader.client.status_pages(start)
        else:
            self._queue_single_requests()

    @property
    def is_finished(self) -> bool:
        """Whether there is no request left to make."""
        return self._pages is None and not self._queue

    def request_next(self) -> Updates:
        """Send one request and return its updates.

        Raises `ArdAuthError` if the login was refused. An outage is not raised but ends the poll: see `outage`. A 403
        for one order is an update, as the order may belong to another account.
        """
        updates = self._request_page(self._pages) if self._pages is not None else self._request_order(self._queue.pop())
        if self._pages is None and not self._queue and self.unread and self.outage is None:
            self._queue_single_requests()
        return updates

    def _request_page(self, pages: Iterator[OrderPage]) -> Updates:
        try:
            page = next(pages, None)
        except ArdError as error:
            if is_login_refused(error):
                raise
            self._pages = None
            if isinstance(error, ArdUnavailableError) and error.retry_after is not None:
                self.outage = error
            else:
                # The first single request shows whether this is an outage or a failure of the list alone.
                self._reader.list_fails = True
            return {}
        if page is None:
            self._end_list()
            return {}
        self._pages_read += 1
        self._reader.unlisted.difference_update(page.ids)
        listed = self._unseen.intersection(page.ids)
        self._unseen -= listed
        self._pages_without_match = 0 if listed else self._pages_without_match + 1
        self._reader.list_check.compare(page.statuses)
        if self._reader.list_check.lags:
            self._pages, self._reader.list_fails = None, True
        elif not page.has_more or self._pages_without_match >= len(self._unseen):
            self._end_list()
        return self._updates_of_page(page, listed)

    def _updates_of_page(self, page: OrderPage, listed: set[str]) -> Updates:
        statuses = page.statuses
        running_statuses = {status for status in set(statuses.values()) if state_of(status) is State.RUNNING}
        running = {order_id for order_id in listed if statuses[order_id] in running_statuses}
        updates: Updates = dict(_succeeded(page, listed - running))
        is_insufficient = self._reader.full_details or self._reader.list_check.lags
        believed = set() if is_insufficient else running - self._to_verify
        self.unread -= believed | updates.keys()
        for order_id in believed:
            if self._known_statuses.get(order_id) != statuses[order_id]:
                updates[order_id] = OrderStatus(id=order_id, status=statuses[order_id])
        return updates

    def _end_list(self) -> None:
        self._pages = None
        self._reader.list_requests = self._pages_read
        self._reader.unlisted |= self._unseen

    def _queue_single_requests(self) -> None:
        """Queue the remaining orders so that no failing order keeps another from being requested.

        In random order, as a new process does not know which orders fail; those known to fail come last.
        """
        failing = self._reader.failing
        self._queue = sorted(self.unread, key=lambda order_id: (order_id not in failing, random.random()))  # noqa: S311

    def _request_order(self, order_id: str) -> Updates:
        try:
            order = self._get_order(order_id)
        except ArdUnavailableError as error:
            self._record_outage(order_id, error)
            return {}
        except ArdError as error:
            if is_login_refused(error):
                raise
            self._record_response(order_id)
            return self._updates_of_refusal(order_id, error)
        self._record_response(order_id)
        self._reader.refusals.pop(order_id, None)
        if order.state is State.RUNNING:
            self._reader.list_check.verify(order_id)
        else:
            self._reader.list_check.end(order_id)
        return {} if self._known_statuses.get(order_id) == order.status else {order_id: order}

    def _get_order(self, order_id: str) -> OrderStatus:
        order = self._reader.client.get_order(order_id)
        if not order.status:
            raise ArdUnavailableError(f"order {order_id}: the response contains no status")
        return order

    def _updates_of_refusal(self, order_id: str, error: ArdError) -> Updates:
        refusal = self._reader.refusals.setdefault(order_id, Refusal())
        refusal.repeat()
        if refusal.is_final or not is_refusal(error):
            del self._reader.refusals[order_id]
            return {order_id: error}
        return {order_id: as_outage(error)} if refusal.is_new else {}

    def _record_response(self, order_id: str) -> None:
        self.unread.discard(order_id)
        self._failures_in_a_row, self._any_succeeded = 0, True
        self._reader.failing.discard(order_id)

    def _record_outage(self, order_id: str, error: ArdUnavailableError) -> None:
        self.outage = error
        self._reader.failing.add(order_id)
        self._failures_in_a_row += 1
        if error.retry_after is not None or self._failures_in_a_row == MAX_FAILURES_IN_A_ROW:
            self._queue.clear()
        if not self._queue and not self._any_succeeded and not self._reader.list_check.lags:
            # Not a failure of the list alone: use it again after the outage.
            self._reader.list_fails = False


def _succeeded(page: OrderPage, order_ids: set[str]) -> Iterator[tuple[str, OrderStatus]]:
    """Yield those of the orders that have succeeded, if the page has all their details."""
    if not order_ids:
        return
    for order in page.select(order_ids):
        if order.state is State.SUCCEEDED and order.destination is not None and order.usage is not None:
            yield order.id, order
