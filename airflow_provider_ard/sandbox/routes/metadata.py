"""``/metadata`` and ``/browse``: what is known of tiles, and what they look like."""

import re
from typing import Any

from fastapi import APIRouter, Response

from airflow_provider_ard.sandbox.backend import results, search
from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.backend.match import Match, by_date
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.rendering.rasters import quicklook
from airflow_provider_ard.sandbox.routes.common import Body, body_of, login
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import invalid, not_found
from airflow_provider_ard.sandbox.validation.orders import parse_object

_CELL_ID = re.compile(r"Z\d{2}-[0-3]{12}")


def router(state: State) -> APIRouter:
    """Return the routes of ``/metadata``."""
    routes = APIRouter(prefix="/metadata/cells", dependencies=[login(state)], tags=["Metadata"])

    @routes.post("/acquisitions", openapi_extra=body_of(schemas.SEARCH))
    def by_area(body: Body, format: str = "geojson") -> dict[str, Any]:  # noqa: A002 - the API's name
        """Return the tiles of an area, or of acquisitions, the newest first."""
        return _answer(state, search.parse(parse_object(body)), format)

    @routes.post("/{cell_id}/acquisitions", openapi_extra=body_of(schemas.SEARCH))
    def by_cell(cell_id: str, body: Body, format: str = "geojson") -> dict[str, Any]:  # noqa: A002
        """Return the tiles of a cell, the newest first."""
        if not _CELL_ID.fullmatch(cell_id):
            raise invalid(f"{cell_id} is not a cell ID")
        return _answer(state, search.parse(parse_object(body), needs_area=False), format, cell_id)

    @routes.get("/{cell_id}/acquisitions/{acquisition_id}")
    def one(cell_id: str, acquisition_id: str) -> dict[str, Any]:
        """Return one tile."""
        tile = find_tile(state, acquisition_id, cell_id)
        match = Match.of(tile, None, state.billing.category(tile))
        return {} if match is None else results.feature(match)

    return routes


def browse(state: State) -> APIRouter:
    """Return the routes of ``/browse``, which are open to everybody."""
    routes = APIRouter(prefix="/browse", tags=["Browse"])

    @routes.get("/preview/{acquisition_id}/{cell_id}")
    def preview(acquisition_id: str, cell_id: str) -> Response:
        """Return a tile's quicklook, 256 pixels across, as PNG."""
        return Response(quicklook(find_tile(state, acquisition_id, cell_id)), media_type="image/png")

    return routes


def find_tile(state: State, acquisition_id: str, cell_id: str) -> Tile:
    """Return a tile; raises a 404."""
    tile = state.catalog.tiles(acquisition_id).get(cell_id) if acquisition_id in state.catalog else None
    if tile is None:
        raise not_found(f"There is no tile of {acquisition_id} in {cell_id}")
    return tile


def _answer(state: State, wanted: search.Search, form: str, cell_id: str | None = None) -> dict[str, Any]:
    if form not in results.METADATA_FORMATS:
        raise invalid(f"format must be one of {', '.join(results.METADATA_FORMATS)}")
    if cell_id is not None:
        found = sorted(wanted.among(state.catalog.in_cell(cell_id), state.billing.category), key=by_date, reverse=True)[
            : wanted.stack_depth
        ]
    else:
        stacks = search.find(wanted, state.catalog, state.billing.category, by_date)
        found = sorted((match for stack in stacks.values() for match in stack), key=by_date, reverse=True)
    return results.metadata(found, form)
