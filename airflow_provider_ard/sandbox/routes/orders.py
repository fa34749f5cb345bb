"""`/order`: placing orders, asking after them, listing them."""

from typing import Any

from fastapi import APIRouter, Request

from airflow_provider_ard.sandbox.backend.orders import Order
from airflow_provider_ard.sandbox.backend.pagination import paginate_orders
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.faults.middleware import PLANNED_OUTCOME
from airflow_provider_ard.sandbox.routes.dependencies import (
    Body,
    admin,
    check_account,
    login,
    parameters,
    request_body,
    user,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.orders import validate_order

_LISTING = parameters(
    limit="1 to 100",
    starting_after="ID of an order: those placed before it",
    ending_before="ID of an order: those placed after it",
    start_date="ISO 8601",
    end_date="ISO 8601",
    filter="metadata.KEY:VALUE or status:VALUE",
)


def router(state: State) -> APIRouter:
    """Return the routes of `/order`; they are no coroutines, since checks and storage take their time."""
    routes = APIRouter(dependencies=[login(state)], tags=["Order"])

    @routes.post("/order", openapi_extra=request_body(schemas.ORDER))
    def submit(request: Request, body: Body) -> dict[str, Any]:
        """Place an order, or only try it out (dry_run)."""
        checked = validate_order(body, state.context())
        if checked.dry_run:
            return {"usage": state.dry_run(checked)}
        order = state.submit(checked, user(request).user_id, request.scope.get(PLANNED_OUTCOME))
        return {"id": order.id, "status": order.status, "created": order.created.isoformat()}

    @routes.get("/order/status/{order_id}")
    def status(order_id: str) -> dict[str, Any]:
        """Tell how an order is doing."""
        return state.orders.poll(order_id)

    @routes.get("/order", openapi_extra=_LISTING)
    def listing(request: Request) -> dict[str, Any]:
        """List the user's orders, the newest first."""
        asking = user(request).user_id
        return _page([order for order in state.orders.all() if order.user_id == asking], request)

    @routes.get("/admin/account/{account_id}/order", openapi_extra=_LISTING)
    def listing_of_account(account_id: str, request: Request) -> dict[str, Any]:
        """List the account's orders, the newest first."""
        admin(request)
        check_account(state, account_id)
        return _page(state.orders.all(), request)

    def _page(orders: list[Order], request: Request) -> dict[str, Any]:
        found = paginate_orders(orders, request.query_params.multi_items())
        return {**found, "data": [state.orders.describe(order) for order in found["data"]]}

    return routes
