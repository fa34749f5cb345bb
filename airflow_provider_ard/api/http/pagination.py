"""Pages of a list as the API sends them, parsed only as far as needed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationInfo
from typing_extensions import TypedDict

from airflow_provider_ard.api.account import StoredCredentials
from airflow_provider_ard.api.http.storable import storable_json
from airflow_provider_ard.api.orders.status import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Collection

Row = TypeVar("Row")


class _Page(BaseModel, Generic[Row]):
    # pydantic would also keep the last 16,000 IDs that it has read, a megabyte.
    model_config = ConfigDict(cache_strings="keys")

    # Without a custom validator around it, for which pydantic would first turn the complete response into objects.
    data: list[Row] | None = None
    has_more: Any = False

    @property
    def rows(self) -> list[Row]:
        return self.data or []


class _Status(TypedDict, total=False):
    id: str | int
    status: str


def _check_not_selected(order_id: str | int, info: ValidationInfo) -> str | int:
    if str(order_id) in (info.context or ()):
        raise ValueError("selected")
    return order_id


class _NotSelected(TypedDict):
    id: Annotated[str | int, AfterValidator(_check_not_selected)]


class _Credentials(BaseModel):
    registered_credentials: StoredCredentials


# Parsed straight from the response: a row repeats its complete order, and of ten thousand rows mostly only the status
# is needed. Anything more would be some hundred thousand objects per poll, and as much work for the garbage collector.
_STATUSES = TypeAdapter(_Page[_Status])
_ORDERS = TypeAdapter(_Page[OrderStatus])
_SELECTED = TypeAdapter(_Page[Annotated[_NotSelected | OrderStatus | _Status, Field(union_mode="left_to_right")]])
_CREDENTIALS = TypeAdapter(_Page[_Credentials])


class OrderPage:
    """A page of up to 100 orders; `statuses` maps order IDs to statuses. Raises ValueError for any other content."""

    def __init__(self, content: bytes) -> None:
        content = storable_json(content)
        page = _STATUSES.validate_json(content)
        self.statuses = {str(row["id"]): sys.intern(row.get("status", "")) for row in page.rows if "id" in row}
        self.has_more = bool(page.has_more)
        self.ids = list(self.statuses)
        self._content = content

    @property
    def orders(self) -> list[OrderStatus]:
        """All orders of the page. Raises ValueError if one is malformed."""
        return _ORDERS.validate_json(self._content).rows

    def select(self, order_ids: Collection[str]) -> list[OrderStatus]:
        """Return those of the given orders that are on the page, without malformed ones."""
        rows = _SELECTED.validate_json(self._content, context=order_ids).rows
        return [row for row in rows if isinstance(row, OrderStatus)]


class CredentialsPage:
    """A page of up to 100 stored credentials. Raises ValueError for any other content."""

    def __init__(self, content: bytes) -> None:
        page = _CREDENTIALS.validate_json(storable_json(content))
        self.credentials = [row.registered_credentials for row in page.rows]
        self.ids = [credentials.credentials_id for credentials in self.credentials]
        self.has_more = bool(page.has_more)
