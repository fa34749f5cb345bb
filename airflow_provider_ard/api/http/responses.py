"""What an answer of the ARD API means, or the want of one: the error tree applied to HTTP."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import InvalidHeader, NewConnectionError
from urllib3.util import Retry

from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdNotFoundError,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# A signature inside a SAS URL is a secret wherever it appears, also in a URL that the API shortened or re-encoded.
_SAS_SIGNATURE = re.compile(r"(?i)(sig=)[^&\s\"'<>]+")


def lost(method: str, path: str) -> type[ArdUnavailableError]:
    """Return what it means when a call gets no proper answer."""
    is_order = method == "POST" and path == "order/"
    return ArdOrderInDoubtError if is_order else ArdUnavailableError


def is_unsent(error: requests.RequestException) -> bool:
    """Whether the request failed before a byte of it could reach the API."""
    if isinstance(
        error,
        requests.exceptions.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError,
    ):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def reason(error: requests.RequestException) -> str:
    """Say in a line what went wrong on the way, without the library's own nesting."""
    if isinstance(error, requests.exceptions.SSLError):
        said = first_line(error)
        if _is_about_certificates(error):
            return f"the TLS certificate was not accepted, see `verify` in the connection ({said})"
        return f"what answers there speaks no TLS, or none that is known here: does it want http? ({said})"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if is_unsent(error):
        is_refused = any(isinstance(cause.__cause__, ConnectionRefusedError) for cause in _causes(error))
        return f"could not connect{', nothing listens there' if is_refused else ''}"
    hint = ": does it want https?" if _hung_up_on_http(error) else ""
    return f"the connection broke{hint} ({type(error).__name__})"


def setting_to_fix(error: requests.RequestException) -> str | None:
    """Return which setting of the client most likely kept an answer from coming, None if none did."""
    if isinstance(error, requests.exceptions.SSLError):
        return "verify" if _is_about_certificates(error) else "host"
    if isinstance(error, requests.ReadTimeout):
        return "timeout"
    if is_unsent(error) or _hung_up_on_http(error) or isinstance(error, requests.exceptions.InvalidURL):
        return "host"
    return None


def _is_about_certificates(error: requests.exceptions.SSLError) -> bool:
    """Whether the other side's certificate, or the bundle that it was held against, was no good."""
    return any(
        isinstance(cause, ssl.SSLCertVerificationError) or getattr(cause, "library", None) in {"X509", "PEM"}
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what the libraries have wrapped in it, from requests down to the socket."""
    inner: object = error
    while isinstance(inner, BaseException):
        yield inner
        inner = getattr(inner, "reason", None) or next(iter(inner.args), None)


def _hung_up_on_http(error: requests.RequestException) -> bool:
    """Whether a request by http got no answer: so a server ends what does not begin with TLS."""
    plain = error.request is not None and str(error.request.url).startswith("http:")
    return plain and isinstance(error, requests.ConnectionError)


def json_object(answer: requests.Response, kind: type[ArdUnavailableError]) -> dict[str, Any]:
    """Return an answer's JSON object, `{}` where something was stored or deleted and nothing needs saying.

    Raises an error of the given kind if it is none, such as a gateway's HTML.
    """
    if not answer.content and answer.request.method in {"PUT", "DELETE"}:
        return {}
    try:
        content = answer.json()
    except requests.exceptions.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise kind(
            f"{answer.request.method} {_bare(answer.url)}: answered with something that is not a JSON object",
            status=answer.status_code,
            setting="host",
        )
    return content


def error_from_response(answer: requests.Response, where: str, lost: type[ArdUnavailableError]) -> ArdError:
    """Return the error that an answer other than 2xx means."""
    try:
        body = answer.json()
    except requests.exceptions.JSONDecodeError:
        body = None
    said = body if isinstance(body, dict) and isinstance(body.get("message"), str) else {}
    facts: dict[str, Any] = {
        "status": answer.status_code,
        "code": _text(said.get("code")),
        "type": _text(said.get("type")),
        "request_id": answer.headers.get("x-request-id") or answer.headers.get("x-amzn-requestid"),
    }
    message = f"{where}: {said.get('message') or answer.reason or 'refused'}"
    status = answer.status_code
    if answer.is_redirect:
        return ArdUnavailableError(
            f"{where}: redirected to {_bare(answer.headers['location'])}; is the connection's host right?",
            setting="host",
            **facts,
        )
    if status == 429:
        return ArdUnavailableError(message, retry_after=_retry_after(answer), **facts)
    if status >= 500 or status == 408:
        return lost(message, retry_after=_retry_after(answer), **facts)
    if status == 401:
        return ArdAuthError(message, **facts)
    if not said and status != 413:
        # Not in the API's own form: a gateway or proxy speaks, which says nothing about the request itself.
        return ArdUnavailableError(message, setting="host", **facts)
    if status == 403:
        return ArdAuthError(message, **facts)
    return ArdNotFoundError(message, **facts) if status == 404 else ArdRequestError(message, **facts)


def _retry_after(answer: requests.Response) -> float | None:
    """Return the seconds of a Retry-After header (seconds or a date), None without a valid one."""
    header = answer.headers.get("Retry-After")
    try:
        return max(0.0, float(Retry().parse_retry_after(header))) if header else None
    except (InvalidHeader, ValueError, OverflowError):
        return None


def redact(error: ArdError, secrets: tuple[str, ...]) -> ArdError:
    """Return the error with these secrets, and any SAS signature, blotted out of its message."""
    message = without_signatures(error.message)
    for secret in secrets:
        message = message.replace(secret, "***")
    error.message = message
    error.args = (message,)
    return error


def without_signatures(text: str) -> str:
    """Return what the API said with any SAS signature blotted out."""
    return _SAS_SIGNATURE.sub(r"\1***", text)


def _bare(url: str) -> str:
    return url.split("?", 1)[0]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def first_line(error: Exception) -> str:
    """Return what an error says, without what a library adds below."""
    return str(error).split("\n", 1)[0]
