"""`/select`: searches whose results can be downloaded and ordered."""

from typing import Any

from fastapi import APIRouter, Request, Response

from airflow_provider_ard.sandbox.backend.orders import SUCCEEDED
from airflow_provider_ard.sandbox.backend.search import check_select
from airflow_provider_ard.sandbox.backend.search_results import select_file
from airflow_provider_ard.sandbox.backend.selects import FILES, Select
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.faults.exchange import PLANNED_OUTCOME
from airflow_provider_ard.sandbox.paths import DOWNLOADS_ROOT
from airflow_provider_ard.sandbox.routes.dependencies import (
    Body,
    api_url_builder,
    base_url,
    current_user,
    request_body,
    require_login,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import not_found
from airflow_provider_ard.sandbox.validation.orders import parse_object


def router(state: State) -> APIRouter:
    """Return the routes of `/select`."""
    routes = APIRouter(prefix="/select", dependencies=[require_login(state)], tags=["Select"])

    @routes.post("", openapi_extra=request_body(schemas.SEARCH))
    def submit(request: Request, body: Body) -> dict[str, Any]:
        """Start a search for tiles to order."""
        search = parse_object(body)
        check_select(search, state.assumptions)
        select = state.selects.submit(search, current_user(request).user_id, request.scope.get(PLANNED_OUTCOME))
        # As in the API, the response to a submission is RUNNING even if the search has already completed.
        return {"id": select.id, "status": "RUNNING", "request_details": select.request}

    @routes.get("/request/{select_id}")
    def status(select_id: str, request: Request) -> dict[str, Any]:
        """Return the status and the results of a search."""
        return state.selects.describe(state.selects.get(select_id), api_url_builder(request), state.assumptions)

    @routes.get("/files/{name}")
    def link(name: str, request: Request) -> dict[str, Any]:
        """Return a signed link to a result file, valid for an hour without login."""
        _succeeded_select(state, name)
        return {"download_link": f"{base_url(request)}{_downloads_root(state)}/{name}?{state.selects.sign(name)}"}

    return routes


def downloads(state: State) -> APIRouter:
    """Return the route of signed links."""
    routes = APIRouter(prefix=_downloads_root(state), tags=["Select"])

    @routes.get("/{name}")
    def download(name: str, expires: str = "", signature: str = "") -> Response:
        """Return a result file by its signed link."""
        state.selects.check_signature(name, expires, signature)
        select, extension = _succeeded_select(state, name)
        content, media_type = select_file(select.id, select.matches_by_cell, extension)
        return Response(content, media_type=media_type)

    return routes


def _downloads_root(state: State) -> str:
    return f"{DOWNLOADS_ROOT}/select/{state.account.account_id}"


def _succeeded_select(state: State, name: str) -> tuple[Select, str]:
    select_id, _, extension = name.partition(".")
    select = state.selects.get(select_id)
    if extension not in FILES or state.selects.status(select) != SUCCEEDED:
        raise not_found(f"Unknown file {name}")
    return select, extension
