"""Events of the triggers: how an error travels from the triggerer to the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.exceptions import error_class


def failed_event(error: ArdError) -> dict[str, Any]:
    """Return the payload of the event for an error, as plain JSON."""
    return {"status": "failed", "error": type(error).__name__, "message": str(error), "order_id": error.order_id}


def succeeded_event(**result: Any) -> dict[str, Any]:
    """Return the payload of the event for a finished wait."""
    return {"status": "succeeded", **result}


def check_event(event: Any, **required: type) -> Mapping[str, Any]:
    """Return an event that reports success, for example `check_event(event, orders=list)["orders"]`.

    Raises the error that the trigger reported, as its own class, and `ArdError` for an event of any other form.

    :param required: Keys that the event must have, and the types of their values.
    """
    status = event.get("status") if isinstance(event, Mapping) else None
    if status == "failed":
        raise error_class(event.get("error"))(str(event.get("message")), order_id=event.get("order_id"))
    if status != "succeeded" or not all(isinstance(event.get(key), kind) for key, kind in required.items()):
        raise ArdError(f"trigger event has an unknown form: {event!r}")
    result: Mapping[str, Any] = event
    return result
