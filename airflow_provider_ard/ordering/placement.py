"""Place an order exactly once: find the existing order, estimate, check the budgets, submit, confirm.

The operator and `place_order` run the same steps:

1. `OrderPlacement.find_existing`: the order of this task instance, by the submission record and the list of orders.
2. If limits or budgets are set: `OrderPlacement.price`, `ordering.budget` and `ordering.cumulative_budget`.
3. `OrderPlacement.submit`: record the intent, one POST, and after a lost response a search, never a second POST.

Steps 1 and 3 confirm the order: they write its ID to the log and the submission record.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdError, ArdOrderInDoubtError, ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.orders.order_ids import parse_order_id
from airflow_provider_ard.ordering.budget import BudgetLimits
from airflow_provider_ard.ordering.cumulative_budget import BudgetGuard
from airflow_provider_ard.ordering.existing_orders import OrderSearch
from airflow_provider_ard.ordering.idempotency import tag_submission
from airflow_provider_ard.ordering.matching import OrderMatcher
from airflow_provider_ard.ordering.recorded_orders import RecordedOrders
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore, SubmissionRecord
from airflow_provider_ard.ordering.tags import tag_digest
from airflow_provider_ard.ordering.task_state import Attempt

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus, Usage
    from airflow_provider_ard.ordering.order_key import OrderKey
    from airflow_provider_ard.ordering.submission_store import SubmissionStore

log = logging.getLogger(__name__)

IF_EXISTS = ("reuse", "fail", "resubmit")
# A search older than this is repeated before the POST: another process may have placed the order meanwhile.
SEARCH_AGAIN_AFTER_S = 2.0


@dataclass(frozen=True)
class PlacedOrder:
    """An order that exists. `is_new`: placed by this call, not re-attached to."""

    order: OrderStatus
    is_new: bool


def place_order(
    client: ArdClient,
    request: OrderRequest,
    key: OrderKey,
    *,
    if_exists: str = "reuse",
    existing_order_id: str | None = None,
    limits: BudgetLimits | None = None,
    guard: BudgetGuard | None = None,
    store: SubmissionStore | None = None,
    attempt: Attempt | None = None,
) -> PlacedOrder:
    """Return the one order of an idempotency key, placing it if there is none.

        placed = place_order(hook.get_conn(), hook.order_request(...), IdempotencyKey("dag", "task", "run"))

    See `ArdOrderOperator` for the arguments. Raises `ArdOrderConflict`, `ArdBudgetExceeded`, `ArdOrderInDoubtError` if
    no response confirms the order and the search does not find it, and the other errors of the client.
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
    guard = guard or BudgetGuard(client, (), key, request)
    if limits or guard:
        usage = placement.price()
        (limits or BudgetLimits()).check(usage, request)
        guard.reserve(usage)
    with guard.released_on_failure():
        order = placement.submit()
    guard.confirm(order)
    guard.wait_until_listed(order)
    return PlacedOrder(order, is_new=True)


