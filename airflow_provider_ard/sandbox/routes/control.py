"""`/sandbox`: what a test or a person does to the sandbox itself; no login, and nothing is written down."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict
from shapely.geometry import mapping

from airflow_provider_ard.sandbox.backend.orders import FAILED
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.faults.rules import Rule
from airflow_provider_ard.sandbox.rendering.rasters import quicklook
from airflow_provider_ard.sandbox.routes.dependencies import Body, request_body
from airflow_provider_ard.sandbox.routes.metadata import find_tile
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import bad_request, not_found
from airflow_provider_ard.sandbox.validation.orders import parse_object

SHOWN = 200


class FaultRequest(BaseModel):
    """A fault to put in force; its fields are those of a rule."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    endpoint: str | None = None
    nth: int | None = None
    times: int | None = None
    share: float | None = None
    dry_run: bool | None = None
    status: int | None = None
    retry_after: int | None = None
    seconds: float | str | None = None
    message: str | None = None
    final_status: str | None = None


class ClockRequest(BaseModel):
    """What to do to the clock: set it, send it ahead, or change how fast it runs."""

    model_config = ConfigDict(extra="forbid")

    set: datetime | None = None
    advance: float | str | None = None
    rate: float | None = None


class OrderStatusRequest(BaseModel):
    """How an order is to end."""

    model_config = ConfigDict(extra="forbid")

    status: str = FAILED
    message: str | None = None


def router(state: State) -> APIRouter:
    """Return the routes of `/sandbox`."""
    routes = APIRouter(prefix="/sandbox", tags=["Sandbox"])
    _add_faults(routes, state)
    _add_clock(routes, state)
    _add_records(routes, state)

    @routes.post("/orders/{order_id}/end")
    def end(order_id: str, how: OrderStatusRequest) -> dict[str, Any]:
        """End an order now, with any status."""
        state.orders.end(order_id, how.status, how.message)
        return state.orders.describe(state.orders.find(order_id))

    @routes.get("/orders/{order_id}/tiles")
    def tiles(order_id: str) -> dict[str, Any]:
        """Return an order's tiles as GeoJSON, for a map."""
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
            for tile in state.orders.find(order_id).tiles
        ]
        return {"type": "FeatureCollection", "features": features}

    @routes.get("/quicklooks/{acquisition_id}/{cell_id}")
    def picture(acquisition_id: str, cell_id: str) -> Response:
        """Return a tile's quicklook as PNG."""
        content = quicklook(find_tile(state, acquisition_id, cell_id))
        return Response(content, media_type="image/png", headers={"cache-control": "max-age=3600"})

    @routes.post("/tokens/expire", status_code=204)
    def expire_tokens() -> Response:
        """End every access token handed out so far."""
        state.tokens.expire()
        return Response(status_code=204)

    @routes.post("/catalog", openapi_extra=request_body(schemas.CATALOG))
    def publish(body: Body) -> dict[str, Any]:
        """Add tiles to the catalog, as a satellite would."""
        try:
            return {"published": len(state.publish(parse_object(body)))}
        except ValueError as error:
            raise bad_request(str(error)) from error

    return routes


def _add_faults(routes: APIRouter, state: State) -> None:
    @routes.get("/faults")
    def listing() -> dict[str, Any]:
        """Return the faults in force, and the last that fired."""
        fired = [
            {"number": one.rule.number, "kind": one.rule.kind, "endpoint": one.endpoint, "time": one.time}
            for one in state.faults.fired[-SHOWN:]
        ]
        return jsonable_encoder({"faults": [_describe(rule) for rule in state.faults.all()], "fired": fired})  # type: ignore[no-any-return]

    @routes.post("/faults")
    def add(fault: FaultRequest) -> dict[str, Any]:
        """Put a fault in force."""
        try:
            return _describe(state.faults.add(**fault.model_dump(exclude_none=True)))
        except ValueError as error:
            raise bad_request(str(error)) from error

    @routes.delete("/faults", status_code=204)
    def clear() -> Response:
        """Take all faults out of force."""
        state.faults.clear()
        return Response(status_code=204)

    @routes.delete("/faults/{number}", status_code=204)
    def remove(number: int) -> Response:
        """Take one fault out of force."""
        for rule in state.faults.all():
            if rule.number == number:
                state.faults.remove(rule)
                return Response(status_code=204)
        raise not_found(f"There is no fault {number}")


def _add_clock(routes: APIRouter, state: State) -> None:
    @routes.get("/clock")
    def tell() -> dict[str, Any]:
        """Tell the time."""
        return {"now": state.clock.now().isoformat(), "rate": state.clock.rate}

    @routes.put("/clock")
    def change(clock: ClockRequest) -> dict[str, Any]:
        """Set the clock, send it ahead, or change how fast it runs."""
        try:
            if clock.rate is not None:
                state.clock.set_rate(clock.rate)
            if clock.set is not None:
                state.clock.set(clock.set)
            if clock.advance is not None:
                state.clock.advance(clock.advance)
        except (ValueError, OverflowError) as error:
            raise bad_request(str(error)) from error
        return tell()


def _add_records(routes: APIRouter, state: State) -> None:
    @routes.get("/orders")
    def orders() -> dict[str, Any]:
        """Return the last orders of all users, the newest first, as they stand."""
        found = state.orders.all()
        shown = [
            {**state.orders.describe(order), "tiles": len(order.tiles), "user_id": order.user_id}
            for order in reversed(found[-SHOWN:])
        ]
        return {"now": state.clock.now().isoformat(), "count": len(found), "orders": shown}

    @routes.get("/notifications")
    def notifications() -> dict[str, Any]:
        """Return the notifications sent, oldest first."""
        return jsonable_encoder({"notifications": [asdict(one) for one in state.notifications]})  # type: ignore[no-any-return]

    @routes.get("/requests")
    def requests() -> dict[str, Any]:
        """Return the last requests to the API, oldest first, without their bodies."""
        records = [
            {
                "time": one.time,
                "endpoint": one.endpoint,
                "status": one.status,
                "seconds": one.seconds,
                "faults": one.faults,
            }
            for one in state.request_log.all()[-SHOWN:]
        ]
        return jsonable_encoder({"requests": records})  # type: ignore[no-any-return]


def _describe(rule: Rule) -> dict[str, Any]:
    return asdict(rule)
