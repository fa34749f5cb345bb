"""A Select, the API's search for tiles to order: `SelectRequest` in, `SelectStatus` out."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from numbers import Integral
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation

from airflow_provider_ard.api.acquisitions import is_acquisition_id
from airflow_provider_ard.api.aoi import read_aoi, read_bbox
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geometry import ReadFile, read_local
from airflow_provider_ard.api.order import State, Usage, state_of
from airflow_provider_ard.api.period import read_period
from airflow_provider_ard.api.rendered import boolean, given, members, nearest, parsed, shown

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
        ids: object = None,
        datetime: object = None,
        intersects: object = None,
        bbox: object = None,
        query: object = None,
        stack_depth: object = None,
        image_age_category: object = None,
        simplify_aoi: object = False,
        read_file: ReadFile = read_local,
    ) -> SelectRequest:
        """Return the Select that the arguments describe. An empty text counts as not given, as templates leave one.

        Raises `ArdRequestError`, naming the argument, for whatever cannot be meant. Nothing is sent. `notes` tell what
        was mended. `read_file` fetches what `intersects` names by a path.
        """
        notes: list[str] = []
        if isinstance(datetime, str) and datetime.strip() == "None":
            notes.append("datetime: a template rendered to None: the Select is not limited in time")
        ids, intersects, bbox = given(ids), given(intersects), given(bbox)
        if intersects is not None and bbox is not None:
            raise ArdRequestError("give one of intersects and bbox, not both", argument="intersects")
        if ids is None and intersects is None and bbox is None:
            raise ArdRequestError("a Select needs an area (intersects or bbox), or ids", argument="intersects")
        simplify = boolean(simplify_aoi, "simplify_aoi")
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


class SelectStatus(BaseModel):
    """A Select as the API tells of it. Source: `POST /select/`, `GET /select/request/{id}`.

    `stack_depth_summary` is the API's own; `unique_acquisitions` is how many acquisitions were found; `links` are the
    addresses of its result files, by name.
    """

    model_config = ConfigDict(extra="ignore")

    id: Annotated[
        str, Field(min_length=1), BeforeValidator(lambda given: str(given) if isinstance(given, int) else given)
    ]
    status: str = ""
    usage: Usage | None = None
    stack_depth_summary: dict[str, Any] | None = None
    unique_acquisitions: int | None = None
    links: dict[str, Any] = Field(default_factory=dict)
    error_message: dict[str, Any] | str | None = None

    @property
    def state(self) -> State:
        """What the status means; `State.UNKNOWN` for one that is documented nowhere."""
        return state_of(self.status)

    @property
    def reason(self) -> str:
        """Why it failed, in the API's words."""
        message = self.error_message
        if isinstance(message, dict):
            return ": ".join(str(message[key]) for key in ("Error", "Cause") if message.get(key)) or self.status
        return message or self.status

    def report(self) -> dict[str, Any]:
        """Return what the next task needs to know, as plain JSON."""
        return {
            "select_id": self.id,
            "status": self.status,
            "unique_acquisitions": self.unique_acquisitions,
            "stack_depth_summary": self.stack_depth_summary,
            "usage": self.usage.model_dump(mode="json", exclude_none=True) if self.usage else None,
        }


class Sighting(NamedTuple):
    """An acquisition over an area: when it was taken (RFC 3339), and the cells in which it was."""

    id: str
    taken: str
    cells: tuple[str, ...]


def sightings(features: object) -> list[Sighting]:
    """Return the acquisitions of a metadata search's GeoJSON, a feature a tile, oldest first.

    Raises ValueError for what is no such answer.
    """
    taken: dict[str, str] = {}
    cells: dict[str, list[str]] = {}
    try:
        for feature in features["features"]:  # type: ignore[index]
            tile = feature["properties"]
            name, when = str(tile["acquisition_id"]), str(tile.get("datetime") or tile["date"])
            cells.setdefault(name, []).append(f"Z{int(tile['tile:zone']):02d}-{tile['tile:quadkey']}")
            taken[name] = min(when, taken.get(name, when))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not the tiles of a metadata search: {error!r}") from None
    found = [Sighting(name, when, tuple(sorted(set(cells[name])))) for name, when in taken.items()]
    return sorted(found, key=lambda one: (one.taken, one.id))


def _ids(value: object) -> tuple[str, ...]:
    value = parsed(value)
    found = [value] if isinstance(value, str) else members(value, "ids", "acquisition ids")
    names = [one.strip() if isinstance(one, str) else one for one in found]
    for name in names:
        if not is_acquisition_id(name):
            raise ArdRequestError(
                f"not an acquisition id: {shown(name)}; wanted one like 10300100B2B49700", argument="ids"
            )
    if not names:
        # A task before this one found nothing. Without ids, all acquisitions of the area would be meant.
        raise ArdRequestError("there are none in it; leave it out for all of an area", argument="ids")
    return tuple(dict.fromkeys(names))


def _stack_depth(value: object) -> int | None:
    if (value := given(value)) is None:
        return None
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1:
        return int(value)
    raise ArdRequestError(f"wanted a whole number from 1, got {shown(value)}", argument="stack_depth")


def _categories(value: object) -> tuple[str, ...]:
    if (value := parsed(given(value))) is None:
        return ()
    found = [value] if isinstance(value, str) else members(value, "image_age_category", "age categories")
    for one in found:
        if one not in IMAGE_AGE_CATEGORIES:
            raise ArdRequestError(
                f"wanted {', '.join(IMAGE_AGE_CATEGORIES)}, got {shown(one)}", argument="image_age_category"
            )
    return tuple(dict.fromkeys(found))


def _query(value: object) -> dict[str, Any]:
    if (value := parsed(given(value))) is None:
        return {}
    wish = 'conditions like {"eo:cloud_cover": {"lte": 10}}'
    if not isinstance(value, Mapping):
        raise ArdRequestError(f"wanted {wish}, got {shown(value)}", argument="query")
    checked: dict[str, Any] = {}
    for name, conditions in value.items():
        if not isinstance(name, str) or not name.strip():
            raise ArdRequestError(f"wanted names of properties as keys, got {shown(name)}", argument="query")
        if not isinstance(conditions, Mapping) or not conditions:
            raise ArdRequestError(f"{name}: wanted {wish}, got {shown(conditions)}", argument="query")
        checked[name] = {sign: _operand(name, sign, operand) for sign, operand in conditions.items()}
    return checked


def _operand(name: str, sign: object, operand: object) -> Any:
    if sign not in OPERATORS:
        raise ArdRequestError(f"{name}: no operator {shown(sign)}{nearest(sign, OPERATORS)}", argument="query")
    where = f"{name}: {sign}"
    if sign == "in":
        found = [_scalar(where, one) for one in members(operand, "query", f"a list at {where}")]
        if not found:
            raise ArdRequestError(f"{where}: the list is empty, nothing can match", argument="query")
        return found
    if sign in _NUMBERS and (isinstance(operand, bool) or not isinstance(operand, int | float | str)):
        raise ArdRequestError(f"{where}: wanted a number, got {shown(operand)}", argument="query")
    if sign in _TEXTS and not isinstance(operand, str):
        raise ArdRequestError(f"{where}: wanted a text, got {shown(operand)}", argument="query")
    return _scalar(where, operand)


def _scalar(where: str, value: object) -> Any:
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ArdRequestError(f"{where}: wanted a number or a text, got {shown(value)}", argument="query")
