"""`/metadata` and `/browse`: metadata and previews of tiles."""

import re
from typing import Any

from fastapi import APIRouter, Response

from airflow_provider_ard.sandbox.backend import search, search_results
from airflow_provider_ard.sandbox.backend.catalog import Tile
from airflow_provider_ard.sandbox.backend.matches import Match, by_date
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.rendering.rasters import quicklook
from airflow_provider_ard.sandbox.routes.dependencies import LOGIN, AccountState, Body, request_body
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import bad_request, not_found
from airflow_provider_ard.sandbox.validation.orders import parse_object

_CELL_ID = re.compile(r"Z\d{2}-[0-3]{12}")


router = APIRouter(prefix="/metadata/cells", dependencies=[LOGIN], tags=["Metadata"])
# Previews require no login.
browse = APIRouter(prefix="/browse", tags=["Browse"])


@router.post("/acquisitions", openapi_extra=request_body(schemas.SEARCH))
def by_area(body: Body, state: AccountState, format: str = "geojson") -> dict[str, Any]:  # noqa: A002 - the API's name
    """Return the tiles of an AOI or of acquisitions, newest first."""
    return _response(state, search.parse_search(parse_object(body)), format)


@router.post("/{cell_id}/acquisitions", openapi_extra=request_body(schemas.SEARCH))
def by_cell(cell_id: str, body: Body, state: AccountState, format: str = "geojson") -> dict[str, Any]:  # noqa: A002
    """Return the tiles of a cell, newest first."""
    if not _CELL_ID.fullmatch(cell_id):
        raise bad_request(f"{cell_id} is not a cell ID")
    return _response(state, search.parse_search(parse_object(body), needs_aoi=False), format, cell_id)


@router.get("/{cell_id}/acquisitions/{acquisition_id}")
def tile(cell_id: str, acquisition_id: str, state: AccountState) -> dict[str, Any]:
    """Return one tile."""
    tile = find_tile(state, acquisition_id, cell_id)
    match = Match.for_tile(tile, None, state.billing.age_class(tile))
    return {} if match is None else search_results.feature(match)


@browse.get("/preview/{acquisition_id}/{cell_id}")
def preview(acquisition_id: str, cell_id: str, state: AccountState) -> Response:
    """Return a tile's quicklook, 256 pixels across, as PNG."""
    return Response(quicklook(find_tile(state, acquisition_id, cell_id)), media_type="image/png")


def find_tile(state: State, acquisition_id: str, cell_id: str) -> Tile:
    """Return a tile; raises a 404."""
    tile = state.catalog.tiles(acquisition_id).get(cell_id) if acquisition_id in state.catalog else None
    if tile is None:
        raise not_found(f"Acquisition {acquisition_id} has no tile in cell {cell_id}")
    return tile


def _response(state: State, query: search.Search, output_format: str, cell_id: str | None = None) -> dict[str, Any]:
    if output_format not in search_results.METADATA_FORMATS:
        raise bad_request(f"format must be one of {', '.join(search_results.METADATA_FORMATS)}")
    if cell_id is not None:
        matches = sorted(
            query.filter_tiles(state.catalog.in_cell(cell_id), state.billing.age_class), key=by_date, reverse=True
        )[: query.stack_depth]
    else:
        matches_by_cell = search.search_catalog(query, state.catalog, state.billing.age_class, by_date)
        matches = sorted((match for stack in matches_by_cell.values() for match in stack), key=by_date, reverse=True)
    return search_results.format_matches(matches, output_format)
