"""`/admin` and `/usage`: the account, its stored credentials and its spending."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from airflow_provider_ard.sandbox.backend.pagination import paginate, parse_date
from airflow_provider_ard.sandbox.backend.pricing import CLASSES
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.routes.dependencies import (
    LOGIN,
    AccountState,
    Body,
    api_url_builder,
    check_account,
    check_administrator,
    current_user,
    query_parameters,
    request_body,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import forbidden, not_found
from airflow_provider_ard.sandbox.validation.orders import parse_object

_PERIOD = query_parameters(start_date="ISO 8601", end_date="ISO 8601")
_PAGE = query_parameters(limit="1 to 100", starting_after="ID of an entry; the page begins after it")
_CREDENTIALS = "/admin/account/{account_id}/credentials"

router = APIRouter(dependencies=[LOGIN])


@router.get("/admin/account/{account_id}", tags=["Admin"])
def account(account_id: str, request: Request, state: AccountState) -> dict[str, Any]:
    """Return the account with its prices and limits."""
    check_account(state, account_id)
    url = api_url_builder(request)
    return {
        "account": {
            "account_id": account_id,
            "name": state.account.name,
            "active": True,
            "pricing": {f"{name}_imagery_price": state.billing.prices.get(name) for name in CLASSES},
            "limits": state.billing.limits(),
        },
        "links": {
            "self": url(f"/admin/account/{account_id}"),
            "credentials": url(f"/admin/account/{account_id}/credentials"),
        },
    }


@router.get(_CREDENTIALS, tags=["Admin"], openapi_extra=_PAGE)
def listing(account_id: str, request: Request, state: AccountState) -> dict[str, Any]:
    """List the stored credentials, without their secrets."""
    check_administrator(request, state, account_id)
    items = [
        {"registered_credentials": credentials.describe(account_id)} for credentials in state.credential_store.all()
    ]
    return paginate(items, lambda item: item["registered_credentials"]["credentials_id"], request.query_params)


@router.get(_CREDENTIALS + "/{name}", tags=["Admin"])
def read(account_id: str, name: str, request: Request, state: AccountState) -> dict[str, Any]:
    """Return stored credentials without their secret."""
    check_administrator(request, state, account_id)
    return {"registered_credentials": state.credential_store.get(name).describe(account_id)}


@router.put(_CREDENTIALS + "/{name}", tags=["Admin"], openapi_extra=request_body(schemas.CREDENTIALS))
def put(account_id: str, name: str, request: Request, body: Body, state: AccountState) -> Response:
    """Store credentials; returns them, or a 204 without content, as assumed."""
    check_administrator(request, state, account_id)
    fields = parse_object(body)
    credentials, new = state.credential_store.put(name, fields.get("credentials"), fields.get("description"))
    form = state.assumptions.stored_credentials
    if form == "json" or (form == "json_then_204" and new):
        return JSONResponse({"registered_credentials": credentials.describe(account_id)})
    return Response(status_code=204)


@router.delete(_CREDENTIALS + "/{name}", tags=["Admin"], status_code=204)
def delete(account_id: str, name: str, request: Request, state: AccountState) -> Response:
    """Delete stored credentials."""
    check_administrator(request, state, account_id)
    state.credential_store.delete(name)
    return Response(status_code=204)


@router.get("/usage/account/{account_id}", tags=["Usage"], openapi_extra=_PERIOD)
def account_usage(account_id: str, request: Request, state: AccountState) -> dict[str, Any]:
    """Return the usage of the account."""
    check_administrator(request, state, account_id)
    return {"account_id": account_id, "usage": _statement(state, request)}


@router.get("/usage/user/{user_id}", tags=["Usage"], openapi_extra=_PERIOD)
def user_usage(user_id: str, request: Request, state: AccountState) -> dict[str, Any]:
    """Return the usage of a user; requires the administrator role for other users."""
    if state.account.user(user_id) is None:
        raise not_found(f"Unknown user {user_id}")
    if current_user(request).user_id != user_id and not current_user(request).admin:
        raise forbidden("This requires the administrator role")
    return {"user_id": user_id, "usage": _statement(state, request, user_id)}


def _statement(state: State, request: Request, user_id: str | None = None) -> dict[str, Any]:
    query = request.query_params
    # Failed orders are refunded when their status is computed.
    state.orders.all()
    start, end = (parse_date(query, name, state.assumptions) for name in ("start_date", "end_date"))
    return state.billing.statement(start, end, user_id)