class OrderPlacement:
    """The placement of one order: call `find_existing`, and `submit` if that returns None.

        placement = OrderPlacement(hook.get_conn(), hook.order_request(...), IdempotencyKey("dag", "task", "run"))
        order = placement.find_existing() or placement.submit()

    `include_failed`: a retry returns a failed order and does not replace it. `search_window`: seconds (30) to
    search for an order that may have been submitted and is not listed yet. Raises `ArdRequestError` for an invalid
    `if_exists` or `existing_order_id`, and for metadata with a reserved name.
    """

    def __init__(
        self,
        client: ArdClient,
        request: OrderRequest,
        key: OrderKey,
        *,
        if_exists: str = "reuse",
        existing_order_id: str | None = None,
        store: SubmissionStore | None = None,
        attempt: Attempt | None = None,
        include_failed: bool = False,
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
        self._existing_order_id = (
            None if existing_order_id is None else parse_order_id(existing_order_id, "existing_order_id")
        )
        self._key = key
        self._store = store or NullSubmissionStore()
        self._search = OrderSearch(client, key, search_window)
        self._matcher = OrderMatcher(self._request, key, self._attempt, if_exists, include_failed=include_failed)
        self._recorded = RecordedOrders(client, key, self._matcher, self._attempt, if_exists)
        self._record = SubmissionRecord(submitted=False)
        self._existing_order_ids: tuple[str, ...] = ()
        self._searched_at: float | None = None
        self._estimate: Usage | None = None

    def find_existing(self) -> OrderStatus | None:
        """Return the order to re-attach to, None if a new one is to be placed.

        Raises `ArdOrderConflict` for an order of another request, or any order with `if_exists="fail"`,
        `ArdNotFoundError` if the recorded order does not exist, and `ArdUnavailableError` while the list of orders is
        no proof.
        """
        record = self._record = self._store.load() or self._record
        adopted = self._find_adopted(record)
        if adopted is not None:
            log.info("Order %s adopted (existing_order_id or `ard orders adopt`)", adopted.id)
            self._save_order(adopted, is_adopted=True)
            return adopted
        if record.is_adopted:
            record = self._record = SubmissionRecord(submitted=False)
        orders = self._search_orders(record)
        order = self._matcher.find(orders, record, self._search)
        if order is not None:
            self._confirm(order, "Re-attached to order %s, submitted by an earlier try")
        return order

    def price(self) -> Usage:
        """Return the API's estimate, by a dry run, which places no order.

        The API might ignore the flag, so the dry run has the order's tags and is sent once; after a lost response the
        next try searches for an order. Raises `ArdUnavailableError` without a response.
        """
        if self._searched_at is None:
            return self._client.dry_run(self._request)
        self._save_intent(time.time())
        self._estimate = self._client.dry_run(self._request)
        self._restore_record()
        return self._estimate

    def submit(self) -> OrderStatus:
        """Place the order, which is billed, with one POST. After a lost response, search; never send the POST again.

        Raises `ArdOrderInDoubtError` if the search does not find the order: the next try searches first.
        """
        if self._searched_at is None or time.monotonic() - self._searched_at >= SEARCH_AGAIN_AFTER_S:
            self._check_no_concurrent_order()
        submitted_at = time.time()
        self._save_intent(submitted_at)
        try:
            order = self._client.submit_order(tag_submission(self._request, self._key, submitted_at, self._estimate))
        except ArdOrderInDoubtError as error:
            log.warning("%s. Searching for the order for up to %g s", error, self._search.window)
            order = self._find_submitted(error, submitted_at)
        except ArdError:
            # Rejected or not sent, so there is no order of this try. An order of an earlier try stays in doubt.
            with contextlib.suppress(Exception):
                self._restore_record()
            raise
        self._confirm(order, "Order %s submitted")
        return self._check_duplicates(order)

    def _save_intent(self, submitted_at: float) -> None:
        """Record that an order may exist from now on. If this raises, nothing is sent."""
        self._store.save(
            SubmissionRecord(
                submitted=True,
                series=self._attempt.series,
                existing_order_ids=self._existing_order_ids,
                key=self._key.digest,
                recorded_at=submitted_at,
            )
        )

    def _restore_record(self) -> None:
        self._store.save(self._record)

    def _find_adopted(self, record: SubmissionRecord) -> OrderStatus | None:
        if self._existing_order_id is not None:
            return self._recorded.named(self._existing_order_id)
        return self._recorded.adopted(record)

    def _search_orders(self, record: SubmissionRecord) -> list[OrderStatus]:
        """Return the orders of the task instance, after the search window if one may not be listed yet."""
        if record.is_in_doubt and record.key is not None:
            self._search.include_key(record.key)
        existing = record.existing_order_ids
        orders = [order for order in self._search.orders() if self._is_own(order, record)]
        if existing is None:
            existing = tuple(order.id for order in orders if not self._matcher.may_be_in_doubt(order, record))
        if record.is_in_doubt and all(order.id in existing for order in orders):
            log.info("A previous try may have submitted this order; searching for up to %g s", self._search.window)
            orders = self._search.wait_for_new(existing, record.recorded_at)
            orders = [order for order in orders if self._is_own(order, record)]
        if record.order_id and record.order_id not in {order.id for order in orders}:
            orders = [*self._recorded.placed(record, orders), *orders]
        self._existing_order_ids = tuple(order.id for order in orders)
        self._searched_at = time.monotonic()
        return orders

    def _is_own(self, order: OrderStatus, record: SubmissionRecord) -> bool:
        """Return whether an order is of this key, or was sent by this task instance under an earlier namespace."""
        if tag_digest(order, f"{self._key.tag_prefix}key") == self._key.digest or order.id == record.order_id:
            return True
        return record.is_in_doubt and order.id not in (record.existing_order_ids or ())

    def _check_no_concurrent_order(self) -> None:
        """Search again if the estimate took a while. A zombie process of an earlier try may submit concurrently."""
        new = [order for order in self._search.orders() if order.id not in self._existing_order_ids]
        if new:
            raise ArdUnavailableError(
                f"another process placed order {new[0].id} for {self._key.owner}; a retry re-attaches to it",
                order_id=new[0].id,
            )

    def _find_submitted(self, error: ArdOrderInDoubtError, submitted_at: float) -> OrderStatus:
        """Return the order whose response was lost. Raises the error if the search does not find it."""
        try:
            orders = self._search.wait_for_new(self._existing_order_ids, submitted_at)
        except ArdError:
            raise error from None
        new = [order for order in orders if order.id not in self._existing_order_ids]
        if not new:
            raise error
        # An order that has already failed counts as well: the sensor reports the reason.
        same = self._matcher.active_with_same_request(new) or [o for o in new if self._matcher.is_same_request(o)]
        if not same:
            raise self._matcher.conflict(new[0])
        return same[0]

    def _check_duplicates(self, order: OrderStatus) -> OrderStatus:
        """Search once more, and warn if there are two. Return the order as listed, with its usage."""
        try:
            orders = self._search.orders_once()
        except ArdError as error:
            log.debug("Order %s: the search for duplicates failed: %s", order.id, error)
            return order
        new = [listed for listed in orders if listed.id not in self._existing_order_ids]
        self._matcher.warn_of_duplicates([order, *(listed for listed in new if listed.id != order.id)])
        return next((listed for listed in new if listed.id == order.id), order)

    def _confirm(self, order: OrderStatus, message: str) -> None:
        """Log the order's ID first, then record it. A failure to record it must not lose the order."""
        log.info(message, order.id)
        self._save_order(order)

    def _save_order(self, order: OrderStatus, *, is_adopted: bool = False) -> None:
        record = SubmissionRecord(
            submitted=True,
            order_id=order.id,
            series=self._attempt.series,
            key=self._key.digest,
            recorded_at=time.time(),
            is_adopted=is_adopted,
        )
        try:
            self._store.save(record)
        except Exception:
            log.warning("Order %s: saving its ID failed; a retry finds it in the list", order.id, exc_info=True)
