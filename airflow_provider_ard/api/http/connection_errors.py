"""Errors of requests without a response: whether the API can have received the request, and what to check."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from airflow_provider_ard.api.http.limited_session import MAX_RESPONSE_BYTES, ResponseTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_unsent(error: Exception) -> bool:
    """Return whether the connection was never established, which is the only proof that nothing was sent.

    No error of a proxy, of TLS or of a socket is proof by itself: each may also end a connection that was in use.
    """
    return any(isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in _causes(error))


def may_be_idle_timeout(error: Exception) -> bool:
    """Return whether the cause may be a server that closed an idle kept-alive connection."""
    return (
        isinstance(error, requests.ConnectionError)
        and not _is_timeout(error)
        and not is_unsent(error)
        and not _is_about_certificates(error)
    )


def describe(error: Exception, *, had_response: bool = False) -> str:
    """Return a one-line description of the cause, without the library's text: it may contain a signed URL.

    `had_response`: the server has responded to this client before, so its scheme is not in doubt.
    """
    if isinstance(error, requests.exceptions.SSLError):
        detail = _tls_detail(error)
        if _is_about_certificates(error):
            return f"the TLS certificate was not accepted, see `verify` in the Connection ({detail})"
        hint = "" if had_response else "; does the server expect http?"
        return f"the TLS connection failed{hint} ({detail})"
    if isinstance(error, ResponseTooLarge):
        return f"the response is larger than {MAX_RESPONSE_BYTES // 1024**2} MB"
    if is_unsent(error):
        is_refused = any(isinstance(cause.__cause__, ConnectionRefusedError) for cause in _causes(error))
        return f"could not connect{', connection refused' if is_refused else ''}"
    if _is_timeout(error):
        return "no complete response in time"
    hint = "; does the server expect https?" if _got_no_response_without_tls(error) and not had_response else ""
    return f"the connection was closed unexpectedly{hint} ({type(error).__name__})"


def setting_to_check(error: Exception, *, had_response: bool = False) -> str | None:
    """Return the client setting that most likely prevents a response, None if there is none."""
    if _is_about_certificates(error):
        return "verify"
    if is_unsent(error) or isinstance(error, requests.exceptions.InvalidURL):
        return "host"
    if _is_timeout(error):
        return "timeout"
    is_wrong_scheme = isinstance(error, requests.exceptions.SSLError) or _got_no_response_without_tls(error)
    return "host" if is_wrong_scheme and not had_response else None


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return str(error).split("\n", 1)[0]


def _is_timeout(error: Exception) -> bool:
    """Return whether there was no response in time, or only a part of it."""
    return isinstance(error, TimeoutError) or any(
        isinstance(cause, requests.Timeout | ReadTimeoutError) for cause in _causes(error)
    )


def _tls_detail(error: Exception) -> str:
    """Return the message of the TLS library, which unlike those of its callers contains no URL."""
    return next(
        (first_line(cause) for cause in _causes(error) if isinstance(cause, ssl.SSLError)), type(error).__name__
    )


def _is_about_certificates(error: Exception) -> bool:
    """Return whether the server's certificate, or the CA bundle for its verification, is the cause."""
    return any(
        isinstance(cause, ssl.SSLCertVerificationError) or getattr(cause, "library", None) in {"X509", "PEM"}
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that the libraries have wrapped in it, from requests down to the socket."""
    inner: object = error
    while isinstance(inner, BaseException):
        yield inner
        wrapped = [getattr(inner, "reason", None), getattr(inner, "original_error", None), *inner.args]
        inner = next((cause for cause in wrapped if isinstance(cause, BaseException)), None)


def _got_no_response_without_tls(error: Exception) -> bool:
    """Return whether a plain http request got no response, as from a server that expects TLS."""
    request = getattr(error, "request", None)
    return isinstance(error, requests.ConnectionError) and request is not None and str(request.url).startswith("http:")
