"""`/sandbox`: the control API, without login; its requests are not logged and meet no faults.

It covers the orders of all accounts; faults, clock and tokens are those of the server.
"""

from dataclasses import MISSING, asdict, fields
from datetime import datetime
from typing import Any, get_type_hints

from fastapi import APIRouter, Response
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, create_model
from shapely.geometry import mapping

from airflow_provider_ard.sandbox.backend.orders import FAILED
from airflow_provider_ard.sandbox.faults.rules import Rule
from airflow_provider_ard.sandbox.rendering.rasters import quicklook
from airflow_provider_ard.sandbox.routes.dependencies import AccountState, AllAccounts, Body, request_body
from airflow_provider_ard.sandbox.routes.metadata import find_tile
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import bad_request, not_found
from airflow_provider_ard.sandbox.validation.orders import parse_object

MAX_ITEMS = 200


# The fields of a rule, so that both accept the same.
FaultRequest = create_model(  # type: ignore[call-overload]
    "FaultRequest",
    __config__=ConfigDict(extra="forbid"),
    **{
        item.name: (get_type_hints(Rule)[item.name], ... if item.default is MISSING else item.default)
        for item in fields(Rule)
        if item.init
    },
)


class ClockRequest(BaseModel):
    """A change of the clock: set it, advance it, or change its rate."""

    model_config = ConfigDict(extra="forbid")

    set: datetime | None = None
    advance: float | str | None = None
    rate: float | None = None


class OrderStatusRequest(BaseModel):
    """The final status of an order."""

    model_config = ConfigDict(extra="forbid")

    status: str = FAILED
    message: str | None = None


router = APIRouter(prefix="/sandbox", tags=["Sandbox"])


@router.post("/orders/{order_id}/end")
def end(order_id: str, body: OrderStatusRequest, accounts: AllAccounts) -> dict[str, Any]:
    """End an order now with any status."""
    orders = accounts.owner(order_id).orders
    orders.end(order_id, body.status, body.message)
    return orders.describe(orders.find(order_id))


@router.get("/orders/{order_id}/tiles")
def tiles(order_id: str, accounts: AllAccounts) -> dict[str, Any]:
    """Return the tiles of an order as GeoJSON."""
    features = [
        {
            "type": "Feature",
            "geometry": mapping(tile.footprint),
            "bbox": tile.cell_area.bounds,
            "properties": {
                "acquisition_id": tile.acquisition_id,
                "cell_id": tile.cell_id,
                "date": f"{tile.acquired_at:%Y-%m-%d}",
                "clouds_percent": tile.clouds_percent,
            },
        }
        for tile in accounts.owner(order_id).orders.find(order_id).tiles
    ]
    return {"type": "FeatureCollection", "features": features}


@router.get("/quicklooks/{acquisition_id}/{cell_id}")
def tile_quicklook(acquisition_id: str, cell_id: str, state: AccountState) -> Response:
    """Return a tile's quicklook as PNG."""
    content = quicklook(find_tile(state, acquisition_id, cell_id))
    return Response(content, media_type="image/png", headers={"cache-control": "max-age=3600"})


@router.post("/tokens/expire", status_code=204)
def expire_tokens(state: AccountState) -> Response:
    """Revoke every access token."""
    state.tokens.expire()
    return Response(status_code=204)


@router.post("/catalog", openapi_extra=request_body(schemas.CATALOG))
def publish(body: Body, accounts: AllAccounts) -> dict[str, Any]:
    """Add tiles to the catalog."""
    try:
        return {"published": accounts.publish(parse_object(body))}
    except ValueError as error:
        raise bad_request(str(error)) from error


@router.get("/faults")
def listing(state: AccountState) -> dict[str, Any]:
    """Return the active fault rules and the most recent faults."""
    fired = [
        {"id": fault.rule.id, "kind": fault.rule.kind, "endpoint": fault.endpoint, "time": fault.time}
        for fault in state.faults.fired[-MAX_ITEMS:]
    ]
    return jsonable_encoder({"faults": [_describe(rule) for rule in state.faults.all()], "fired": fired})  # type: ignore[no-any-return]


@router.post("/faults")
def add(fault: FaultRequest, state: AccountState) -> dict[str, Any]:
    """Add a fault rule."""
    try:
        return _describe(state.faults.add(**fault.model_dump(exclude_none=True)))
    except ValueError as error:
        raise bad_request(str(error)) from error


@router.delete("/faults", status_code=204)
def clear(state: AccountState) -> Response:
    """Remove all fault rules."""
    state.faults.clear()
    return Response(status_code=204)


@router.delete("/faults/{rule_id}", status_code=204)
def remove(rule_id: int, state: AccountState) -> Response:
    """Remove a fault rule."""
    for rule in state.faults.all():
        if rule.id == rule_id:
            state.faults.remove(rule)
            return Response(status_code=204)
    raise not_found(f"Unknown fault rule {rule_id}")


@router.get("/clock")
def read(state: AccountState) -> dict[str, Any]:
    """Return the time and the rate of the clock."""
    return {"now": state.clock.now().isoformat(), "rate": state.clock.rate}


@router.put("/clock")
def change(clock: ClockRequest, state: AccountState) -> dict[str, Any]:
    """Set or advance the clock, or change its rate."""
    try:
        if clock.rate is not None:
            state.clock.set_rate(clock.rate)
        if clock.set is not None:
            state.clock.set(clock.set)
        if clock.advance is not None:
            state.clock.advance(clock.advance)
    except (ValueError, OverflowError) as error:
        raise bad_request(str(error)) from error
    return read(state)


@router.get("/orders")
def list_orders(accounts: AllAccounts) -> dict[str, Any]:
    """Return the most recent orders of all users with their current status, newest first."""
    all_orders = [(order, state) for state in accounts.all for order in state.orders.all()]
    all_orders.sort(key=lambda entry: entry[0].created)
    orders = [
        {**state.orders.describe(order), "tiles": len(order.tiles), "user_id": order.user_id}
        for order, state in reversed(all_orders[-MAX_ITEMS:])
    ]
    return {"now": accounts.first.clock.now().isoformat(), "count": len(all_orders), "orders": orders}


@router.get("/notifications")
def notifications(accounts: AllAccounts) -> dict[str, Any]:
    """Return the recorded notifications, oldest first."""
    sent = [notification for state in accounts.all for notification in state.notifications]
    sent.sort(key=lambda notification: notification.time)
    return jsonable_encoder({"notifications": [asdict(notification) for notification in sent]})  # type: ignore[no-any-return]


@router.get("/requests")
def requests(state: AccountState) -> dict[str, Any]:
    """Return the most recent API requests, oldest first, without their bodies."""
    records = [
        {
            "time": record.time,
            "endpoint": record.endpoint,
            "status": record.status,
            "seconds": record.seconds,
            "faults": record.faults,
        }
        for record in state.request_log.all()[-MAX_ITEMS:]
    ]
    return jsonable_encoder({"requests": records})  # type: ignore[no-any-return]


def _describe(rule: Rule) -> dict[str, Any]:
    description = asdict(rule)
    if isinstance(rule.body, bytes):
        description["body"] = rule.body.decode("latin-1")
    return description
