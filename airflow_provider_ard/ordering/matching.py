"""Find the existing order to which a task instance re-attaches."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdOrderConflict, ArdUnavailableError
from airflow_provider_ard.ordering.idempotency import (
    CLEAR_NUMBER_TAG,
    MAP_INDEX_TAG,
    MAPPED_INSTANCES_TAG,
    SERIES_TAG,
)
from airflow_provider_ard.ordering.tags import tag_number, tag_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.existing_orders import OrderSearch
    from airflow_provider_ard.ordering.order_key import OrderKey
    from airflow_provider_ard.ordering.submission_store import SubmissionRecord
    from airflow_provider_ard.ordering.task_state import Attempt

log = logging.getLogger(__name__)


class OrderMatcher:
    """Compares existing orders with a tagged request, by the rules of `if_exists`."""

    def __init__(
        self, request: OrderRequest, key: OrderKey, attempt: Attempt, if_exists: str, *, include_failed: bool = False
    ) -> None:
        self._fingerprint_tag = f"{key.tag_prefix}fingerprint"
        self._fingerprint: str = request.metadata[self._fingerprint_tag]
        self._key = key
        self._attempt = attempt
        self._if_exists = if_exists
        self.include_failed = include_failed

    def find(self, orders: list[OrderStatus], record: SubmissionRecord, search: OrderSearch) -> OrderStatus | None:
        """Return the order to re-attach to, None if a new one may be bought.

        Raises `ArdOrderConflict`, and `ArdUnavailableError` if it cannot determine when an order was placed.
        """
        if self._if_exists == "fail":
            existing = orders or self._find_under_other_map_index(search)
            if existing:
                raise ArdOrderConflict(
                    f"if_exists is 'fail', and {self._key.owner} has already placed order {existing[0].id} "
                    f"({existing[0].status})",
                    order_id=existing[0].id,
                )
            return None
        if self._if_exists == "resubmit":
            # A new order for each clear; automatic retries re-attach to that of their own attempt series.
            orders = [order for order in orders if self._is_of_series(order, record)]
        same = self.active_with_same_request(orders, record.order_id)
        if same:
            return same[0]
        active = [order for order in orders if not order.has_failed]
        if moved := self._find_under_other_map_index(search):
            return moved[0]
        if active and not self._needs_more_orders(active, search):
            raise self.conflict(active[0])
        return next((order for order in orders if self._is_reported_failure(order, record)), None)

    def active_with_same_request(self, orders: Sequence[OrderStatus], order_id: str | None = None) -> list[OrderStatus]:
        """Return the orders of the same request that have not failed: the recorded one first, then the oldest."""
        same = [order for order in orders if self.is_same_request(order) and not order.has_failed]
        same.sort(key=lambda order: (order.id != order_id, order.created is None, str(order.created or ""), order.id))
        self.warn_of_duplicates(same)
        return same

    def may_be_in_doubt(self, order: OrderStatus, record: SubmissionRecord) -> bool:
        """Return whether an earlier try of this series may have submitted the order. Older orders are not proof."""
        if order.has_failed or (self._if_exists == "resubmit" and not self._is_of_series(order, record)):
            return False
        return self.is_same_request(order) or not self._was_placed_for_other_list(order)

    def is_same_request(self, order: OrderStatus) -> bool:
        """Return whether an order is tagged with the same request."""
        return tag_value(order, self._fingerprint_tag) == self._fingerprint

    def is_tagged(self, order: OrderStatus) -> bool:
        """Return whether an order has the fingerprint of its request."""
        return tag_value(order, self._fingerprint_tag) is not None

    def conflict(self, order: OrderStatus) -> ArdOrderConflict:
        """Return the error for an order of a different request, with the possible fixes."""
        return ArdOrderConflict(
            f"{self._key.owner} has already placed order {order.id} ({order.status}) for a different request "
            f"(fingerprint {tag_value(order, self._fingerprint_tag)}, now {self._fingerprint}); "
            f"{self._key.conflict_fix.format(order_id=order.id)}",
            order_id=order.id,
        )

    def warn_of_duplicates(self, orders: Sequence[OrderStatus]) -> None:
        """Log a warning if several orders are active for one request."""
        if len(orders) > 1:
            log.warning(
                "Several orders are active for %s and this request: %s. Using %s; each of them is billed",
                self._key.owner,
                ", ".join(order.id for order in orders),
                orders[0].id,
            )

    def _is_reported_failure(self, order: OrderStatus, record: SubmissionRecord) -> bool:
        """Return whether an order has failed since the task was last cleared, and the caller reports that."""
        is_candidate = self.include_failed and order.has_failed and self.is_same_request(order)
        return is_candidate and self._is_of_series(order, record)

    def _is_of_series(self, order: OrderStatus, record: SubmissionRecord) -> bool:
        """Return whether an order was placed or re-attached to since the task was last cleared.

        Only the record knows the latter. Raises `ArdUnavailableError` if neither the order nor the record shows it.
        """
        series = {tag_number(order, SERIES_TAG), record.series if order.id == record.order_id else None} - {None}
        if not series:
            raise ArdUnavailableError(
                f"the API returns order {order.id} of {self._key.owner} without a readable tag {SERIES_TAG}; cannot "
                "determine whether it was placed before the task was cleared, so nothing was bought; pass "
                "existing_order_id to use it",
                order_id=order.id,
            )
        return self._attempt.series in series

    def _find_under_other_map_index(self, search: OrderSearch) -> list[OrderStatus]:
        """Return the orders of the same request that were placed under another map index of another list.

        Empty with `if_exists="resubmit"`, which places a new order for each clear.
        """
        if not self._key.is_mapped or self._if_exists == "resubmit":
            return []
        orders = search.orders_of_task_for(self._fingerprint)
        same = self.active_with_same_request([order for order in orders if self._was_placed_for_other_list(order)])
        if same:
            log.info("Order %s was placed for map index %s", same[0].id, tag_value(same[0], MAP_INDEX_TAG))
        return same

    def _was_placed_for_other_list(self, order: OrderStatus) -> bool:
        """Return whether the list that the task is mapped over may have changed since an order was placed.

        Before 3.2, Airflow counts a clear only if the DAG run had ended. The others are seen in the length of the list
        and, as a list is cleared together with the task, in the series of this task instance. The series of others
        count their own tries.
        """
        if not self._key.is_mapped:
            return False
        clear_number = tag_number(order, CLEAR_NUMBER_TAG)
        is_earlier = clear_number is None or clear_number < self._attempt.clear_number
        instances = tag_number(order, MAPPED_INSTANCES_TAG)
        is_other_length = None not in (instances, self._attempt.mapped_instances) and (
            instances != self._attempt.mapped_instances
        )
        return is_earlier or is_other_length or self._attempt.may_have_been_cleared

    def _needs_more_orders(self, active: list[OrderStatus], search: OrderSearch) -> bool:
        """Return whether the task now expands to more instances than when the orders were placed, and than have orders.

        If it does not, arguments have changed, and another order would be a second one.
        """
        instances = self._attempt.mapped_instances
        placed_for = [tag_number(order, MAPPED_INSTANCES_TAG) for order in active]
        if instances is None or any(number is None or number >= instances for number in placed_for):
            return False
        orders = [order for order in search.orders_of_task() if not order.has_failed]
        return len(orders) < instances
