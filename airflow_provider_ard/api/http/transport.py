"""HTTP requests to the ARD API: one session, one token, retries in outages, no secret in an error.

A GET, or a POST that costs nothing, is retried with full jitter while the API is unavailable. A read request is retried
once immediately if a kept-alive connection was closed: the server may have closed it as idle. The POST of an order is
never sent again: the caller has to search for the order (`ArdOrderInDoubtError`).
"""

from __future__ import annotations

import copy
import http.client
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import requests
import tenacity
from urllib3.exceptions import HTTPError

from airflow_provider_ard import __version__
from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.http.auth import FORM, Login, TokenAuth
from airflow_provider_ard.api.http.connection_errors import (
    describe,
    first_line,
    is_unsent,
    may_be_idle_timeout,
    setting_to_check,
)
from airflow_provider_ard.api.http.limited_session import LimitedSession
from airflow_provider_ard.api.http.log_redaction import redact_library_logs
from airflow_provider_ard.api.http.redaction import redact_error
from airflow_provider_ard.api.http.responses import error_from_response, json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")
AnyPage = TypeVar("AnyPage", bound="Page")

DEFAULT_HOST = "https://ard.maxar.com"
DEFAULT_TIMEOUT_S = 60.0
PAGE_SIZE = 100
# Attempts of a GET or a login.
MAX_ATTEMPTS = 4
# A longer Retry-After is left to the caller.
MAX_RETRY_AFTER_S = 60.0
# Errors of requests and urllib3; a few are not in the libraries' own hierarchies.
_REQUEST_ERRORS = (requests.RequestException, HTTPError, OSError, ValueError)


def url_path(*segments: str) -> str:
    """Return the path of an endpoint, with each segment percent-encoded."""
    return "/".join(quote(segment, safe="") for segment in segments)


def api_base_url(host: str | None) -> str:
    """Return the API's base URL for a Connection's host: scheme https and path /api/v1 unless it contains others.

    Raises `ArdRequestError` for anything but an http(s) address.
    """
    address = (host or DEFAULT_HOST).strip()
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        is_valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise ArdRequestError("expected an http(s) address", argument="host") from None
    if parts.username or parts.password:
        raise ArdRequestError("contains a user name or password; use login and password instead", argument="host")
    if not is_valid:
        raise ArdRequestError(f"expected an http(s) address, got {address!r}", argument="host")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/api/v1'}"


class Page(Protocol):
    """A page of a list: the `ids` of its entries; the next page starts after the last one."""

    ids: list[str]
    has_more: bool


@dataclass
class _SessionState:
    """Whether the session has received a response, and whether it may have a kept-alive connection."""

    had_response: bool = False
    is_kept_alive: bool = False


