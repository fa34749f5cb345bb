"""`/monitor`: saved searches for new imagery."""

from typing import Any

from fastapi import APIRouter, Request, Response

from airflow_provider_ard.sandbox.backend.pagination import paginate, parse_limit
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.routes.dependencies import (
    Body,
    api_url_builder,
    check_account,
    current_user,
    query_parameters,
    request_body,
    require_admin,
    require_login,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.orders import parse_object

_LISTING = query_parameters(
    limit="1 to 100", starting_after="ID of a monitor; the page begins after it", active_only="true (default) or false"
)


def router(state: State) -> APIRouter:
    """Return the routes of `/monitor`."""
    routes = APIRouter(dependencies=[require_login(state)], tags=["Monitor"])
    account_id = state.account.account_id

    def page(request: Request) -> dict[str, Any]:
        active_only = request.query_params.get("active_only", "true").lower() != "false"
        monitors = [monitor.describe(account_id) for monitor in state.monitors.all(active_only=active_only)]
        return paginate(monitors, lambda monitor: str(monitor["monitor_id"]), request.query_params)

    @routes.post("/monitor", openapi_extra=request_body(schemas.MONITOR))
    def create(request: Request, body: Body) -> dict[str, Any]:
        """Create a monitor."""
        monitor = state.monitors.create(parse_object(body), current_user(request))
        return {"monitor": monitor.describe(account_id)}

    @routes.get("/monitor", openapi_extra=_LISTING)
    def listing(request: Request) -> dict[str, Any]:
        """List the monitors, newest first; `links.next_page` is the URL of the next page."""
        body = page(request)
        links = {}
        if body["has_more"]:
            last = body["data"][-1]["monitor_id"]
            limit = parse_limit(request.query_params)
            links["next_page"] = api_url_builder(request)(f"/monitor/?limit={limit}&starting_after={last}")
        return {**body, "links": links}

    @routes.get("/monitor/config/{monitor_id}")
    def config(monitor_id: str) -> dict[str, Any]:
        """Return a monitor, active or not."""
        return {"monitor": state.monitors.get(monitor_id).describe(account_id)}

    @routes.delete("/monitor/config/{monitor_id}", status_code=204)
    def delete(monitor_id: str) -> Response:
        """Deactivate a monitor."""
        state.monitors.delete(monitor_id)
        return Response(status_code=204)

    @routes.get("/monitor/history/{monitor_id}")
    def history(monitor_id: str) -> dict[str, Any]:
        """Return the matches of a monitor, oldest first."""
        return {"data": state.monitors.get(monitor_id).matches, "has_more": False, "links": {}}

    @routes.get("/admin/account/{requested_id}/monitor", openapi_extra=_LISTING)
    def listing_of_account(requested_id: str, request: Request) -> dict[str, Any]:
        """List the monitors of the account, newest first."""
        require_admin(request)
        check_account(state, requested_id)
        return page(request)

    return routes
