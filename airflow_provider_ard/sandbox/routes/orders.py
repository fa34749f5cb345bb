"""`/order`: place, poll and list orders."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request

from airflow_provider_ard.sandbox.backend.orders import Order
from airflow_provider_ard.sandbox.backend.pagination import paginate_orders
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.faults.exchange import LIST_LAG, PLANNED_OUTCOME
from airflow_provider_ard.sandbox.routes.dependencies import (
    Body,
    check_account,
    current_user,
    query_parameters,
    request_body,
    require_admin,
    require_login,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.orders import validate_order

_LISTING = query_parameters(
    limit="1 to 100",
    starting_after="ID of an order; returns orders placed before it",
    ending_before="ID of an order; returns orders placed after it",
    start_date="ISO 8601",
    end_date="ISO 8601",
    filter="metadata.KEY:VALUE or status:VALUE",
)


def router(state: State) -> APIRouter:
    """Return the routes of `/order`; they run in threads, since validation and storage block."""
    routes = APIRouter(dependencies=[require_login(state)], tags=["Order"])

    @routes.post("/order", openapi_extra=request_body(schemas.ORDER))
    def submit(request: Request, body: Body) -> dict[str, Any]:
        """Place an order, or estimate its usage (`dry_run`)."""
        validated = validate_order(body, state.context())
        if validated.dry_run:
            return {"usage": state.dry_run(validated)}
        order = state.submit(validated, current_user(request).user_id, request.scope.get(PLANNED_OUTCOME))
        return {"id": order.id, "status": order.status, "created": order.created.isoformat()}

    @routes.get("/order/status/{order_id}")
    def status(order_id: str) -> dict[str, Any]:
        """Return the status of an order."""
        return state.orders.poll(order_id)

    @routes.get("/order", openapi_extra=_LISTING)
    def listing(request: Request) -> dict[str, Any]:
        """List the orders of the user, newest first."""
        user_id = current_user(request).user_id
        return _page([order for order in state.orders.all() if order.user_id == user_id], request)

    @routes.get("/admin/account/{account_id}/order", openapi_extra=_LISTING)
    def listing_of_account(account_id: str, request: Request) -> dict[str, Any]:
        """List the orders of the account, newest first."""
        require_admin(request)
        check_account(state, account_id)
        return _page(state.orders.all(), request)

    def _page(orders: list[Order], request: Request) -> dict[str, Any]:
        lag = request.scope.get(LIST_LAG)
        if lag is not None:
            listed_until = state.clock.now() - timedelta(seconds=lag)
            orders = [order for order in orders if order.created <= listed_until]
        page = paginate_orders(orders, request.query_params.multi_items())
        return {**page, "data": [state.orders.describe(order) for order in page["data"]]}

    return routes
