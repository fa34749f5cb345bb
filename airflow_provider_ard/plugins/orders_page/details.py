"""One order in full, as the page shows it beside the map: what was ordered, and where each tile of it lies."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import shapely

from airflow_provider_ard.api.delivery.layout import root_collection_uri
from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.geo.geometry import GeometryReader
from airflow_provider_ard.api.geo.grid import footprint, is_cell_id
from airflow_provider_ard.api.selects.request import SelectRequest
from airflow_provider_ard.ordering.idempotency import TAG_PREFIX
from airflow_provider_ard.plugins.orders_page.rows import acquisitions_of, box_of, row_of
from airflow_provider_ard.version_compat import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus

# What a browser draws and a person can look at. The whole of a larger order is in its STAC collections.
MOST_CELLS = 4_000
MOST_ACQUISITIONS = 100


def details_of(client: ArdClient, order_id: str, dags: set[str]) -> dict[str, Any]:
    """Return an order as plain JSON without secrets, its task only to who may read one of `dags` that placed it.

    `cells` has `[cell id, ring, [[acquisition id, date], …]]` for each cell, in degrees. Raises `ArdError`.
    """
    order = client.get_order(order_id)
    row = row_of(order)
    ordered = acquisitions_of(order)
    cells, note = _cells(client, order, ordered)
    place = order.destination
    usage = order.usage
    return {
        "row": list(row.seen_by(dags)),
        "acquisitions": [[name, len(wanted)] for name, wanted in list(ordered.items())[:MOST_ACQUISITIONS]],
        "select_id": _text(order.order.select_id) if order.order else None,
        "aoi": _aoi(order),
        "cells": cells,
        "note": note,
        "usage": {"area": _numbers(usage.area), "cost": _numbers(usage.cost)} if usage else None,
        "settings": order.order.settings if order.order and isinstance(order.order.settings, dict) else {},
        "metadata": redact({key: value for key, value in order.metadata.items() if not key.startswith(TAG_PREFIX)}),
        "collection": root_collection_uri(place.uri, order.id) if place and row.state == "succeeded" else None,
    }


def _cells(client: ArdClient, order: OrderStatus, ordered: dict[str, list[str]]) -> tuple[list[list[Any]], str | None]:
    """Return the cells of an order with the tiles in each, and a note on what is missing."""
    tiles: dict[str, dict[str, str | None]] = defaultdict(dict)
    note = None
    try:
        if not ordered and order.order and order.order.select_id:
            ordered = client.selected(client.get_select(str(order.order.select_id)))
        for name, cells in ordered.items():
            for cell in cells:
                tiles[cell][name] = None
        if ordered:
            _look_up(client, order, ordered, tiles)
    except ArdError as error:
        note = f"The catalogue does not tell all tiles of this order: {error.message}"
    whole = [name for name, cells in ordered.items() if not cells]
    if len(whole) > MOST_ACQUISITIONS:
        note = f"Shown are the tiles of the first {MOST_ACQUISITIONS} of {len(ordered)} acquisitions."
    elif len(tiles) > MOST_CELLS:
        note = f"Shown are the first {MOST_CELLS} of {len(tiles)} cells."
    shown = [(cell, found) for cell, found in tiles.items() if is_cell_id(cell)][:MOST_CELLS]
    return [[cell, _rounded(footprint(cell)), [[*one] for one in found.items()]] for cell, found in shown], note


def _look_up(
    client: ArdClient, order: OrderStatus, ordered: dict[str, list[str]], tiles: dict[str, dict[str, str | None]]
) -> None:
    """Add what the catalogue tells: the dates, and the cells of acquisitions that were ordered as a whole."""
    wkt = order.order.intersects if order.order else None
    box = box_of(order)
    search = SelectRequest(
        ids=tuple(ordered)[:MOST_ACQUISITIONS],
        intersects=wkt if isinstance(wkt, str) else None,
        bbox=(box[0], box[1], box[2], box[3]) if box else None,
    )
    for name, taken, cells in client.find_acquisitions(search):
        for cell in cells:
            if not ordered.get(name) or name in tiles.get(cell, ()):
                tiles[cell][name] = taken[:10]


def _aoi(order: OrderStatus) -> dict[str, Any] | None:
    """Return the area of interest as GeoJSON, None without a readable one."""
    if box := box_of(order):
        return dict(shapely.geometry.mapping(shapely.geometry.box(*box)))
    wkt = order.order.intersects if order.order else None
    if not isinstance(wkt, str):
        return None
    try:
        return dict(shapely.geometry.mapping(GeometryReader("intersects").read(wkt)))
    except ArdError:
        return None


def _rounded(ring: list[tuple[float, float]]) -> list[list[float]]:
    return [[round(longitude, 5), round(latitude, 5)] for longitude, latitude in ring]


def _numbers(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if isinstance(value, int | float | None)}


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) else None
