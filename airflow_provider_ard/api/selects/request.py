"""A Select, the API's search for tiles to order: `SelectRequest` in, `SelectStatus` out."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from airflow_provider_ard.api.arguments import (
    OMITTED,
    did_you_mean,
    none_if_blank,
    parse_bool,
    parse_literal,
    require_value,
    safe_repr,
    to_list,
)
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import read_aoi, read_bbox
from airflow_provider_ard.api.geo.geometry import ReadFile, read_local
from airflow_provider_ard.api.orders.acquisitions import is_acquisition_id
from airflow_provider_ard.api.selects.interval import read_period

IMAGE_AGE_CATEGORIES = ("fresh", "standard", "training")
_NUMBERS = ("lt", "lte", "gt", "gte")
_TEXTS = ("startsWith", "endsWith", "contains")
OPERATORS = ("eq", "neq", *_NUMBERS, "in", *_TEXTS)


class SelectRequest(BaseModel):
    """A checked Select. Make one with `SelectRequest.of(...)`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: tuple[str, ...] = ()
    datetime: str | None = None
    intersects: str | None = None
    bbox: SkipValidation[tuple[float, float, float, float] | None] = None
    query: dict[str, Any] = Field(default_factory=dict)
    stack_depth: int | None = None
    image_age_category: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        ids: object = OMITTED,
        datetime: object = OMITTED,
        intersects: object = OMITTED,
        bbox: object = OMITTED,
        query: object = OMITTED,
        stack_depth: object = None,
        image_age_category: object = OMITTED,
        simplify_aoi: object = False,
        read_file: ReadFile = read_local,
    ) -> SelectRequest:
        """Return the Select that the arguments describe. An empty text counts as not given, as templates leave one.

        Raises `ArdRequestError`, naming the argument, for whatever cannot be meant. Nothing is sent. `notes` tell what
        was mended. `read_file` fetches what `intersects` names by a path.
        """
        notes: list[str] = []
        ids = require_value(ids, "ids")
        datetime = require_value(datetime, "datetime")
        intersects = require_value(intersects, "intersects")
        bbox = require_value(bbox, "bbox")
        query = require_value(query, "query")
        image_age_category = require_value(image_age_category, "image_age_category")
        if intersects is not None and bbox is not None:
            raise ArdRequestError("give one of intersects and bbox, not both", argument="intersects")
        if ids is None and intersects is None and bbox is None:
            raise ArdRequestError("a Select needs an area (intersects or bbox), or ids", argument="intersects")
        simplify = parse_bool(simplify_aoi, "simplify_aoi")
        aoi = read_aoi(intersects, simplify=simplify, read_file=read_file) if intersects is not None else None
        notes += [f"intersects: {note}" for note in (aoi.notes if aoi else ())]
        return cls(
            ids=_ids(ids) if ids is not None else (),
            datetime=read_period(datetime),
            intersects=aoi.wkt if aoi else None,
            bbox=read_bbox(bbox) if bbox is not None else None,
            query=_query(query),
            stack_depth=_stack_depth(stack_depth),
            image_age_category=_categories(image_age_category),
            notes=tuple(notes),
        )

    def to_payload(self) -> dict[str, Any]:
        """Return the JSON of the Select as it goes over the wire."""
        payload: dict[str, Any] = {
            "ids": list(self.ids),
            "datetime": self.datetime,
            "intersects": self.intersects,
            "bbox": list(self.bbox) if self.bbox else None,
            "stack_depth": self.stack_depth,
            "image_age_category": list(self.image_age_category),
        }
        return {"query": self.query} | {name: value for name, value in payload.items() if value}

    def fingerprint(self) -> str:
        """Return a digest of what is searched for: 32 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.to_payload(), sort_keys=True).encode()).hexdigest()[:32]


def _ids(value: object) -> tuple[str, ...]:
    value = parse_literal(value)
    found = [value] if isinstance(value, str) else to_list(value, "ids", "acquisition ids")
    names = [one.strip() if isinstance(one, str) else one for one in found]
    for name in names:
        if not is_acquisition_id(name):
            raise ArdRequestError(
                f"not an acquisition id: {safe_repr(name)}; wanted one like 10300100B2B49700", argument="ids"
            )
    if not names:
        # A task before this one found nothing. Without ids, all acquisitions of the area would be meant.
        raise ArdRequestError("there are none in it; leave it out for all of an area", argument="ids")
    return tuple(dict.fromkeys(names))


def _stack_depth(value: object) -> int | None:
    if (value := none_if_blank(value)) is None:
        return None
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1:
        return int(value)
    raise ArdRequestError(f"wanted a whole number from 1, got {safe_repr(value)}", argument="stack_depth")


def _categories(value: object) -> tuple[str, ...]:
    if (value := parse_literal(none_if_blank(value))) is None:
        return ()
    found = [value] if isinstance(value, str) else to_list(value, "image_age_category", "age categories")
    for one in found:
        if one not in IMAGE_AGE_CATEGORIES:
            raise ArdRequestError(
                f"wanted {', '.join(IMAGE_AGE_CATEGORIES)}, got {safe_repr(one)}", argument="image_age_category"
            )
    return tuple(dict.fromkeys(found))


def _query(value: object) -> dict[str, Any]:
    if (value := parse_literal(none_if_blank(value))) is None:
        return {}
    wish = 'conditions like {"eo:cloud_cover": {"lte": 10}}'
    if not isinstance(value, Mapping):
        raise ArdRequestError(f"wanted {wish}, got {safe_repr(value)}", argument="query")
    checked: dict[str, Any] = {}
    for name, conditions in value.items():
        if not isinstance(name, str) or not name.strip():
            raise ArdRequestError(f"wanted names of properties as keys, got {safe_repr(name)}", argument="query")
        if not isinstance(conditions, Mapping) or not conditions:
            raise ArdRequestError(f"{name}: wanted {wish}, got {safe_repr(conditions)}", argument="query")
        checked[name] = {sign: _operand(name, sign, operand) for sign, operand in conditions.items()}
    return checked


def _operand(name: str, sign: object, operand: object) -> Any:
    if sign not in OPERATORS:
        raise ArdRequestError(f"{name}: no operator {safe_repr(sign)}{did_you_mean(sign, OPERATORS)}", argument="query")
    where = f"{name}: {sign}"
    if sign == "in":
        found = [_scalar(where, one) for one in to_list(operand, "query", f"a list at {where}")]
        if not found:
            raise ArdRequestError(f"{where}: the list is empty, nothing can match", argument="query")
        return found
    if sign in _NUMBERS and (isinstance(operand, bool) or not isinstance(operand, int | float | str)):
        raise ArdRequestError(f"{where}: wanted a number, got {safe_repr(operand)}", argument="query")
    if sign in _TEXTS and not isinstance(operand, str):
        raise ArdRequestError(f"{where}: wanted a text, got {safe_repr(operand)}", argument="query")
    return _scalar(where, operand)


def _scalar(where: str, value: object) -> Any:
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ArdRequestError(f"{where}: wanted a number or a text, got {safe_repr(value)}", argument="query")
