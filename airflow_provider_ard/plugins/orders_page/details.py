"""The details of an order for the panel beside the map: its content and the footprints of its tiles."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import shapely

from airflow_provider_ard.api.delivery.layout import root_collection_uri
from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.geo.geometry import GeometryReader, is_wkt
from airflow_provider_ard.api.geo.grid import footprint, is_cell_id
from airflow_provider_ard.api.http.redaction import redact_values
from airflow_provider_ard.api.selects.request import SelectRequest
from airflow_provider_ard.ordering.order_key import TAG_PREFIX
from airflow_provider_ard.plugins.orders_page.rows import create_row, ordered_bbox, ordered_cells
from airflow_provider_ard.version_compat import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus

# As many as a browser can draw. The STAC collections contain larger orders completely.
MAX_CELLS = 4_000
MAX_ACQUISITIONS = 100


def order_details(client: ArdClient, order_id: str, dags: set[str]) -> dict[str, Any]:
    """Return an order as plain JSON without secrets; its task only if the user may read its DAG, one of `dags`.

    `cells` has `[cell id, ring, [[acquisition id, date], …]]` for each cell, in degrees. Raises `ArdError`.
    """
    order = client.get_order(order_id)
    row = create_row(order)
    cells_by_acquisition = ordered_cells(order)
    tiles_by_cell, note = _cells(client, order, cells_by_acquisition)
    usage = order.usage
    return {
        "row": list(row.visible_to(dags)),
        "acquisitions": [[name, len(cells)] for name, cells in list(cells_by_acquisition.items())[:MAX_ACQUISITIONS]],
        "select_id": _text(order.order.select_id) if order.order else None,
        "aoi": _aoi(order),
        "cells": tiles_by_cell,
        "note": note,
        "usage": {"area": _numbers(usage.area), "cost": _numbers(usage.cost)} if usage else None,
        "settings": order.order.settings if order.order and isinstance(order.order.settings, dict) else {},
        "metadata": redact(
            {key: redact_values(value) for key, value in order.metadata.items() if not key.startswith(TAG_PREFIX)}
        ),
        "collection": _collection_uri(order) if row.state == "succeeded" else None,
    }


def _collection_uri(order: OrderStatus) -> str | None:
    return root_collection_uri(order.destination.uri, order.id) if order.destination else None


def _cells(
    client: ArdClient, order: OrderStatus, cells_by_acquisition: dict[str, list[str]]
) -> tuple[list[list[Any]], str | None]:
    """Return the cells of an order with their tiles, and a note about missing ones."""
    tiles: dict[str, dict[str, str | None]] = defaultdict(dict)
    note = None
    try:
        if not cells_by_acquisition and order.order and order.order.select_id:
            cells_by_acquisition = client.get_select_results(client.get_select(str(order.order.select_id)))
        for name, cells in cells_by_acquisition.items():
            for cell in cells:
                tiles[cell][name] = None
        if cells_by_acquisition:
            _add_search_results(client, order, cells_by_acquisition, tiles)
    except ArdError as error:
        note = f"Not all tiles of this order are known: {error.message}"
    complete = [name for name, cells in cells_by_acquisition.items() if not cells]
    if len(complete) > MAX_ACQUISITIONS:
        note = f"Showing the tiles of the first {MAX_ACQUISITIONS} of {len(cells_by_acquisition)} acquisitions."
    elif len(tiles) > MAX_CELLS:
        note = f"Showing the first {MAX_CELLS} of {len(tiles)} cells."
    visible = [(cell, dates) for cell, dates in tiles.items() if is_cell_id(cell)][:MAX_CELLS]
    return [[cell, _rounded(footprint(cell)), [[*item] for item in dates.items()]] for cell, dates in visible], note


def _add_search_results(
    client: ArdClient,
    order: OrderStatus,
    cells_by_acquisition: dict[str, list[str]],
    tiles: dict[str, dict[str, str | None]],
) -> None:
    """Add dates, and the cells of acquisitions that were ordered completely, from a metadata search."""
    wkt = order.order.intersects if order.order else None
    box = ordered_bbox(order)
    search = SelectRequest(
        ids=tuple(cells_by_acquisition)[:MAX_ACQUISITIONS],
        intersects=wkt if isinstance(wkt, str) else None,
        bbox=(box[0], box[1], box[2], box[3]) if box else None,
    )
    for name, acquired_at, cells in client.find_acquisitions(search):
        for cell in cells:
            if not cells_by_acquisition.get(name) or name in tiles.get(cell, ()):
                tiles[cell][name] = acquired_at[:10]


def _aoi(order: OrderStatus) -> dict[str, Any] | None:
    """Return the AOI as GeoJSON, None without a readable one."""
    if box := ordered_bbox(order):
        return dict(shapely.geometry.mapping(shapely.geometry.box(*box)))
    wkt = order.order.intersects if order.order else None
    # The reader would open any other string as a file of this server.
    if not isinstance(wkt, str) or not is_wkt(wkt):
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
