"""`/order`: place, poll and list orders."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from airflow_provider_ard.sandbox.backend import order_responses
from airflow_provider_ard.sandbox.backend.orders import Order
from airflow_provider_ard.sandbox.backend.pagination import paginate_orders
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.faults.exchange import DELIVERY_DEFECTS, LIST_LAG, PLANNED_OUTCOME
from airflow_provider_ard.sandbox.routes.dependencies import (
    LOGIN,
    AccountState,
    Body,
    check_administrator,
    current_user,
    query_parameters,
    request_body,
)
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import error_for_status
from airflow_provider_ard.sandbox.validation.orders import validate_order

_LISTING = query_parameters(
    limit="1 to 100",
    starting_after="ID of an order; the page begins after it",
    ending_before="ID of an order; the page ends before it",
    start_date="ISO 8601",
    end_date="ISO 8601",
    filter="metadata.KEY:VALUE or status:VALUE",
)


# The routes run in threads, since validation and storage block.
router = APIRouter(dependencies=[LOGIN], tags=["Order"])


@router.post("/order", openapi_extra=request_body(schemas.ORDER))
def submit(request: Request, body: Body, state: AccountState) -> JSONResponse:
    """Place an order, or estimate its usage (`dry_run`)."""
    validated = validate_order(body, state.context())
    if validated.dry_run:
        return JSONResponse({"usage": state.dry_run(validated)})
    order = state.submit(
        validated,
        current_user(request).user_id,
        request.scope.get(PLANNED_OUTCOME),
        request.scope.get(DELIVERY_DEFECTS, ()),
    )
    assumptions = state.assumptions
    content = order_responses.submit_body(state.orders.describe(order), assumptions)
    return JSONResponse(content, int(assumptions.submit_code))


@router.get("/order/status/{order_id}")
def status(order_id: str, state: AccountState) -> dict[str, Any]:
    """Return the status of an order."""
    if order_id not in state.orders:
        raise error_for_status(int(state.assumptions.unknown_order), f"Unknown order {order_id}")
    return order_responses.status_body(state.orders.poll(order_id), state.assumptions)


@router.get("/order", openapi_extra=_LISTING)
def listing(request: Request, state: AccountState) -> dict[str, Any]:
    """List the orders of the user."""
    user_id = current_user(request).user_id
    return _page(state, [order for order in state.orders.all() if order.user_id == user_id], request)


@router.get("/admin/account/{account_id}/order", openapi_extra=_LISTING)
def listing_of_account(account_id: str, request: Request, state: AccountState) -> dict[str, Any]:
    """List the orders of the account."""
    check_administrator(request, state, account_id)
    return _page(state, state.orders.all(), request)


def _page(state: State, orders: list[Order], request: Request) -> dict[str, Any]:
    lag = request.scope.get(LIST_LAG)
    if lag is not None:
        listed_until = state.clock.now() - timedelta(seconds=lag)
        orders = [order for order in orders if order.created <= listed_until]
    assumptions = state.assumptions
    page = paginate_orders(orders, request.query_params.multi_items(), assumptions)
    rows = [order_responses.row_body(state.orders.describe(order), assumptions) for order in page["data"]]
    return {**page, "data": rows}