class Transport:
    """One session and one token for one login; see `ArdClient` for the arguments."""

    def __init__(
        self,
        login: Login,
        *,
        host: str | None = None,
        verify: bool | str = True,
        timeout: float = DEFAULT_TIMEOUT_S,
        max_attempts: int = MAX_ATTEMPTS,
        cells_key: str = "cells",
        user_agent: str = "",
    ) -> None:
        redact_library_logs()
        self.base_url = api_base_url(host)
        self.cells_key = cells_key
        self._session = LimitedSession(verify=verify, timeout=timeout)
        self._session_state = _SessionState()
        self._session.headers["User-Agent"] = f"airflow-provider-ard/{__version__} {user_agent}".strip()
        self._session.headers["Accept"] = "application/json"
        # A cached list of orders would not show an order that was placed meanwhile.
        self._session.headers["Cache-Control"] = "no-cache"
        self._auth = TokenAuth(login, self._post_form)
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_retryable),
            wait=_full_jitter_or_retry_after,
            stop=tenacity.stop_after_attempt(max_attempts),
            reraise=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the session's connections. The client can be used again."""
        self._session.close()
        self._session_state.is_kept_alive = False

    def single_attempt(self) -> Self:
        """Return a client without retries that shares the session and login."""
        client = copy.copy(self)
        client._retrying = self._retrying.copy(stop=tenacity.stop_after_attempt(1))
        return client

    def _get(self, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._retrying(self._request_json, "GET", path, params=params)

    def _pages(self, path: str, params: Mapping[str, Any], parse: Callable[[bytes], AnyPage]) -> Iterator[AnyPage]:
        """Yield the pages of a list, one request each.

        A list that repeats itself, or claims to continue after an empty page, ends here.
        """
        query = {"limit": PAGE_SIZE} | {key: value for key, value in params.items() if value is not None}
        ids: set[str] = set()
        while True:
            response = self._retrying(self._request, "GET", path, params=query)
            with self._documented(path):
                page = parse(response.content)
            has_new = not ids.issuperset(page.ids)
            if has_new:
                yield page
            if not page.has_more or not has_new:
                return
            ids.update(page.ids)
            query["starting_after"] = page.ids[-1]

    def _post_form(self, path: str, body: str, auth: tuple[str, str] | None) -> requests.Response:
        # `_no_auth` rather than None: with None, requests would search for a login in ~/.netrc.
        return self._send("POST", path, data=body, headers=FORM, auth=auth or _no_auth)

    def _download(self, path: str) -> dict[str, Any]:
        """Return the JSON of a file to which the API returns a signed link, at any host.

        The link works without a login, so errors contain neither its path and query nor a response that may
        repeat them.
        """
        link = self._request_json("GET", path).get("download_link")
        description = f"the file of {self.base_url}/{path}, from its storage"
        try:
            response = self._session.exchange("GET", str(link), auth=_no_auth)
        except _REQUEST_ERRORS as error:
            # The Connection's host is not that of the storage, but `verify` and `timeout` apply to both.
            setting = setting_to_check(error, had_response=True)
            raise ArdUnavailableError(
                f"{description}: {describe(error, had_response=True)}", setting=None if setting == "host" else setting
            ) from None
        if not response.ok:
            reason = http.client.responses.get(response.status_code, "refused")
            raise ArdUnavailableError(f"{description}: {reason}", status=response.status_code)
        try:
            return json_object(response)
        except ArdUnavailableError:
            raise ArdUnavailableError(
                f"{description}: the response is not a JSON object", status=response.status_code
            ) from None

    def _request_json(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        return json_object(self._request(method, path, **content))

    def _request(
        self, method: str, path: str, *, in_doubt_error: type[ArdUnavailableError] = ArdUnavailableError, **content: Any
    ) -> requests.Response:
        """Send a request as the logged-in user. `in_doubt_error`: raised if the API may have accepted the request.

        A request whose token is refused was not accepted, so it is sent again with another token: first a refreshed
        one, then one of a new login.
        """
        for by_login in (False, True):
            token = self._auth.token()
            try:
                return self._send(method, path, in_doubt_error=in_doubt_error, auth=self._auth, **content)
            except ArdAuthError as error:
                if error.status != 401:
                    raise
                self._auth.renew_after_refusal(token, by_login=by_login)
        return self._send(method, path, in_doubt_error=in_doubt_error, auth=self._auth, **content)

    def _send(
        self,
        method: str,
        path: str,
        *,
        in_doubt_error: type[ArdUnavailableError] = ArdUnavailableError,
        is_read: bool = False,
        **content: Any,
    ) -> requests.Response:
        request_line = f"{method} {self.base_url}/{path}"
        try:
            response = self._exchange(method, path, is_read=is_read or method == "GET", **content)
        except ArdError:
            raise
        except _REQUEST_ERRORS as error:
            error_type = ArdUnavailableError if is_unsent(error) else in_doubt_error
            had_response = self._session_state.had_response
            unavailable = error_type(
                f"{request_line}: {describe(error, had_response=had_response)}",
                setting=setting_to_check(error, had_response=had_response),
            )
            redact_error(unavailable, self._auth.secrets)
            raise unavailable from None
        if 200 <= response.status_code < 300:
            return response
        refused = error_from_response(response, request_line, in_doubt_error)
        redact_error(refused, self._auth.secrets)
        raise refused

    def _exchange(self, method: str, path: str, *, is_read: bool, **content: Any) -> requests.Response:
        """Send a request; retry a read request once immediately if a kept-alive connection was closed."""
        was_kept_alive = self._session_state.is_kept_alive
        try:
            return self._exchange_once(method, path, **content)
        except _REQUEST_ERRORS as error:
            self._session_state.is_kept_alive = False
            if not (is_read and was_kept_alive and may_be_idle_timeout(error)):
                raise
        return self._exchange_once(method, path, **content)

    def _exchange_once(self, method: str, path: str, **content: Any) -> requests.Response:
        response = self._session.exchange(method, f"{self.base_url}/{path}", allow_redirects=False, **content)
        self._session_state.had_response = self._session_state.is_kept_alive = True
        return response

    def _read(self, model: type[Model], content: object, path: str) -> Model:
        with self._documented(path):
            return model.model_validate(content)

    @contextmanager
    def _documented(self, path: str) -> Iterator[None]:
        """Raise `ArdUnavailableError` for a ValueError: the response is not in the documented format."""
        try:
            yield
        except ValueError as error:
            undocumented = ArdUnavailableError(
                f"GET {self.base_url}/{path}: the response is not in the documented format ({first_line(error)})"
            )
            redact_error(undocumented, self._auth.secrets)
            raise undocumented from None


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _is_retryable(error: BaseException) -> bool:
    if not isinstance(error, ArdUnavailableError):
        return False
    return error.retry_after is None or error.retry_after <= MAX_RETRY_AFTER_S


_jitter = tenacity.wait_random_exponential(multiplier=0.5, max=10)


def _full_jitter_or_retry_after(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    retry_after = error.retry_after if isinstance(error, ArdUnavailableError) else None
    return retry_after if retry_after is not None else _jitter(state)
