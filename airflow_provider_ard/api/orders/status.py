"""An order as the API reports it (`OrderStatus`). Loads no geometry: a process that only polls imports this module."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from airflow_provider_ard.api.delivery.layout import root_collection_uri
from airflow_provider_ard.api.orders.destination import Destination


class State(Enum):
    """What a status means for who waits."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


# The API's documentation has FINISHED for success on one page, its SDK knows ERROR as a second failure.
_STATES = {
    "RUNNING": State.RUNNING,
    "SUCCEEDED": State.SUCCEEDED,
    "FINISHED": State.SUCCEEDED,
    "FAILED": State.FAILED,
    "ERROR": State.FAILED,
}


def state_of(status: str) -> State:
    """Return what the API's word for a status means; `State.UNKNOWN` for one that is documented nowhere."""
    return _STATES.get(status.upper(), State.UNKNOWN)


class Usage(BaseModel):
    """What an order takes from the account: `area` in km², `cost` in the account's currency, per class of imagery.

    A cost of None means that the account has no price for that class and cannot order it. `limits` and `available`
    are the account's; -1 is no limit. Keys are the API's own, for example `area["total_imagery_sqkm"]`.
    """

    model_config = ConfigDict(extra="allow")

    area: dict[str, Any] = Field(default_factory=dict)
    cost: dict[str, Any] = Field(default_factory=dict)
    limits: dict[str, Any] | None = None
    available: dict[str, Any] | None = None

    @property
    def area_sqkm(self) -> float | None:
        """The whole area, km²."""
        return self.area.get("total_imagery_sqkm")

    @property
    def total_cost(self) -> float | None:
        """The whole cost, in the account's currency."""
        return self.cost.get("total_imagery_cost")

    def __str__(self) -> str:
        """Tell area and cost in a line."""
        area = f"{self.area_sqkm:,.1f} km²" if self.area_sqkm is not None else "area unknown"
        cost = f"cost {self.total_cost:,.2f}" if self.total_cost is not None else "no price set for the account"
        return f"{area}, {cost}"


class EchoedRequest(BaseModel):
    """The part of an order that the API repeats in its status."""

    model_config = ConfigDict(extra="ignore")

    usage: Usage | None = None
    output_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    # For people to look at: whatever form these come in, they keep no order from being read.
    acquisitions: Any = None
    select_id: Any = None
    intersects: Any = None
    bbox: Any = None
    settings: Any = None


def _moment(told: object) -> datetime | None:
    try:
        return datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None


class OrderStatus(BaseModel):
    """An order as the API reports it. Source: `GET /order/status/{id}`, rows of `GET /order/`, a submit's answer."""

    model_config = ConfigDict(extra="ignore")

    id: Annotated[
        str, Field(min_length=1), BeforeValidator(lambda given: str(given) if isinstance(given, int) else given)
    ]
    status: str = ""
    status_message: str | None = None
    # Undocumented, so nothing may hang on them.
    created: Annotated[datetime | None, BeforeValidator(_moment)] = None
    finished: Annotated[datetime | None, BeforeValidator(_moment)] = None
    order: EchoedRequest | None = None

    @property
    def state(self) -> State:
        """What the status means; `State.UNKNOWN` for one that is documented nowhere."""
        return state_of(self.status)

    @property
    def has_failed(self) -> bool:
        """Whether the API gave the order up."""
        return self.state is State.FAILED

    @property
    def usage(self) -> Usage | None:
        """Area and cost, if the API tells them."""
        return self.order.usage if self.order else None

    @property
    def metadata(self) -> dict[str, Any]:
        """The order's metadata as the API echoes it."""
        return (self.order.metadata if self.order else None) or {}

    @property
    def acquisition_ids(self) -> list[str]:
        """The acquisitions that it names, none for the order of a Select."""
        named = self.order.acquisitions if self.order else None
        entries = named if isinstance(named, list) else []
        return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and entry.get("id")]

    @property
    def destination(self) -> Destination | None:
        """Where the order is delivered, without credentials; None if the API does not tell."""
        config = self.order.output_config if self.order else None
        return Destination.echoed(config) if config else None

    def report(self) -> dict[str, Any]:
        """Return what the next task needs to know, as plain JSON without secrets."""
        place = self.destination
        return {
            "order_id": self.id,
            "status": self.status,
            "status_message": self.status_message,
            "usage": self.usage.model_dump(mode="json", exclude_none=True) if self.usage else None,
            "output_uri": place.uri if place else None,
            "collection_uri": root_collection_uri(place.uri, self.id) if place else None,
        }
