"""Orders as the API returns them, under the assumptions about what it returns."""

import json
import re
from collections.abc import Callable
from typing import Any

from airflow_provider_ard.sandbox.assumptions import Assumptions

_TIMES = ("created", "finished")
# Longer ones would not be equal afterwards.
_INTEGER = re.compile(r"-?\d{1,15}")


def submit_body(order: dict[str, Any], assumptions: Assumptions) -> dict[str, Any]:
    """Return the body of the response to an accepted order; `order` is its complete description."""
    if assumptions.submit_response == "id":
        return {"id": order["id"]}
    body = {name: order[name] for name in ("id", "status", "created")}
    return status_body(body, assumptions)


def row_body(order: dict[str, Any], assumptions: Assumptions) -> dict[str, Any]:
    """Return an order's row in a list."""
    body = status_body(order, assumptions)
    return {name: body[name] for name in ("id", "status")} if assumptions.list_rows == "short" else body


def status_body(order: dict[str, Any], assumptions: Assumptions) -> dict[str, Any]:
    """Return the body of an order's status."""
    body = {**order, "status": assumptions.status(order["status"])}
    if assumptions.order_times == "absent":
        body = {name: value for name, value in body.items() if name not in _TIMES}
    if assumptions.order_progress == "absent":
        body.pop("progress", None)
    return _with_echo(body, assumptions) if "order" in body else body


def _with_echo(body: dict[str, Any], assumptions: Assumptions) -> dict[str, Any]:
    """Return the body with the request that it repeats."""
    echo = dict(body["order"])
    if assumptions.order_usage == "absent":
        del echo["usage"]
    config = echo["output_config"]
    if assumptions.output_config == "by_platform" and "bucket" in config:
        echo["output_config"] = {"amazon_s3": config}
    metadata = echo.get("metadata") or {}
    if assumptions.metadata in _CONVERSIONS:
        echo["metadata"] = _converted(metadata, _CONVERSIONS[assumptions.metadata])
    elif assumptions.metadata != "in_order":
        echo.pop("metadata", None)
    beside = {"metadata": metadata} if assumptions.metadata == "beside_order" else {}
    return {**body, **beside, "order": echo}


def _converted(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Return metadata with its members converted."""
    if isinstance(value, dict):
        return {key: _converted(item, convert) for key, item in value.items()}
    if isinstance(value, list):
        return [_converted(item, convert) for item in value]
    return convert(value)


def _as_string(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _as_float(value: Any) -> Any:
    return float(value) if _INTEGER.fullmatch(str(value)) else value


def _as_decimal(value: Any) -> str:
    return _as_string(_as_float(value))


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "as_strings": _as_string,
    "as_floats": _as_float,
    "as_decimals": _as_decimal,
}
