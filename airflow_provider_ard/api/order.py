"""An order as it is sent (`OrderRequest`) and as the API reports it (`OrderStatus`)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from numbers import Integral
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, SkipValidation

from airflow_provider_ard.api.acquisitions import Acquisition, read_acquisitions
from airflow_provider_ard.api.aoi import check_connected, read_aoi, read_bbox
from airflow_provider_ard.api.destination import Destination, read_destination
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geometry import ReadFile, read_local
from airflow_provider_ard.api.layout import root_collection_uri
from airflow_provider_ard.api.notifications import Notification, read_notifications
from airflow_provider_ard.api.rendered import boolean, given, parsed, shown
from airflow_provider_ard.api.settings import DEFAULT_SETTINGS, Settings, read_settings

_SECRET_KEYS = ("service_credentials", "sas_url")
_SELECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
# Each row of an order list repeats its order's metadata, a hundred rows a page.
MAX_METADATA_BYTES = 64 * 1024


class OrderRequest(BaseModel):
    """A checked order. Make one with `OrderRequest.of(...)`, which takes the arguments of the order page."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    # Checked where it is read, all at once: it may hold half a million cells.
    acquisitions: SkipValidation[tuple[Acquisition, ...]] = ()
    select_id: str | None = None
    intersects: str | None = None
    bbox: SkipValidation[tuple[float, float, float, float] | None] = None
    destination: SerializeAsAny[Destination]
    settings: SkipValidation[Settings] = DEFAULT_SETTINGS
    metadata: dict[str, Any] = Field(default_factory=dict)
    notifications: tuple[Notification, ...] = ()
    dry_run: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        acquisitions: object = None,
        select_id: object = None,
        destination: object = None,
        output_config: object = None,
        intersects: object = None,
        bbox: object = None,
        role_arn: object = None,
        dry_run: object = False,
        bba: object = False,
        settings: object = None,
        metadata: object = None,
        email_notifications: object = (),
        sns_notifications: object = (),
        simplify_aoi: object = False,
        read_file: ReadFile = read_local,
        credentials_ids: Mapping[str, str] | None = None,
    ) -> OrderRequest:
        """Return the order that the arguments describe. An empty text counts as not given, as templates leave one.

        Raises `ArdRequestError`, naming the argument, for whatever cannot be meant. Nothing is sent, and what was
        given is not changed. `notes` tell what was mended or is contradictory. `read_file` fetches what `intersects`
        names by a path, `credentials_ids` are the connection's.
        """
        notes: list[str] = []
        select_id, acquisitions = given(select_id), given(acquisitions)
        if intersects is not None:
            intersects = _given_aoi(intersects, "intersects", notes)
        if bbox is not None:
            bbox = _given_aoi(bbox, "bbox", notes)
        if select_id is not None:
            _only_select_id(acquisitions=acquisitions, intersects=intersects, bbox=bbox)
        elif acquisitions is None:
            raise ArdRequestError("an order needs acquisitions or a select_id", argument="acquisitions")
        if intersects is not None and bbox is not None:
            raise ArdRequestError("give one of intersects and bbox, not both", argument="intersects")
        chosen, said = read_settings(settings, bba)
        notes += said
        place, said = read_destination(
            given(destination), parsed(given(output_config)), given(role_arn), credentials_ids
        )
        notes += said
        simplify = boolean(simplify_aoi, "simplify_aoi")
        aoi = read_aoi(intersects, simplify=simplify, read_file=read_file) if intersects is not None else None
        if aoi:
            if chosen.bundle_adjust:
                check_connected(aoi)
            notes += [f"intersects: {note}" for note in aoi.notes]
        return cls(
            acquisitions=read_acquisitions(acquisitions) if acquisitions is not None else (),
            select_id=_select_id(select_id) if select_id is not None else None,
            intersects=aoi.wkt if aoi else None,
            bbox=read_bbox(bbox) if bbox is not None else None,
            destination=place,
            settings=chosen,
            metadata=_metadata(metadata),
            notifications=read_notifications(email_notifications, sns_notifications),
            dry_run=boolean(dry_run, "dry_run"),
            notes=tuple(notes),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets in it, for redaction."""
        return self.destination.secrets

    def to_payload(self, cells_key: str = "cells") -> dict[str, Any]:
        """Return the JSON of the order as it goes over the wire, secrets included."""
        payload: dict[str, Any] = {
            "dry_run": self.dry_run,
            "settings": self.settings.to_payload(),
            "metadata": self.metadata,
            "output_config": self.destination.to_payload(),
        }
        if self.acquisitions:
            payload["acquisitions"] = [{"id": name, cells_key: cells} for name, cells in self.acquisitions]
        if self.select_id:
            payload["select_id"] = self.select_id
        if self.intersects:
            payload["intersects"] = self.intersects
        if self.bbox:
            payload["bbox"] = list(self.bbox)
        if self.notifications and not self.dry_run:
            payload["notifications"] = [notification.to_payload() for notification in self.notifications]
        return payload

    def fingerprint(self) -> str:
        """Return a digest of what is ordered and where to, without secrets and metadata: 32 hexadecimal digits."""
        payload = self.to_payload()
        del payload["metadata"]
        for config in payload["output_config"].values():
            if isinstance(config, dict):
                for secret in _SECRET_KEYS:
                    config.pop(secret, None)
        return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:32]


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


class OrderEcho(BaseModel):
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
    order: OrderEcho | None = None

    @property
    def state(self) -> State:
        """What the status means; `State.UNKNOWN` for one that is documented nowhere."""
        return state_of(self.status)

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


class Account(BaseModel):
    """Who is logged in. Source: `GET /auth/self`."""

    model_config = ConfigDict(extra="ignore")

    account_id: str | int | None = None
    user_id: str | int | None = None
    name: str | None = None
    email: str | None = None
    limits: dict[str, Any] = Field(default_factory=dict)


def _given_aoi(value: Any, argument: str, notes: list[str]) -> Any:
    found = given(value)
    if found is None and "None" in value:
        # An empty text is how an optional parameter looks. This may be a task that should have found an area.
        notes.append(f"{argument}: a template rendered to None: the order is not limited to an area")
    return found


def _only_select_id(**others: object) -> None:
    for name, value in others.items():
        if value is not None:
            raise ArdRequestError(
                f"a Select already says what to order: leave out {name}, or leave out select_id",
                argument="select_id",
            )


def _select_id(value: object) -> str:
    if isinstance(value, str) and _SELECT_ID.fullmatch(text := value.strip()):
        return text
    if isinstance(value, Integral) and not isinstance(value, bool) and 0 <= int(value) < 10**100:
        return str(int(value))
    raise ArdRequestError(f"wanted the id of a Select, got {shown(value)}", argument="select_id")


def _metadata(value: object) -> dict[str, Any]:
    if value is None or (value := parsed(given(value))) is None:
        return {}
    if not isinstance(value, Mapping):
        raise ArdRequestError(f"wanted a dictionary, got {shown(value)}", argument="metadata")
    for key, inner in value.items():
        if not isinstance(key, str):
            raise ArdRequestError(f"wanted texts as keys, got {shown(key)}", argument="metadata")
        try:
            json.dumps({key: inner}, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ArdRequestError(
                f"wanted what JSON can hold (text, finite numbers, lists …), got {shown(inner)} at {shown(key)}: "
                f"{type(error).__name__}",
                argument="metadata",
            ) from None
    text = json.dumps(dict(value))
    if len(text) > MAX_METADATA_BYTES:
        raise ArdRequestError(
            f"wanted at most {MAX_METADATA_BYTES:,} bytes of JSON, got {len(text):,}", argument="metadata"
        )
    return json.loads(text)  # type: ignore[no-any-return]
