"""Place an order exactly once: find the existing order, price, check the budgets, submit, confirm.

The operator and `place_order` run the same steps, in this order:

1. `OrderPlacement.find_existing`: the order of this task instance, by the submission record and the list of orders.
2. price and check the budgets (`ordering.budget`), where limits are set.
3. `OrderPlacement.submit`: record the intent, one POST, and after a lost response a search, never a second POST.

Both steps confirm the order: its ID goes into the log and the submission record.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import (
    ArdError,
    ArdNotFoundError,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.ordering.existing_orders import OrderSearch
from airflow_provider_ard.ordering.idempotency import is_tagged
from airflow_provider_ard.ordering.matching import OrderMatcher
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore, SubmissionRecord
from airflow_provider_ard.ordering.task_state import Attempt

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.budget import BudgetLimits
    from airflow_provider_ard.ordering.idempotency import IdempotencyKey
    from airflow_provider_ard.ordering.submission_store import SubmissionStore

log = logging.getLogger(__name__)

IF_EXISTS = ("reuse", "fail", "resubmit")
# A search this old is repeated before the purchase: another process may have bought meanwhile.
SEARCH_AGAIN_AFTER_S = 2.0


@dataclass(frozen=True)
class PlacedOrder:
    """An order that exists. `is_new`: bought by this call, not re-attached to."""

    order: OrderStatus
    is_new: bool


def place_order(
    client: ArdClient,
    request: OrderRequest,
    key: IdempotencyKey,
    *,
    if_exists: str = "reuse",
    existing_order_id: str | None = None,
    limits: BudgetLimits | None = None,
    store: SubmissionStore | None = None,
    attempt: Attempt | None = None,
) -> PlacedOrder:
    """Return the one order of an idempotency key, placing it if there is none.

        placed = place_order(hook.get_conn(), hook.order_request(...), IdempotencyKey("dag", "task", "run"))

    See `ArdOrderOperator` for the arguments. Raises `ArdOrderConflict`, `ArdBudgetExceeded`, `ArdOrderInDoubtError` if
    no response confirms the order and the search does not show it, and the other errors of the client.
    """
    placement = OrderPlacement(
        client,
        request,
        key,
        if_exists=if_exists,
        existing_order_id=existing_order_id,
        store=store,
        attempt=attempt,
    )
    order = placement.find_existing()
    if order is not None:
        return PlacedOrder(order, is_new=False)
    if limits:
        limits.check(client.dry_run(request), request)
    return PlacedOrder(placement.submit(), is_new=True)


class OrderPlacement:
    """The placement of one order: call `find_existing`, and `submit` if that returns None.

    `search_window`: seconds (30) to search for an order that may have been submitted and is not listed yet.
    """

    def __init__(
        self,
        client: ArdClient,
        request: OrderRequest,
        key: IdempotencyKey,
        *,
        if_exists: str = "reuse",
        existing_order_id: str | None = None,
        store: SubmissionStore | None = None,
        attempt: Attempt | None = None,
        search_window: float | None = None,
    ) -> None:
        if if_exists not in IF_EXISTS:
            raise ArdRequestError(
                f"expected one of {', '.join(IF_EXISTS)}, got {safe_repr(if_exists)}", argument="if_exists"
            )
        self._attempt = attempt or Attempt()
        self._client = client
        self._request = key.tag(request, self._attempt)
        self._if_exists = if_exists
        self._existing_order_id = existing_order_id
        self._store = store or NullSubmissionStore()
        self._search = OrderSearch(client, key, search_window)
        self._matcher = OrderMatcher(self._request, key, self._attempt, if_exists)
        self._existing_order_ids: tuple[str, ...] = ()
        self._searched_at = 0.0

    def find_existing(self) -> OrderStatus | None:
        """Return the order to re-attach to, None if a new one is to be bought.

        Raises `ArdOrderConflict` for an order of another request, or any order with `if_exists="fail"`,
        `ArdNotFoundError` if the API does not know the recorded order, and `ArdUnavailableError` while the list of
        orders proves nothing.
        """
        record = self._store.load() or SubmissionRecord(submitted=False)
        is_adopted = record.is_adopted and (record.series is None or not self._may_replace(record))
        adopted_id = self._existing_order_id or (record.order_id if is_adopted else None)
        if adopted_id is not None:
            adopted = self._adopt(adopted_id)
            log.info("Order %s adopted, as requested by a person", adopted.id)
            self._record(adopted, is_adopted=True)
            return adopted
        orders = self._search_orders(record)
        order = self._matcher.find(orders, record, self._search)
        if order is not None:
            self._confirm(order, "Re-attached to order %s, submitted by an earlier attempt")
        return order

    def submit(self) -> OrderStatus:
        """Buy the order: one POST, real money. After a lost response, search; never send the POST again.

        Raises `ArdOrderInDoubtError` if the search does not show the order: the next attempt searches first.
        """
        self._check_nothing_was_bought_meanwhile()
        self._save(SubmissionRecord(True, None, self._attempt.series, self._existing_order_ids))
        try:
            order = self._client.submit_order(self._request)
        except ArdOrderInDoubtError as error:
            log.warning("%s. Searching for the order for up to %g s", error, self._search.window)
            order = self._find_submitted(error)
        except ArdError:
            # Refused or never sent, so there is no order: the next attempt need not search for one.
            with contextlib.suppress(Exception):
                self._save(SubmissionRecord(submitted=False))
            raise
        self._confirm(order, "Order %s submitted")
        return self._check_duplicates(order)

    def _adopt(self, order_id: str) -> OrderStatus:
        try:
            order = self._client.get_order(order_id)
        except ArdNotFoundError as error:
            raise ArdRequestError(
                f"the account of this Connection does not know order {order_id} ({error.message}); check both",
                argument="existing_order_id",
            ) from None
        if order.has_failed:
            raise ArdRequestError(f"order {order_id} has failed; omit the argument", argument="existing_order_id")
        if not self._matcher.is_same_request(order):
            log.warning("Order %s is not known to be for this request; adopted because it was named", order_id)
        return order

    def _search_orders(self, record: SubmissionRecord) -> list[OrderStatus]:
        """Return the orders of the task instance, after the search window if one may not be listed yet."""
        orders = self._search.orders()
        existing = record.existing_order_ids
        if existing is None:
            existing = tuple(order.id for order in orders if not self._matcher.may_be_in_doubt(order))
        if record.is_in_doubt and all(order.id in existing for order in orders):
            log.info("A previous attempt may have submitted this order; searching for up to %g s", self._search.window)
            orders = self._search.wait_for_new(existing)
        if record.order_id and record.order_id not in {order.id for order in orders}:
            orders = [*self._recorded_order(record, orders), *orders]
        self._existing_order_ids = tuple(order.id for order in orders)
        self._searched_at = time.monotonic()
        return orders

    def _recorded_order(self, record: SubmissionRecord, orders: list[OrderStatus]) -> list[OrderStatus]:
        """Return the recorded order, which the list may lag behind; none if another order can take its place."""
        order_id = record.order_id or ""
        try:
            order = self._client.get_order(order_id)
        except ArdNotFoundError as error:
            if orders or self._may_replace(record):
                log.warning("Recorded order %s is not known to this account", order_id)
                return []
            raise ArdNotFoundError(
                f"this task instance has placed order {order_id}, which the account of this Connection does not know "
                f"({error.message}); check the Connection, or set if_exists='resubmit' and clear the task to buy "
                "another, or pass existing_order_id",
                status=error.status,
                code=error.code,
                type=error.type,
                request_id=error.request_id,
                order_id=order_id,
            ) from None
        if not is_tagged(order) and not self._may_replace(record):
            raise ArdUnavailableError(
                f"this task instance has placed order {order_id}, and the API does not return its metadata: whether it "
                "is for the same request cannot be determined; pass existing_order_id to use it",
                order_id=order_id,
            )
        return [order]

    def _may_replace(self, record: SubmissionRecord) -> bool:
        """Return whether this attempt is to buy another order whatever exists, since the task was cleared for it."""
        return self._if_exists == "resubmit" and record.series != self._attempt.series

    def _check_nothing_was_bought_meanwhile(self) -> None:
        """Search again if pricing took a while. A zombie of an earlier attempt may buy at the same time."""
        if time.monotonic() - self._searched_at < SEARCH_AGAIN_AFTER_S:
            return
        new = [order for order in self._search.orders() if order.id not in self._existing_order_ids]
        if new:
            raise ArdUnavailableError(
                f"another process placed order {new[0].id} for this task instance; a retry re-attaches to it",
                order_id=new[0].id,
            )

    def _find_submitted(self, error: ArdOrderInDoubtError) -> OrderStatus:
        """Return the order whose response was lost. Raises the error if the search does not show it."""
        try:
            orders = self._search.wait_for_new(self._existing_order_ids)
        except ArdUnavailableError:
            raise error from None
        new = [order for order in orders if order.id not in self._existing_order_ids]
        if not new:
            raise error
        same = self._matcher.active_with_same_request(new)
        if not same:
            raise self._matcher.conflict(new[0])
        return same[0]

    def _check_duplicates(self, order: OrderStatus) -> OrderStatus:
        """Search once more, and warn if there are two. Return the order as listed, with its usage."""
        try:
            orders = self._search.orders()
        except ArdError as error:
            log.debug("Order %s: the search for duplicates failed: %s", order.id, error)
            return order
        new = [listed for listed in orders if listed.id not in self._existing_order_ids]
        self._matcher.warn_of_duplicates([order, *(listed for listed in new if listed.id != order.id)])
        return next((listed for listed in new if listed.id == order.id), order)

    def _confirm(self, order: OrderStatus, message: str) -> None:
        """Log the order's ID first, then record it. A failure to record it must not lose the order."""
        log.info(message, order.id)
        self._record(order)

    def _record(self, order: OrderStatus, *, is_adopted: bool = False) -> None:
        record = SubmissionRecord(submitted=True, order_id=order.id, series=self._attempt.series, is_adopted=is_adopted)
        try:
            self._save(record)
        except Exception:
            log.warning("Order %s: saving its ID failed; a retry finds it in the list", order.id, exc_info=True)

    def _save(self, record: SubmissionRecord) -> None:
        self._store.save(record)
