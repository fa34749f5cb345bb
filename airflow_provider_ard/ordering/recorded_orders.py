"""The order that a person has named, or that the submission record of a task instance holds."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import (
    ArdNotFoundError,
    ArdOrderConflict,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.ordering.idempotency import is_tagged

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.matching import OrderMatcher
    from airflow_provider_ard.ordering.submission_store import SubmissionRecord
    from airflow_provider_ard.ordering.task_state import Attempt

log = logging.getLogger(__name__)

# An order may be unknown to the API for this long after it was placed.
UNKNOWN_ORDER_GRACE_S = 600.0


class RecordedOrders:
    """Requests orders by the ID that an argument or a record holds, by the rules of `if_exists`."""

    def __init__(self, client: ArdClient, matcher: OrderMatcher, attempt: Attempt, if_exists: str) -> None:
        self._client = client
        self._matcher = matcher
        self._attempt = attempt
        self._if_exists = if_exists

    def named(self, order_id: str) -> OrderStatus:
        """Return the order of the argument `existing_order_id`. Raises `ArdRequestError` if it cannot be used."""
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

    def adopted(self, record: SubmissionRecord) -> OrderStatus | None:
        """Return the order that was recorded as adopted; None if there is none, or it is to be replaced.

        It is replaced like any order: if it has failed, or if the task was cleared after it was used.
        """
        if not record.is_adopted or record.order_id is None:
            return None
        is_new_series = record.series not in (None, self._attempt.series)
        if self._if_exists == "fail" and is_new_series:
            raise ArdOrderConflict(
                f"if_exists is 'fail', and this task instance has already adopted order {record.order_id}",
                order_id=record.order_id,
            )
        if self._if_exists == "resubmit" and is_new_series:
            return None
        try:
            order = self._client.get_order(record.order_id)
        except ArdNotFoundError as error:
            if self._if_exists == "resubmit":
                log.warning("Adopted order %s is not known to this account", record.order_id)
                return None
            raise _unknown_order(record.order_id, error) from None
        if order.has_failed:
            log.warning("Adopted order %s has failed", order.id)
            return None
        return order

    def placed(self, record: SubmissionRecord, orders: list[OrderStatus]) -> list[OrderStatus]:
        """Return the recorded order, which the list may lag behind; none if another order can take its place."""
        order_id = record.order_id or ""
        try:
            order = self._client.get_order(order_id)
        except ArdNotFoundError as error:
            if orders or self._may_replace(record):
                log.warning("Recorded order %s is not known to this account", order_id)
                return []
            if record.recorded_at is not None and time.time() - record.recorded_at < UNKNOWN_ORDER_GRACE_S:
                raise ArdUnavailableError(
                    f"order {order_id}, which this task instance has just placed, is not known yet; a retry asks again",
                    order_id=order_id,
                ) from None
            raise _unknown_order(order_id, error) from None
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


def _unknown_order(order_id: str, error: ArdNotFoundError) -> ArdNotFoundError:
    return ArdNotFoundError(
        f"this task instance has placed order {order_id}, which the account of this Connection does not know "
        f"({error.message}); check the Connection, or set if_exists='resubmit' and clear the task to buy another, or "
        "pass existing_order_id",
        status=error.status,
        code=error.code,
        type=error.type,
        request_id=error.request_id,
        order_id=order_id,
    )
