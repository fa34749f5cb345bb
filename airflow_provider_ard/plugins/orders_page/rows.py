"""An order as a row of the page's table: compact plain JSON without secrets."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from airflow_provider_ard.api.geo.grid import bounds
from airflow_provider_ard.api.orders.status import OrderStatus, State
from airflow_provider_ard.ordering.idempotency import MAP_INDEX_TAG
from airflow_provider_ard.ordering.order_key import TAG_PREFIX
from airflow_provider_ard.ordering.tags import tag_number

MAX_MESSAGE_LENGTH = 500
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_POINT = re.compile(rf"({_NUMBER})\s+({_NUMBER})")


class Row(NamedTuple):
    """One order. Times are seconds since 1970, `area` km², `bbox` west, south, east, north (degrees); None: unknown.

    `state` is `running`, `succeeded`, `failed` or `unknown`; `status` the API's own value. `dag` to `map_index`: the
    task instance that placed it.
    """

    id: str
    status: str
    state: str
    created: float | None
    finished: float | None
    cost: float | None
    area: float | None
    estimate: bool
    dag: str | None
    task: str | None
    run: str | None
    map_index: int
    bbox: list[float] | None
    acquisitions: int
    destination: str | None
    message: str | None

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.state in {State.RUNNING.value, State.UNKNOWN.value}

    def visible_to(self, dags: set[str]) -> Row:
        """Return the row for a user who may read these DAGs; other DAGs are hidden, including their names."""
        if self.dag is None or self.dag in dags:
            return self
        return self._replace(dag=None, task=None, run=None, map_index=HIDDEN)


# Value of `map_index` if the user may not read the DAG.
HIDDEN = -2


def create_row(order: OrderStatus) -> Row:
    """Return an order's row. No form of the API's response makes it fail."""
    usage, tags, destination = order.usage, order.metadata, order.destination
    map_index = tag_number(order, MAP_INDEX_TAG)
    cells_by_acquisition = ordered_cells(order)
    return Row(
        id=order.id,
        status=order.status,
        state=order.state.value,
        created=_seconds(order.created),
        finished=_seconds(order.finished),
        cost=_number(usage.total_cost) if usage else None,
        area=_number(usage.area_sqkm) if usage else None,
        estimate=bool(usage and usage.cost.get("estimate")),
        dag=_string(tags.get(f"{TAG_PREFIX}dag_id")),
        task=_string(tags.get(f"{TAG_PREFIX}task_id")),
        run=_string(tags.get(f"{TAG_PREFIX}run_id")),
        map_index=-1 if map_index is None else map_index,
        bbox=_bbox(order, cells_by_acquisition),
        acquisitions=len(cells_by_acquisition),
        destination=destination.uri if destination else None,
        message=order.status_message[:MAX_MESSAGE_LENGTH] if order.status_message else None,
    )


def ordered_cells(order: OrderStatus) -> dict[str, list[str]]:
    """Return the ordered acquisitions with their cells, none for all."""
    entries = order.order.acquisitions if order.order else None
    cells_by_acquisition: dict[str, list[str]] = {}
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str):
            cells = entry.get("cells") or entry.get("cell_ids") or ()
            cells_by_acquisition[entry["id"]] = [cell for cell in cells if isinstance(cell, str)]
        elif isinstance(entry, str):
            cells_by_acquisition[entry] = []
    return cells_by_acquisition


def ordered_bbox(order: OrderStatus) -> list[float] | None:
    """Return the ordered `bbox`, None without one."""
    box = order.order.bbox if order.order else None
    if isinstance(box, Sequence) and len(box) == 4 and all(_number(edge) is not None for edge in box):
        return [float(edge) for edge in box]
    return None


def _bbox(order: OrderStatus, cells_by_acquisition: Mapping[str, list[str]]) -> list[float] | None:
    if not order.order:
        return None
    if box := ordered_bbox(order):
        return _rounded(box)
    if isinstance(wkt := order.order.intersects, str):
        # Only the extent is needed: parsing the geometries of 5,000 orders would take seconds.
        points = [(float(x), float(y)) for x, y in _POINT.findall(wkt)]
        if points:
            xs, ys = zip(*points, strict=True)
            return _rounded([min(xs), min(ys), max(xs), max(ys)])
    extent = bounds(cell for cells in cells_by_acquisition.values() for cell in cells)
    return _rounded(extent) if extent else None


def _rounded(box: Sequence[float]) -> list[float]:
    return [round(edge, 4) for edge in box]


def _seconds(time: datetime | None) -> float | None:
    try:
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()) if time else None
    except (ValueError, OverflowError):
        return None


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None  # type: ignore[return-value]


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
