"""`/monitor`: saved searches for new imagery."""

from typing import Any

from fastapi import APIRouter, Request, Response

from airflow_provider_ard.sandbox.backend.pagination import paginate, parse_limit
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.routes.dependencies import (
    LOGIN,
    AccountState,
    Body,
    api_url_builder,
    check_administrator,
    current_user,
    query_parameters,
    request_body,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.orders import parse_object

_LISTING = query_parameters(
    limit="1 to 100", starting_after="ID of a monitor; the page begins after it", active_only="true (default) or false"
)


router = APIRouter(dependencies=[LOGIN], tags=["Monitor"])


@router.post("/monitor", openapi_extra=request_body(schemas.MONITOR))
def create(request: Request, body: Body, state: AccountState) -> dict[str, Any]:
    """Create a monitor."""
    monitor = state.monitors.create(parse_object(body), current_user(request))
    return {"monitor": monitor.describe(state.account.account_id)}


@router.get("/monitor", openapi_extra=_LISTING)
def listing(request: Request, state: AccountState) -> dict[str, Any]:
    """List the monitors, newest first; `links.next_page` is the URL of the next page."""
    body = _page(request, state)
    links = {}
    if body["has_more"]:
        last = body["data"][-1]["monitor_id"]
        limit = parse_limit(request.query_params)
        links["next_page"] = api_url_builder(request)(f"/monitor/?limit={limit}&starting_after={last}")
    return {**body, "links": links}


@router.get("/monitor/config/{monitor_id}")
def config(monitor_id: str, state: AccountState) -> dict[str, Any]:
    """Return a monitor, active or not."""
    return {"monitor": state.monitors.get(monitor_id).describe(state.account.account_id)}


@router.delete("/monitor/config/{monitor_id}", status_code=204)
def delete(monitor_id: str, state: AccountState) -> Response:
    """Deactivate a monitor."""
    state.monitors.delete(monitor_id)
    return Response(status_code=204)


@router.get("/monitor/history/{monitor_id}")
def history(monitor_id: str, state: AccountState) -> dict[str, Any]:
    """Return the matches of a monitor, oldest first."""
    return {"data": state.monitors.get(monitor_id).matches, "has_more": False, "links": {}}


@router.get("/admin/account/{account_id}/monitor", openapi_extra=_LISTING)
def listing_of_account(account_id: str, request: Request, state: AccountState) -> dict[str, Any]:
    """List the monitors of the account, newest first."""
    check_administrator(request, state, account_id)
    return _page(request, state)


def _page(request: Request, state: State) -> dict[str, Any]:
    active_only = request.query_params.get("active_only", "true").lower() != "false"
    account_id = state.account.account_id
    monitors = [monitor.describe(account_id) for monitor in state.monitors.all(active_only=active_only)]
    return paginate(monitors, lambda monitor: str(monitor["monitor_id"]), request.query_params)
