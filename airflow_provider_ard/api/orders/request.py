"""`OrderRequest`: a validated order, as it is sent."""

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
    reject_blank,
    safe_repr,
)
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.files import ReadFile, read_local_file
from airflow_provider_ard.api.orders.acquisitions import Acquisition, parse_acquisitions
from airflow_provider_ard.api.orders.destination import Destination
from airflow_provider_ard.api.orders.destination_arguments import parse_destination
from airflow_provider_ard.api.orders.notifications import Notification, parse_notifications
from airflow_provider_ard.api.orders.settings import DEFAULT_SETTINGS, Settings, parse_settings

_SELECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
# Each row of the list of orders repeats its order's metadata, a hundred rows per page.
MAX_METADATA_BYTES = 64 * 1024


class OrderRequest(BaseModel):
    """A validated order. `OrderRequest.of(...)` makes one from the arguments that `ArdOrderOperator` documents.

        OrderRequest.of(acquisitions="10300100B2B49700", destination="s3://bucket/prefix")

    `warnings`: what was repaired in the arguments, and contradictions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    # Validated while it is parsed: it may contain half a million cells.
    acquisitions: SkipValidation[tuple[Acquisition, ...]] = ()
    select_id: str | None = None
    intersects: str | None = None
    bbox: SkipValidation[tuple[float, float, float, float] | None] = None
    destination: SerializeAsAny[Destination]
    settings: SkipValidation[Settings] = DEFAULT_SETTINGS
    metadata: dict[str, Any] = Field(default_factory=dict)
    notifications: tuple[Notification, ...] = ()
    dry_run: bool = False
    warnings: tuple[str, ...] = ()

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
        drop_small_polygons: object = False,
        read_file: ReadFile = read_local_file,
        credentials_ids: Mapping[str, str] | None = None,
    ) -> OrderRequest:
        """Return the order that the arguments describe.

        Raises `ArdRequestError`, which names the argument, for an invalid value. No request is sent, and no argument is
        modified. `read_file` reads the file that `intersects` may name; `credentials_ids` are the Connection's.
        """
        warnings: list[str] = []
        select_id, acquisitions = none_if_blank(select_id), none_if_blank(acquisitions)
        intersects = reject_blank(intersects, "intersects")
        bbox = reject_blank(bbox, "bbox")
        if select_id is not None:
            _only_select_id(acquisitions=acquisitions, intersects=intersects, bbox=bbox)
        elif acquisitions is None:
            raise ArdRequestError("an order needs acquisitions or a select_id", argument="acquisitions")
        if intersects is not None and bbox is not None:
            raise ArdRequestError("expected one of intersects and bbox, got both", argument="intersects")
        parsed_settings, settings_warnings = parse_settings(settings, bba)
        warnings += settings_warnings
        location, destination_warnings = parse_destination(
            none_if_blank(destination),
            parse_literal(none_if_blank(output_config)),
            none_if_blank(role_arn),
            credentials_ids,
        )
        warnings += destination_warnings
        simplify = parse_bool(simplify_aoi, "simplify_aoi")
        drop_small = parse_bool(drop_small_polygons, "drop_small_polygons")
        aoi = box = None
        if intersects is not None:
            # Loads geometry, which takes longer than all other imports of a task that orders.
            from airflow_provider_ard.api.geo.aoi import check_connected, parse_aoi  # noqa: PLC0415

            aoi = parse_aoi(intersects, simplify=simplify, drop_small=drop_small, read_file=read_file)
            if parsed_settings.bundle_adjust:
                check_connected(aoi)
            warnings += [f"intersects: {warning}" for warning in aoi.warnings]
        parsed_acquisitions = parse_acquisitions(acquisitions) if acquisitions is not None else ()
        if bbox is not None:
            from airflow_provider_ard.api.geo.bbox import parse_bbox  # noqa: PLC0415 -- as above
            from airflow_provider_ard.api.geo.bbox_sequence import check_sequence  # noqa: PLC0415

            box = parse_bbox(bbox)
            warnings += check_sequence(box, {cell for _, cells in parsed_acquisitions for cell in cells})
        return cls(
            acquisitions=parsed_acquisitions,
            select_id=_select_id(select_id) if select_id is not None else None,
            intersects=aoi.wkt if aoi else None,
            bbox=box,
            destination=location,
            settings=parsed_settings,
            metadata=_metadata(metadata),
            notifications=parse_notifications(email_notifications, sns_notifications),
            dry_run=parse_bool(dry_run, "dry_run"),
            warnings=tuple(warnings),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets of the destination, for redaction."""
        return self.destination.secrets

    def to_payload(self, cells_key: str = "cells") -> dict[str, Any]:
        """Return the JSON body of the request, including secrets."""
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
                f"cannot be combined with {name}: a Select contains what to order; omit one of them",
                argument="select_id",
            )


def _select_id(value: object) -> str:
    if isinstance(value, str) and _SELECT_ID.fullmatch(select_id := value.strip()):
        return select_id
    if isinstance(value, Integral) and not isinstance(value, bool) and 0 <= int(value) < 10**100:
        return str(int(value))
    raise ArdRequestError(f"expected the ID of a Select, got {safe_repr(value)}", argument="select_id")


def _metadata(value: object) -> dict[str, Any]:
    if value is None or (value := parse_literal(none_if_blank(value))) is None:
        return {}
    if not isinstance(value, Mapping):
        raise ArdRequestError(f"expected a dictionary, got {safe_repr(value)}", argument="metadata")
    for key, item in value.items():
        if not isinstance(key, str):
            raise ArdRequestError(f"expected string keys, got {safe_repr(key)}", argument="metadata")
        try:
            json.dumps({key: item}, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ArdRequestError(
                f"expected JSON values (strings, finite numbers, lists …), got {safe_repr(item)} at {safe_repr(key)}: "
                f"{type(error).__name__}",
                argument="metadata",
            ) from None
    content = json.dumps(dict(value))
    if len(content) > MAX_METADATA_BYTES:
        raise ArdRequestError(
            f"expected at most {MAX_METADATA_BYTES:,} bytes of JSON, got {len(content):,}", argument="metadata"
        )
    return json.loads(content)  # type: ignore[no-any-return]
