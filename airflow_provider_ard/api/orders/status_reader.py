"""The statuses of many orders in few requests: from the list of orders where that is cheaper than asking for each."""

from __future__ import annotations

import math
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdUnavailableError
from airflow_provider_ard.api.http.transport import PAGE_SIZE
from airflow_provider_ard.api.orders.status import OrderStatus, State, state_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.http.pagination import OrderPage

# An order takes up to three days: a running one is not older than this. What is older is asked for singly.
OLDEST_RUNNING = timedelta(days=4)
# What has been learned about the list is forgotten after so long: a list may lag, fail for a while, or grow shorter.
FORGET_AFTER_S = 600.0
# So many orders in a row that cannot be asked for are an outage of the API, fewer may be these orders' own trouble.
AN_OUTAGE = 3
_NOTHING: Mapping[str, str] = {}


class StatusReader:
    """Reads the statuses of orders, and learns by it when the list pays. Not for several threads at a time.

    The list is walked from its newest page until all wanted orders have been seen, or until it has shown none of them
    for as many pages as single questions would cost. It is a short cut only: what it does not show, or shows in a way
    that would end a wait without saying all about the order, is asked for singly, and so is everything while it fails.
    Of orders that go on it tells the status alone; with `whole`, all about them, for a question each.
    """

    def __init__(self, client: ArdClient, *, whole: bool = False) -> None:
        self._client = client
        self._whole = whole
        # Orders that the list has not shown, requests that it took lately, and whether it may be asked at all.
        self._unlisted: set[str] = set()
        # Orders that could not be asked for when last tried.
        self._troubled: set[str] = set()
        self._pages: int | None = None
        self._list_fails = False
        self._forget_at = 0.0
        # What the present, or last, `read` has not been answered for.
        self.unanswered: set[str] = set()

    def read(
        self, order_ids: Collection[str], known: Mapping[str, str] = _NOTHING
    ) -> Iterator[dict[str, OrderStatus | ArdError]]:
        """Yield statuses by order id, each time what one request has brought, until every order is answered for.

        An order that goes on with the status that is `known` of it is left out: with ten thousand of them, that is
        nearly all there is to do in a round. An `ArdError` in place of a status concerns that order alone; so does a
        403, as an order may be another account's. Raises `ArdAuthError`, which concerns all, and `ArdUnavailableError`
        for all that are `unanswered` then.
        """
        self.unanswered = set(order_ids)
        self._forget()
        listed = self.unanswered - self._unlisted
        if self._list_pays(len(listed)):
            yield from self._from_list(listed, known)
        yield from self._one_by_one(known)

    def _one_by_one(self, known: Mapping[str, str]) -> Iterator[dict[str, OrderStatus | ArdError]]:
        """Ask for each. What goes wrong with one order keeps no other from being asked for, now or the next time."""
        trouble, in_a_row, is_answering = None, 0, False
        # By chance, as a process that has just begun knows of no trouble: each is asked for in one look or another.
        for order_id in sorted(self.unanswered, key=lambda one: (one in self._troubled, random.random())):  # noqa: S311
            try:
                answer = self._singly(order_id)
            except ArdUnavailableError as error:
                trouble, in_a_row = error, in_a_row + 1
                self._troubled.add(order_id)
                if error.retry_after is not None or in_a_row == AN_OUTAGE:
                    break
            else:
                in_a_row, is_answering = 0, True
                self._troubled.discard(order_id)
                self.unanswered.discard(order_id)
                is_news = isinstance(answer, ArdError) or known.get(order_id) != answer.status
                yield {order_id: answer} if is_news else {}
        if trouble:
            if not is_answering:
                # It was not the list's own trouble.
                self._list_fails = False
            raise trouble

    def _forget(self) -> None:
        now = time.monotonic()
        if now >= self._forget_at:
            self._forget_at = now + FORGET_AFTER_S
            self._unlisted.clear()
            self._troubled &= self.unanswered
            self._pages = None
            self._list_fails = False

    def _list_pays(self, orders: int) -> bool:
        pages = self._pages if self._pages is not None else math.ceil(orders / PAGE_SIZE)
        return pages < orders and not self._list_fails

    def _from_list(self, wanted: set[str], known: Mapping[str, str]) -> Iterator[dict[str, OrderStatus | ArdError]]:
        start = (datetime.now(UTC) - OLDEST_RUNNING).date().isoformat()
        pages = in_vain = 0
        try:
            for page in self._client.status_pages(start):
                pages += 1
                self._unlisted.difference_update(page.names)
                here = wanted.intersection(page.names)
                in_vain = 0 if here else in_vain + 1
                going_on = _going_on(page, here)
                found = _ended(page, here - going_on)
                if not self._whole:
                    self.unanswered -= going_on
                    found |= {
                        name: OrderStatus(id=name, status=page.statuses[name])
                        for name in going_on
                        if known.get(name) != page.statuses[name]
                    }
                self.unanswered -= found.keys()
                yield found
                wanted -= here
                if in_vain >= len(wanted):
                    break
        except ArdError as error:
            if _is_refused_login(error) or (isinstance(error, ArdUnavailableError) and error.retry_after is not None):
                raise
            # Whether this is an outage or the list's own trouble, the first single question tells.
            self._list_fails = True
            return
        self._pages = pages
        self._unlisted |= wanted

    def _singly(self, order_id: str) -> OrderStatus | ArdError:
        try:
            return self._client.get_order(order_id)
        except ArdUnavailableError:
            raise
        except ArdError as error:
            if _is_refused_login(error):
                raise
            return error


def _is_refused_login(error: ArdError) -> bool:
    return isinstance(error, ArdAuthError) and error.status != 403


def _going_on(page: OrderPage, wanted: set[str]) -> set[str]:
    words = {status for status in set(page.statuses.values()) if state_of(status) is State.RUNNING}
    return {name for name in wanted if page.statuses[name] in words}


def _ended(page: OrderPage, wanted: set[str]) -> dict[str, OrderStatus | ArdError]:
    """Return those of the wanted orders that have succeeded, where the page says all of that."""
    if not wanted:
        return {}
    return {row.id: row for row in page.of(wanted) if row.state is State.SUCCEEDED and _is_whole(row)}


def _is_whole(row: OrderStatus) -> bool:
    return row.destination is not None and row.usage is not None
