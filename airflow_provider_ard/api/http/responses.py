"""Responses of the ARD API: JSON, and the error that any other status means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdNotFoundError,
    ArdRequestError,
    ArdUnavailableError,
)

if TYPE_CHECKING:
    import requests


def json_object(response: requests.Response, lost: type[ArdUnavailableError] = ArdUnavailableError) -> dict[str, Any]:
    """Return a response's JSON object, `{}` for an empty response to a PUT or DELETE.

    Raises `lost` if it is none, such as a gateway's HTML.
    """
    if not response.content and response.request.method in {"PUT", "DELETE"}:
        return {}
    content = _json(response)
    if not isinstance(content, dict):
        raise lost(
            f"{response.request.method} {_without_query(response.url)}: the response is not a JSON object",
            status=response.status_code,
            setting="host",
        )
    return content


def error_from_response(
    response: requests.Response, where: str, lost: type[ArdUnavailableError] = ArdUnavailableError
) -> ArdError:
    """Return the error that a response other than 2xx means.

    The API's own errors have a `code` or `type`. Everything else is from a gateway or proxy and proves nothing about
    the request: it is an outage, or `lost` where the request may have been accepted.
    """
    body = _json(response)
    is_own = isinstance(body, dict) and (_is_name(body.get("code")) or _is_name(body.get("type")))
    own: dict[str, Any] = body if is_own and isinstance(body, dict) else {}
    status = response.status_code
    details: dict[str, Any] = {
        "status": status,
        "code": _string(own.get("code")),
        "type": _string(own.get("type")),
        "request_id": response.headers.get("x-request-id") or response.headers.get("x-amzn-requestid"),
    }
    detail = body.get("message") if isinstance(body, dict) else None
    message = f"{where}: {detail if isinstance(detail, str) and detail else response.reason or 'refused'}"
    if 300 <= status < 400:
        location = _without_query(response.headers.get("location", "an unknown address"))
        return lost(f"{where}: redirected to {location}; check the Connection's host", setting="host", **details)
    if status >= 500 or status == 408:
        return lost(message, retry_after=_retry_after(response), **details)
    if not is_own:
        return lost(message, retry_after=_retry_after(response), setting="host", **details)
    if status == 429:
        return ArdUnavailableError(message, retry_after=_retry_after(response), **details)
    if status in {401, 403}:
        return ArdAuthError(message, **details)
    return ArdNotFoundError(message, **details) if status == 404 else ArdRequestError(message, **details)


def _is_name(value: object) -> bool:
    """Whether a code or type is a name, as the API's are. Problem details (RFC 9457) of a gateway have a URI."""
    return isinstance(value, str) and bool(re.fullmatch(r"\w+", value))


def _json(response: requests.Response) -> Any:
    """Return the content as JSON, None if it is none. Deep nesting and huge numbers are no JSON that is expected."""
    try:
        return from_json(response.content)
    except ValueError:
        return None


def _retry_after(response: requests.Response) -> float | None:
    """Return the seconds of a Retry-After header (seconds or a date), None without a valid one."""
    header = response.headers.get("Retry-After")
    try:
        return max(0.0, float(Retry().parse_retry_after(header))) if header else None
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _without_query(url: str) -> str:
    return url.split("?", 1)[0]


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None
