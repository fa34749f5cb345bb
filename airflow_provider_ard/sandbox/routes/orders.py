"""``/order``: placing orders, asking after them, listing them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from airflow_provider_ard.sandbox.checks import CheckedOrder, check_order
from airflow_provider_ard.sandbox.errors import invalid
from airflow_provider_ard.sandbox.gate import FATE
from airflow_provider_ard.sandbox.listing import page
from airflow_provider_ard.sandbox.state import State


async def _body(request: Request) -> bytes:
    return await request.body()


def router(state: State) -> APIRouter:
    """Return the routes of ``/order``; they are no coroutines, since checks and storage take their time."""

    def logged_in(request: Request) -> None:
        state.tokens.check(request.headers.get("authorization"))

    routes = APIRouter(prefix="/order", dependencies=[Depends(logged_in)])

    @routes.post("")
    def submit(request: Request, body: Annotated[bytes, Depends(_body)]) -> dict[str, Any]:
        checked = check_order(body, state.catalog)
        worth = state.orders.estimate(checked)
        if worth["cost"]["total_imagery_cost"] is None:
            raise invalid("The account has no price for imagery of this age and cannot order it")
        if checked.dry_run:
            _check_writable(state, checked)
            return {"usage": worth}
        order = state.orders.submit(checked, request.scope.get(FATE))
        return {"id": order.id, "status": order.status, "created": order.created.isoformat()}

    @routes.get("/status/{order_id}")
    def status(order_id: str) -> dict[str, Any]:
        return state.orders.poll(order_id)

    @routes.get("")
    def listing(request: Request) -> dict[str, Any]:
        return page(state.orders.all(), request.query_params.multi_items())

    return routes


def _check_writable(state: State, checked: CheckedOrder) -> None:
    if state.storage is None:
        return
    try:
        state.storage.check_writable(checked.destination.bucket, checked.destination.prefix)
    except Exception as error:
        raise invalid(f"The output location cannot be written to: {error}") from error
