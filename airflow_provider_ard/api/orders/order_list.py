"""Pages of the list of orders: one read strictly, since what it does not contain has to be certain; their sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, StrictBool, model_validator

from airflow_provider_ard.api.orders.status import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Sequence


class StrictOrderPage(BaseModel):
    """Up to 100 orders, and whether there are more. Use `model_validate_json`, which raises `ValueError`."""

    data: list[OrderStatus]
    has_more: StrictBool
    # Undocumented: the list would be incomplete.
    error: None = None
    errors: None = None
    partial: Literal[False] | None = None

    @model_validator(mode="after")
    def _check_progress(self) -> StrictOrderPage:
        if self.has_more and not self.data:
            raise ValueError("the list has more orders, but this page is empty")
        return self


def age_order(orders: Sequence[OrderStatus]) -> int:
    """Return 1 if orders are newest first, -1 if they are oldest first, 0 if their times do not show it.

    The sequence of the API's list is not documented, nor are the times.
    """
    times = [order.created.timestamp() for order in orders if order.created is not None]
    return (times[0] > times[-1]) - (times[0] < times[-1]) if times else 0
