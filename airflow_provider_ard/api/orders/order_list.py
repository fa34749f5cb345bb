"""A page of the list of orders, read strictly: what it does not contain has to be certain before anything is bought."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, StrictBool, model_validator

from airflow_provider_ard.api.orders.status import OrderStatus


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
