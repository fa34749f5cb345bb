"""`SelectRequest`: a validated Select, the API's search for tiles to order."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from airflow_provider_ard.api.arguments import (
    OMITTED,
    did_you_mean,
    none_if_blank,
    parse_bool,
    parse_literal,
    reject_blank,
    safe_repr,
    to_list,
)
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import parse_aoi
from airflow_provider_ard.api.geo.bbox import parse_bbox
from airflow_provider_ard.api.geo.bbox_sequence import check_sequence
from airflow_provider_ard.api.geo.files import ReadFile, read_local_file
from airflow_provider_ard.api.orders.acquisitions import is_acquisition_id, parse_acquisition_id
from airflow_provider_ard.api.selects.interval import parse_interval

IMAGE_AGE_CATEGORIES = ("fresh", "standard", "training")
_NUMBERS = ("lt", "lte", "gt", "gte")
_TEXTS = ("startsWith", "endsWith", "contains")
OPERATORS = ("eq", "neq", *_NUMBERS, "in", *_TEXTS)


class SelectRequest(BaseModel):
    """A validated Select, from the arguments of `ArdSelectOperator`.

        request = SelectRequest.of(bbox=[-105.1, 40.1, -105.0, 40.2], datetime="2026-01-01/2026-01-31")

    `warnings` lists the repairs of the arguments.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: tuple[str, ...] = ()
    datetime: str | None = None
    intersects: str | None = None
    bbox: SkipValidation[tuple[float, float, float, float] | None] = None
    query: dict[str, Any] = Field(default_factory=dict)
    stack_depth: int | None = None
    image_age_category: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

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
        drop_small_polygons: object = False,
        read_file: ReadFile = read_local_file,
    ) -> SelectRequest:
        """Return the Select that the arguments describe.

        Raises `ArdRequestError`, which names the argument, for an invalid value. No request is sent. `warnings` lists
        repairs. `read_file` reads the file that `intersects` may name.
        """
        warnings: list[str] = []
        ids = reject_blank(ids, "ids")
        datetime = reject_blank(datetime, "datetime")
        intersects = reject_blank(intersects, "intersects")
        bbox = reject_blank(bbox, "bbox")
        query = reject_blank(query, "query")
        image_age_category = reject_blank(image_age_category, "image_age_category")
        if intersects is not None and bbox is not None:
            raise ArdRequestError("expected one of intersects and bbox, got both", argument="intersects")
        if ids is None and intersects is None and bbox is None:
            raise ArdRequestError("a Select needs an AOI (intersects or bbox), or ids", argument="intersects")
        simplify = parse_bool(simplify_aoi, "simplify_aoi")
        drop_small = parse_bool(drop_small_polygons, "drop_small_polygons")
        aoi = None
        if intersects is not None:
            aoi = parse_aoi(intersects, simplify=simplify, drop_small=drop_small, read_file=read_file)
        warnings += [f"intersects: {note}" for note in (aoi.warnings if aoi else ())]
        box = parse_bbox(bbox) if bbox is not None else None
        if box:
            warnings += check_sequence(box)
        return cls(
            ids=_ids(ids) if ids is not None else (),
            datetime=parse_interval(datetime),
            intersects=aoi.wkt if aoi else None,
            bbox=box,
            query=_query(query),
            stack_depth=_stack_depth(stack_depth),
            image_age_category=_categories(image_age_category),
            warnings=tuple(warnings),
        )

    def to_payload(self) -> dict[str, Any]:
        """Return the JSON body of the request."""
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
        """Return a digest of the search: 32 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.to_payload(), sort_keys=True).encode()).hexdigest()[:32]


def _ids(value: object) -> tuple[str, ...]:
    value = parse_literal(value)
    values = [value] if isinstance(value, str | Real) else to_list(value, "ids", "acquisition ids")
    acquisition_ids = [parse_acquisition_id(item, "ids") for item in values]
    if not acquisition_ids:
        raise ArdRequestError("is empty; omit the argument to search all acquisitions", argument="ids")
    return tuple(dict.fromkeys(acquisition_ids))


def _stack_depth(value: object) -> int | None:
    if (value := none_if_blank(value)) is None:
        return None
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1:
        return int(value)
    raise ArdRequestError(f"expected an integer of at least 1, got {safe_repr(value)}", argument="stack_depth")


def _categories(value: object) -> tuple[str, ...]:
    if (value := parse_literal(none_if_blank(value))) is None:
        return ()
    values = [value] if isinstance(value, str) else to_list(value, "image_age_category", "age categories")
    if not values:
        raise ArdRequestError("is empty; omit the argument to search all ages", argument="image_age_category")
    for category in values:
        if category not in IMAGE_AGE_CATEGORIES:
            raise ArdRequestError(
                f"expected one of {', '.join(IMAGE_AGE_CATEGORIES)}, got {safe_repr(category)}",
                argument="image_age_category",
            )
    return tuple(dict.fromkeys(values))


def _query(value: object) -> dict[str, Any]:
    if (value := parse_literal(none_if_blank(value))) is None:
        return {}
    expected = 'conditions like {"eo:cloud_cover": {"lte": 10}}'
    if not isinstance(value, Mapping):
        raise ArdRequestError(f"expected {expected}, got {safe_repr(value)}", argument="query")
    checked: dict[str, Any] = {}
    for name, conditions in value.items():
        if not isinstance(name, str) or not name.strip():
            raise ArdRequestError(f"expected property names as keys, got {safe_repr(name)}", argument="query")
        if not isinstance(conditions, Mapping) or not conditions:
            raise ArdRequestError(f"{name}: expected {expected}, got {safe_repr(conditions)}", argument="query")
        checked[name] = {operator: _operand(name, operator, operand) for operator, operand in conditions.items()}
    return checked


def _operand(name: str, operator: object, operand: object) -> Any:
    if operator not in OPERATORS:
        hint = did_you_mean(operator, OPERATORS)
        raise ArdRequestError(f"{name}: unknown operator {safe_repr(operator)}{hint}", argument="query")
    path = f"{name}: {operator}"
    if operator == "in":
        values = [_scalar(path, item) for item in to_list(operand, "query", f"a list at {path}")]
        if not values:
            raise ArdRequestError(f"{path}: the list is empty and matches nothing", argument="query")
        return values
    if operator in _NUMBERS and (isinstance(operand, bool) or not isinstance(operand, int | float | str)):
        raise ArdRequestError(f"{path}: expected a number, got {safe_repr(operand)}", argument="query")
    if operator in _TEXTS and not isinstance(operand, str):
        raise ArdRequestError(f"{path}: expected a string, got {safe_repr(operand)}", argument="query")
    return _scalar(path, operand)


def _scalar(path: str, value: object) -> Any:
    if isinstance(value, Integral) and is_acquisition_id(str(value)):
        # Native rendering makes a number of an ID that has digits only.
        return str(value)
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ArdRequestError(f"{path}: expected a number or a string, got {safe_repr(value)}", argument="query")
