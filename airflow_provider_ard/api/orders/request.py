"""An order as it is sent (`OrderRequest`) and as the API reports it (`OrderStatus`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from numbers import Integral
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, SkipValidation

from airflow_provider_ard.api.arguments import (
    OMITTED,
    none_if_blank,
    parse_bool,
    parse_literal,
    require_value,
    safe_repr,
)
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import check_connected, read_aoi, read_bbox
from airflow_provider_ard.api.geo.geometry import ReadFile, read_local
from airflow_provider_ard.api.orders.acquisitions import Acquisition, read_acquisitions
from airflow_provider_ard.api.orders.destination import Destination, read_destination
from airflow_provider_ard.api.orders.notifications import Notification, read_notifications
from airflow_provider_ard.api.orders.settings import DEFAULT_SETTINGS, Settings, read_settings

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
        intersects: object = OMITTED,
        bbox: object = OMITTED,
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
        select_id, acquisitions = none_if_blank(select_id), none_if_blank(acquisitions)
        intersects = require_value(intersects, "intersects")
        bbox = require_value(bbox, "bbox")
        if select_id is not None:
            _only_select_id(acquisitions=acquisitions, intersects=intersects, bbox=bbox)
        elif acquisitions is None:
            raise ArdRequestError("an order needs acquisitions or a select_id", argument="acquisitions")
        if intersects is not None and bbox is not None:
            raise ArdRequestError("give one of intersects and bbox, not both", argument="intersects")
        chosen, said = read_settings(settings, bba)
        notes += said
        place, said = read_destination(
            none_if_blank(destination),
            parse_literal(none_if_blank(output_config)),
            none_if_blank(role_arn),
            credentials_ids,
        )
        notes += said
        simplify = parse_bool(simplify_aoi, "simplify_aoi")
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
            dry_run=parse_bool(dry_run, "dry_run"),
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
    raise ArdRequestError(f"wanted the id of a Select, got {safe_repr(value)}", argument="select_id")


def _metadata(value: object) -> dict[str, Any]:
    if value is None or (value := parse_literal(none_if_blank(value))) is None:
        return {}
    if not isinstance(value, Mapping):
        raise ArdRequestError(f"wanted a dictionary, got {safe_repr(value)}", argument="metadata")
    for key, inner in value.items():
        if not isinstance(key, str):
            raise ArdRequestError(f"wanted texts as keys, got {safe_repr(key)}", argument="metadata")
        try:
            json.dumps({key: inner}, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ArdRequestError(
                f"wanted what JSON can hold (text, finite numbers, lists …), got {safe_repr(inner)} at {safe_repr(key)}: "
                f"{type(error).__name__}",
                argument="metadata",
            ) from None
    text = json.dumps(dict(value))
    if len(text) > MAX_METADATA_BYTES:
        raise ArdRequestError(
            f"wanted at most {MAX_METADATA_BYTES:,} bytes of JSON, got {len(text):,}", argument="metadata"
        )
    return json.loads(text)  # type: ignore[no-any-return]
