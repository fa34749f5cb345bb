"""Responses of the ARD API: their JSON, and the errors for a status other than 2xx."""

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
from airflow_provider_ard.api.http.storable import storable_json, storable_text

if TYPE_CHECKING:
    import requests


def json_object(
    response: requests.Response, in_doubt_error: type[ArdUnavailableError] = ArdUnavailableError
) -> dict[str, Any]:
    """Return a response's JSON object, `{}` for an empty response to a PUT or DELETE.

    Raises `in_doubt_error` for any other content, such as a gateway's HTML.
    """
    if not response.content and response.request.method in {"PUT", "DELETE"}:
        return {}
    content = _json(response)
    if not isinstance(content, dict):
        raise in_doubt_error(
            f"{response.request.method} {_without_query(response.url)}: the response is not a JSON object",
            status=response.status_code,
            setting="host",
        )
    return content


def error_from_response(
    response: requests.Response, request_line: str, in_doubt_error: type[ArdUnavailableError] = ArdUnavailableError
) -> ArdError:
    """Return the error for a response other than 2xx. `request_line`: method and URL of the request.

    The API's own errors have a `code` or `type`. Any other response is from a gateway or proxy and proves nothing about
    the request: it is an outage, or `in_doubt_error` if the request may have been accepted.
    """
    body = _json(response)
    is_own = isinstance(body, dict) and (_is_name(body.get("code")) or _is_name(body.get("type")))
    own: dict[str, Any] = body if is_own and isinstance(body, dict) else {}
    status = response.status_code
    details: dict[str, Any] = {
        "status": status,
        "code": _string(own.get("code")),
        "type": _string(own.get("type")),
        "request_id": _request_id(response),
    }
    detail = body.get("message") if isinstance(body, dict) else None
    reason = storable_text(response.reason or "refused")
    message = f"{request_line}: {detail if isinstance(detail, str) and detail else reason}"
    if 300 <= status < 400:
        location = _without_query(response.headers.get("location", "an unknown address"))
        return in_doubt_error(
            f"{request_line}: redirected to {location}; check the Connection's host", setting="host", **details
        )
    if status >= 500 or status == 408:
        return in_doubt_error(message, retry_after=_retry_after(response), **details)
    if not is_own:
        return in_doubt_error(message, retry_after=_retry_after(response), setting="host", **details)
    if status == 429:
        return ArdUnavailableError(message, retry_after=_retry_after(response), **details)
    if status in {401, 403}:
        return ArdAuthError(message, **details)
    return ArdNotFoundError(message, **details) if status == 404 else ArdRequestError(message, **details)


def _request_id(response: requests.Response) -> str | None:
    request_id = response.headers.get("x-request-id") or response.headers.get("x-amzn-requestid")
    return storable_text(request_id) if request_id else None


def _is_name(value: object) -> bool:
    """Return whether a code or type is a name, as in the API's errors. Problem details (RFC 9457) have a URI."""
    return isinstance(value, str) and bool(re.fullmatch(r"\w+", value))


def _json(response: requests.Response) -> Any:
    """Return the content as JSON, None if it is not JSON, or has deep nesting or huge numbers."""
    try:
        return from_json(storable_json(response.content))
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
