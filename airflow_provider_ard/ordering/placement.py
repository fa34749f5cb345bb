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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdError, ArdOrderConflict, ArdOrderInDoubtError, ArdRequestError
from airflow_provider_ard.ordering.existing_orders import OrderSearch
from airflow_provider_ard.ordering.idempotency import FINGERPRINT_TAG
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore, SubmissionRecord

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.budget import BudgetLimits
    from airflow_provider_ard.ordering.idempotency import IdempotencyKey
    from airflow_provider_ard.ordering.submission_store import SubmissionStore

log = logging.getLogger(__name__)

IF_EXISTS = ("reuse", "fail", "resubmit")


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
    limits: BudgetLimits | None = None,
    store: SubmissionStore | None = None,
) -> PlacedOrder:
    """Return the one order of an idempotency key, placing it if there is none.

        placed = place_order(hook.get_conn(), hook.order_request(...), IdempotencyKey("dag", "task", "run"))

    See `ArdOrderOperator` for `if_exists` and limits. Raises `ArdOrderConflict`, `ArdBudgetExceeded`,
    `ArdOrderInDoubtError` if no response confirms the order and the search does not show it, and the other errors of
    the client.
    """
    placement = OrderPlacement(client, request, key, if_exists=if_exists, store=store)
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
        store: SubmissionStore | None = None,
        search_window: float | None = None,
    ) -> None:
        if if_exists not in IF_EXISTS:
            raise ArdRequestError(
                f"expected one of {', '.join(IF_EXISTS)}, got {safe_repr(if_exists)}", argument="if_exists"
            )
        self._client = client
        self._request = key.tag(request)
        self._if_exists = if_exists
        self._store = store or NullSubmissionStore()
        self._search = OrderSearch(client, key, search_window)
        self._existing_order_ids: tuple[str, ...] = ()

    def find_existing(self) -> OrderStatus | None:
        """Return the order to re-attach to, None if a new one is to be bought.

        Raises `ArdOrderConflict` for an order of another request, or any order with `if_exists="fail"`, and
        `ArdUnavailableError` while the list of orders cannot be read.
        """
        orders = self._search.orders()
        record = self._store.load()
        interrupted = self._search.interrupted(record, orders) if record else None
        if interrupted and interrupted.id not in {order.id for order in orders}:
            orders = [interrupted, *orders]
        self._existing_order_ids = tuple(order.id for order in orders)
        order = self._select(orders, interrupted)
        if order is not None:
            self._confirm(order, "Re-attached to order %s, submitted by an earlier attempt.")
        return order

    def submit(self) -> OrderStatus:
        """Buy the order: one POST, real money. After a lost response, search; never send the POST again.

        Raises `ArdOrderInDoubtError` if the search does not show the order: the next attempt searches first.
        """
        self._store.save(SubmissionRecord(submitted=True, existing_order_ids=self._existing_order_ids))
        try:
            order = self._client.submit_order(self._request)
        except ArdOrderInDoubtError as error:
            log.warning("%s. Searching for the order for up to %g s.", error, self._search.window)
            submitted = self._search.wait_for_new(self._existing_order_ids)
            if submitted is None:
                raise
            order = submitted
        except ArdError:
            # Refused, so there is no order: the next attempt need not search for one.
            with contextlib.suppress(Exception):
                self._store.save(SubmissionRecord(submitted=False))
            raise
        self._confirm(order, "Order %s submitted.")
        return order

    def _select(self, orders: list[OrderStatus], interrupted: OrderStatus | None) -> OrderStatus | None:
        """Return which of the existing orders to re-attach to."""
        if self._if_exists == "fail":
            if orders:
                raise ArdOrderConflict(
                    f"if_exists is 'fail', and this task instance has already placed order {orders[0].id} "
                    f"({orders[0].status})",
                    order_id=orders[0].id,
                )
            return None
        # An interrupted attempt submitted exactly the order that was asked for, whatever `if_exists` says.
        remedy = "clear the task" if self._if_exists == "resubmit" else "set if_exists='resubmit'"
        order = self._same_request([interrupted] if interrupted else [], remedy)
        if order is None and self._if_exists == "reuse":
            # Also where the interrupted one has failed: an order of an earlier attempt series may be alive.
            order = self._same_request(orders, remedy)
        return order

    def _same_request(self, orders: list[OrderStatus], remedy: str) -> OrderStatus | None:
        """Return the first order that has not failed. Raises `ArdOrderConflict` if it is for another request."""
        active = [order for order in orders if not order.has_failed]
        fingerprint = self._request.metadata[FINGERPRINT_TAG]
        for order in active:
            if order.metadata.get(FINGERPRINT_TAG) == fingerprint:
                return order
        if active:
            raise ArdOrderConflict(
                f"this task instance has already placed order {active[0].id} ({active[0].status}) for a different "
                f"request (fingerprint {active[0].metadata.get(FINGERPRINT_TAG)}, now {fingerprint}); restore the "
                f"arguments, or {remedy} to buy a second one",
                order_id=active[0].id,
            )
        return None

    def _confirm(self, order: OrderStatus, message: str) -> None:
        """Log the order's ID first, then record it. A failure to record it must not lose the order."""
        log.info(message, order.id)
        try:
            self._store.save(SubmissionRecord(submitted=True, order_id=order.id))
        except Exception:
            log.warning("Order %s: saving its ID failed; a retry finds it in the list.", order.id, exc_info=True)
