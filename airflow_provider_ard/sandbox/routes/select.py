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
    LOGIN,
    AccountState,
    AllAccounts,
    Body,
    api_url_builder,
    base_url,
    current_user,
    request_body,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import not_found
from airflow_provider_ard.sandbox.validation.orders import parse_object

router = APIRouter(prefix="/select", dependencies=[LOGIN], tags=["Select"])
# Signed links require no login, so their path has the account.
downloads = APIRouter(prefix=f"{DOWNLOADS_ROOT}/select", tags=["Select"])


@router.post("", openapi_extra=request_body(schemas.SEARCH))
def submit(request: Request, body: Body, state: AccountState) -> dict[str, Any]:
    """Start a search for tiles to order."""
    search = parse_object(body)
    check_select(search, state.assumptions)
    select = state.selects.submit(search, current_user(request).user_id, request.scope.get(PLANNED_OUTCOME))
    # As in the API, the response to a submission is RUNNING even if the search has already completed.
    return {"id": select.id, "status": "RUNNING", "request_details": select.request}


@router.get("/request/{select_id}")
def status(select_id: str, request: Request, state: AccountState) -> dict[str, Any]:
    """Return the status and the results of a search."""
    return state.selects.describe(state.selects.get(select_id), api_url_builder(request), state.assumptions)


@router.get("/files/{name}")
def link(name: str, request: Request, state: AccountState) -> dict[str, Any]:
    """Return a signed link to a result file, valid for an hour without login."""
    _succeeded_select(state, name)
    path = f"{downloads.prefix}/{state.account.account_id}/{name}"
    return {"download_link": f"{base_url(request)}{path}?{state.selects.sign(name)}"}


@downloads.get("/{account_id}/{name}")
def download(account_id: str, name: str, accounts: AllAccounts, expires: str = "", signature: str = "") -> Response:
    """Return a result file by its signed link."""
    state = accounts.of(account_id)
    state.selects.check_signature(name, expires, signature)
    select, extension = _succeeded_select(state, name)
    content, media_type = select_file(select.id, select.matches_by_cell, extension)
    return Response(content, media_type=media_type)


def _succeeded_select(state: State, name: str) -> tuple[Select, str]:
    select_id, _, extension = name.partition(".")
    select = state.selects.get(select_id)
    if extension not in FILES or state.selects.status(select) != SUCCEEDED:
        raise not_found(f"Unknown file {name}")
    return select, extension
