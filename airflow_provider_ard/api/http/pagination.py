"""A page of a list as the API sends it, read no further than is asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationInfo
from typing_extensions import TypedDict

from airflow_provider_ard.api.account import StoredCredentials
from airflow_provider_ard.api.orders.status import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Collection

Row = TypeVar("Row")


class _Page(BaseModel, Generic[Row]):
    # No validator of ours around it: pydantic would first make Python objects of the whole text for it.
    data: list[Row] | None = None
    has_more: Any = False

    @property
    def rows(self) -> list[Row]:
        return self.data or []


class _Status(TypedDict, total=False):
    id: str | int
    status: str


def _unwanted(order_id: str | int, info: ValidationInfo) -> str | int:
    if str(order_id) in (info.context or ()):
        raise ValueError("wanted")
    return order_id


class _Unwanted(TypedDict):
    id: Annotated[str | int, AfterValidator(_unwanted)]


class _Credentials(BaseModel):
    registered_credentials: StoredCredentials


# Read straight from the text: a row repeats its whole order, and of ten thousand rows mostly the status is wanted.
# Anything more would be some hundred thousand objects a round, and as much work for the garbage collector.
_STATUSES = TypeAdapter(_Page[_Status])
_ORDERS = TypeAdapter(_Page[OrderStatus])
_WANTED = TypeAdapter(_Page[Annotated[_Unwanted | OrderStatus | _Status, Field(union_mode="left_to_right")]])
_CREDENTIALS = TypeAdapter(_Page[_Credentials])


class OrderPage:
    """Up to 100 orders. `statuses`: order id -> status. Raises ValueError if it is none."""

    def __init__(self, content: bytes) -> None:
        page = _STATUSES.validate_json(content)
        self.statuses = {str(row["id"]): sys.intern(row.get("status", "")) for row in page.rows if "id" in row}
        self.has_more = bool(page.has_more)
        self.names = list(self.statuses)
        self._content = content

    @property
    def entries(self) -> list[OrderStatus]:
        """All that the page says of its orders. Raises ValueError if that is of no documented form."""
        return _ORDERS.validate_json(self._content).rows

    def of(self, order_ids: Collection[str]) -> list[OrderStatus]:
        """All that the page says of some of its orders, without those that it says in no documented form."""
        rows = _WANTED.validate_json(self._content, context=order_ids).rows
        return [row for row in rows if isinstance(row, OrderStatus)]


class CredentialsPage:
    """Up to 100 stored credentials. Raises ValueError if it is none."""

    def __init__(self, content: bytes) -> None:
        page = _CREDENTIALS.validate_json(content)
        self.entries = [row.registered_credentials for row in page.rows]
        self.names = [entry.credentials_id for entry in self.entries]
        self.has_more = bool(page.has_more)
