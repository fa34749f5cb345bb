"""Orders known by ID: from the argument `existing_order_id`, or from the submission record of a task instance."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import (
    ArdError,
    ArdNotFoundError,
    ArdOrderConflict,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.api.refusal import may_be_unknown

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.ordering.matching import OrderMatcher
    from airflow_provider_ard.ordering.order_key import OrderKey
    from airflow_provider_ard.ordering.submission_store import SubmissionRecord
    from airflow_provider_ard.ordering.task_state import Attempt

log = logging.getLogger(__name__)

# An order may be unknown to the API for this long after it was placed.
UNKNOWN_ORDER_GRACE_S = 600.0


class RecordedOrders:
    """Requests orders by the ID in an argument or a record, and applies `if_exists`."""

    def __init__(
        self, client: ArdClient, key: OrderKey, matcher: OrderMatcher, attempt: Attempt, if_exists: str
    ) -> None:
        self._client = client
        self._key = key
        self._matcher = matcher
        self._attempt = attempt
        self._if_exists = if_exists

    def named(self, order_id: str) -> OrderStatus:
        """Return the order of the argument `existing_order_id`. Raises `ArdRequestError` if it cannot be used."""
        try:
            order = self._client.get_order(order_id)
        except ArdNotFoundError as error:
            raise ArdRequestError(
                f"order {order_id} does not exist in the account of this Connection ({error.message}); check the ID "
                "and the Connection",
                argument="existing_order_id",
            ) from None
        if order.has_failed:
            raise ArdRequestError(f"order {order_id} has failed; omit the argument", argument="existing_order_id")
        if not self._matcher.is_same_request(order):
            log.warning("Order %s adopted; it may be for a different request", order_id)
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
                log.warning("Adopted order %s does not exist in the account of this Connection", record.order_id)
                return None
            raise _unknown_order(record.order_id, self._key, error) from None
        if order.has_failed and (is_new_series or not self._matcher.include_failed):
            log.warning("Adopted order %s has failed", order.id)
            return None
        return order

    def placed(self, record: SubmissionRecord, orders: list[OrderStatus]) -> list[OrderStatus]:
        """Return the recorded order, which may not be in the list yet; no order if it can be replaced."""
        order_id = record.order_id or ""
        try:
            order = self._client.get_order(order_id)
        except ArdError as error:
            if not may_be_unknown(error):
                raise
            if orders or self._may_replace(record):
                log.warning("Recorded order %s does not exist in the account of this Connection", order_id)
                return []
            if record.recorded_at is not None and time.time() - record.recorded_at < UNKNOWN_ORDER_GRACE_S:
                raise ArdUnavailableError(
                    f"order {order_id} of {self._key.owner} is not visible in the API yet; a retry requests it again",
                    order_id=order_id,
                ) from None
            raise _unknown_order(order_id, self._key, error) from None
        if not self._matcher.is_tagged(order) and not self._may_replace(record):
            raise ArdUnavailableError(
                f"the API returns order {order_id} of {self._key.owner} without metadata; cannot determine whether it "
                "is for the same request; in a task, pass existing_order_id to use it",
                order_id=order_id,
            )
        return [order]

    def _may_replace(self, record: SubmissionRecord) -> bool:
        """Return whether this try may place a new order, since the task was cleared to resubmit."""
        return self._if_exists == "resubmit" and record.series != self._attempt.series


def _unknown_order(order_id: str, key: OrderKey, error: ArdError) -> ArdNotFoundError:
    return ArdNotFoundError(
        f"order {order_id} of {key.owner} does not exist in the account of this Connection ({error.message}); "
        f"{key.unknown_order_fix}",
        status=error.status,
        code=error.code,
        type=error.type,
        request_id=error.request_id,
        order_id=order_id,
    )
