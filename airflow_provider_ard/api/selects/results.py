"""What the API reports of a Select (`SelectStatus`) and of a metadata search (`AcquisitionMatch`)."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from airflow_provider_ard.api.http.storable import storable_numbers
from airflow_provider_ard.api.orders.status import Lenient, State, StatusName, Usage, message_of, state_of


class SelectStatus(BaseModel):
    """A Select as the API returns it. Source: `POST /select/`, `GET /select/request/{id}`.

    Only the ID has to be in the documented format; other fields that are not are ignored.
    `stack_depth_summary` is the API's own; `unique_acquisitions` is the number of acquisitions; `links` are the
    addresses of its result files, by name.
    """

    model_config = ConfigDict(extra="ignore")

    id: Annotated[
        str, Field(min_length=1), BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)
    ]
    status: StatusName = ""
    usage: Lenient[Usage] = None
    stack_depth_summary: Annotated[Lenient[dict[str, Any]], BeforeValidator(storable_numbers)] = None
    unique_acquisitions: Lenient[int] = None
    links: Annotated[dict[str, Any], BeforeValidator(lambda value: value if isinstance(value, dict) else {})] = Field(
        default_factory=dict
    )
    error_message: Annotated[str | None, BeforeValidator(message_of)] = None

    @property
    def state(self) -> State:
        """The meaning of the status; `State.UNKNOWN` for an undocumented one."""
        return state_of(self.status)

    @property
    def reason(self) -> str:
        """Why it failed, in the API's words."""
        return self.error_message or self.status

    def report(self) -> dict[str, Any]:
        """Return the Select as plain JSON."""
        return {
            "select_id": self.id,
            "status": self.status,
            "unique_acquisitions": self.unique_acquisitions,
            "stack_depth_summary": self.stack_depth_summary,
            "usage": self.usage.model_dump(mode="json", exclude_none=True) if self.usage else None,
        }


class AcquisitionMatch(NamedTuple):
    """An acquisition that matches a search: `acquired_at` (RFC 3339), and its cells that match."""

    id: str
    acquired_at: str
    cells: tuple[str, ...]


def acquisition_matches(features: object) -> list[AcquisitionMatch]:
    """Return the acquisitions of a metadata search's GeoJSON, one feature per tile, oldest first.

    Raises ValueError for anything else.
    """
    acquired_at: dict[str, str] = {}
    cells: dict[str, list[str]] = {}
    try:
        for feature in features["features"]:  # type: ignore[index]
            tile = feature["properties"]
            name, datetime_ = str(tile["acquisition_id"]), str(tile.get("datetime") or tile["date"])
            cells.setdefault(name, []).append(f"Z{int(tile['tile:zone']):02d}-{tile['tile:quadkey']}")
            acquired_at[name] = min(datetime_, acquired_at.get(name, datetime_))
    except (TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"not the tiles of a metadata search: {error!r}") from None
    matches = [AcquisitionMatch(name, time, tuple(sorted(set(cells[name])))) for name, time in acquired_at.items()]
    return sorted(matches, key=lambda match: (match.acquired_at, match.id))
