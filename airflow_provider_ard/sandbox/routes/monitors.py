"""`/monitor`: standing searches for new imagery."""

from typing import Any

from fastapi import APIRouter, Request, Response

from airflow_provider_ard.sandbox.backend.pagination import paginate, parse_limit
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.routes.dependencies import (
    Body,
    admin,
    api_url_builder,
    check_account,
    login,
    parameters,
    request_body,
    user,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.orders import parse_object

_LISTING = parameters(
    limit="1 to 100", starting_after="ID of a monitor: those after it", active_only="true (default) or false"
)


def router(state: State) -> APIRouter:
    """Return the routes of `/monitor`."""
    routes = APIRouter(dependencies=[login(state)], tags=["Monitor"])
    account_id = state.account.account_id

    def page(request: Request) -> dict[str, Any]:
        active_only = request.query_params.get("active_only", "true").lower() != "false"
        monitors = [monitor.describe(account_id) for monitor in state.monitors.all(active_only=active_only)]
        return paginate(monitors, lambda monitor: str(monitor["monitor_id"]), request.query_params)

    @routes.post("/monitor", openapi_extra=request_body(schemas.MONITOR))
    def create(request: Request, body: Body) -> dict[str, Any]:
        """Set a monitor up."""
        monitor = state.monitors.create(parse_object(body), user(request))
        return {"monitor": monitor.describe(account_id)}

    @routes.get("/monitor", openapi_extra=_LISTING)
    def listing(request: Request) -> dict[str, Any]:
        """List the monitors, the newest first; `links.next_page` leads on."""
        found = page(request)
        links = {}
        if found["has_more"]:
            last = found["data"][-1]["monitor_id"]
            limit = parse_limit(request.query_params)
            links["next_page"] = api_url_builder(request)(f"/monitor/?limit={limit}&starting_after={last}")
        return {**found, "links": links}

    @routes.get("/monitor/config/{monitor_id}")
    def one(monitor_id: str) -> dict[str, Any]:
        """Tell of a monitor, active or not."""
        return {"monitor": state.monitors.get(monitor_id).describe(account_id)}

    @routes.delete("/monitor/config/{monitor_id}", status_code=204)
    def delete(monitor_id: str) -> Response:
        """Switch a monitor off."""
        state.monitors.delete(monitor_id)
        return Response(status_code=204)

    @routes.get("/monitor/history/{monitor_id}")
    def history(monitor_id: str) -> dict[str, Any]:
        """Tell what new imagery a monitor has seen, oldest first."""
        return {"data": state.monitors.get(monitor_id).matches, "has_more": False, "links": {}}

    @routes.get("/admin/account/{asked_id}/monitor", openapi_extra=_LISTING)
    def listing_of_account(asked_id: str, request: Request) -> dict[str, Any]:
        """List the account's monitors, the newest first."""
        admin(request)
        check_account(state, asked_id)
        return page(request)

    return routes
