"""`OrderStatus`: an order as the API returns it. Imports no geometry, as a process that only polls imports this."""

from __future__ import annotations

import math
from collections.abc import Callable  # noqa: TC003 -- pydantic evaluates it
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WrapValidator, model_validator
from pydantic_core import from_json

from airflow_provider_ard.api.delivery.layout import root_collection_uri
from airflow_provider_ard.api.http.redaction import redact_text
from airflow_provider_ard.api.http.storable import storable_json, storable_numbers
from airflow_provider_ard.api.orders.destination import Destination
from airflow_provider_ard.api.orders.order_ids import is_order_id


class State(Enum):
    """The meaning of a status for a wait."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


# One page of the API's documentation has FINISHED for success; its SDK has ERROR as a second failure.
_STATES = {
    "RUNNING": State.RUNNING,
    "SUCCEEDED": State.SUCCEEDED,
    "FINISHED": State.SUCCEEDED,
    "FAILED": State.FAILED,
    "ERROR": State.FAILED,
}


def state_of(status: str) -> State:
    """Return the meaning of a status; `State.UNKNOWN` for an undocumented one."""
    return _STATES.get(status.strip().upper(), State.UNKNOWN)


def _none_if_invalid(value: Any, validate: Callable[[Any], Any]) -> Any:
    try:
        return validate(value)
    except ValueError:
        return None


T = TypeVar("T")
# Nothing depends on these fields: an unexpected value must not hide the ID or the status of an order.
Lenient = Annotated[T | None, WrapValidator(_none_if_invalid)]


def _number(value: object) -> float | None:
    """Return a finite number, also from a numeric string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


class Usage(BaseModel):
    """Area and cost of an order or account: `area` in km², `cost` in the account's currency, per class of imagery.

    A cost of None means that the account has no price for that class and cannot order it. `limits` and `available`
    are the account's; -1 is no limit. Keys are the API's own, for example `area["total_imagery_sqkm"]`.
    """

    model_config = ConfigDict(extra="allow")

    area: Annotated[dict[str, Any], BeforeValidator(lambda value: value if isinstance(value, dict) else {})] = Field(
        default_factory=dict
    )
    cost: Annotated[dict[str, Any], BeforeValidator(lambda value: value if isinstance(value, dict) else {})] = Field(
        default_factory=dict
    )
    limits: Lenient[dict[str, Any]] = None
    available: Lenient[dict[str, Any]] = None

    @model_validator(mode="before")
    @classmethod
    def _make_storable(cls, value: Any) -> Any:
        return storable_numbers(value)

    @property
    def area_sqkm(self) -> float | None:
        """The total area, km²."""
        return _number(self.area.get("total_imagery_sqkm"))

    @property
    def total_cost(self) -> float | None:
        """The total cost, in the account's currency."""
        return _number(self.cost.get("total_imagery_cost"))

    def __str__(self) -> str:
        """Return area and cost as a line of text."""
        area = f"{self.area_sqkm:,.1f} km²" if self.area_sqkm is not None else "area unknown"
        cost = f"cost {self.total_cost:,.2f}" if self.total_cost is not None else "no price set for the account"
        return f"{area}, {cost}"


def _metadata(value: object) -> dict[str, Any] | None:
    """Return metadata, also from a JSON string; None if it is no object."""
    if isinstance(value, str):
        try:
            value = from_json(storable_json(value.encode()))
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


class EchoedRequest(BaseModel):
    """The part of an order request that the API echoes in the order's status."""

    model_config = ConfigDict(extra="ignore")

    usage: Lenient[Usage] = None
    output_config: Lenient[dict[str, Any]] = None
    metadata: Annotated[dict[str, Any] | None, BeforeValidator(_metadata)] = None
    acquisitions: Any = None
    select_id: Any = None
    intersects: Any = None
    bbox: Any = None
    settings: Any = None


def _datetime(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def message_of(value: object) -> str | None:
    """Return a status message as a string, without signatures. Failed Selects report an object `{"Error", "Cause"}`."""
    if isinstance(value, dict):
        value = ": ".join(str(part) for part in value.values() if part) or None
    return None if value is None else redact_text(str(value))


StatusName = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]


def _order_id(value: object) -> str:
    if not is_order_id(value):
        raise ValueError("not an order ID")
    return str(value)


class OrderStatus(BaseModel):
    """An order as the API returns it. Source: `GET /order/status/{id}`, rows of `GET /order/`, the response to a POST.

    Only the ID has to be in the documented format; other fields that are not are ignored.
    """

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    id: Annotated[str, BeforeValidator(_order_id)]
    status: StatusName = ""
    status_message: Annotated[str | None, BeforeValidator(message_of)] = None
    # Undocumented, so nothing depends on them.
    created: Annotated[datetime | None, BeforeValidator(_datetime)] = None
    finished: Annotated[datetime | None, BeforeValidator(_datetime)] = None
    order: Lenient[EchoedRequest] = None
    # Documented inside of `order`.
    row_metadata: Annotated[dict[str, Any] | None, BeforeValidator(_metadata)] = Field(default=None, alias="metadata")

    @property
    def state(self) -> State:
        """The meaning of the status; `State.UNKNOWN` for an undocumented one."""
        return state_of(self.status)

    @property
    def has_failed(self) -> bool:
        """Whether the order has failed."""
        return self.state is State.FAILED

    @property
    def usage(self) -> Usage | None:
        """Area and cost, if the API returns them."""
        return self.order.usage if self.order else None

    @property
    def metadata(self) -> dict[str, Any]:
        """The order's metadata as the API echoes it."""
        return (self.order.metadata if self.order else None) or self.row_metadata or {}

    @property
    def has_metadata(self) -> bool:
        """Whether the API echoes metadata for this order, possibly empty."""
        return self.row_metadata is not None or (self.order is not None and self.order.metadata is not None)

    @property
    def acquisition_ids(self) -> list[str]:
        """The IDs of its acquisitions, none for the order of a Select."""
        acquisitions = self.order.acquisitions if self.order else None
        entries = acquisitions if isinstance(acquisitions, list) else []
        names = [entry.get("id") if isinstance(entry, dict) else entry for entry in entries]
        return [str(name) for name in names if name and isinstance(name, str | int)]

    @property
    def destination(self) -> Destination | None:
        """Where the order is delivered, without credentials; None if the API does not return it."""
        config = self.order.output_config if self.order else None
        return Destination.echoed(config) if config else None

    def report(self) -> dict[str, Any]:
        """Return the XCom value of the order: plain JSON without secrets."""
        location = self.destination
        return {
            "order_id": self.id,
            "status": self.status,
            "status_message": self.status_message,
            "usage": self.usage.model_dump(mode="json", exclude_none=True) if self.usage else None,
            "output_uri": location.uri if location else None,
            "collection_uri": root_collection_uri(location.uri, self.id) if location else None,
        }
