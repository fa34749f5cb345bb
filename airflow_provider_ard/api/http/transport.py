"""How a call of the ARD API is made: one session, one token, patience with outages, no secret in an error.

A GET, or the POST of a search, which costs nothing, is repeated with full jitter while the API is unavailable. A POST
of an order never is: who sent it must look whether it arrived (`ArdOrderInDoubtError`).
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity

from airflow_provider_ard import __version__
from airflow_provider_ard.api.errors import ArdAuthError, ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.http.auth import FORM, Login, TokenAuth
from airflow_provider_ard.api.http.responses import (
    error_from_response,
    first_line,
    is_unsent,
    json_object,
    lost,
    reason,
    redact,
    setting_to_fix,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")
AnyPage = TypeVar("AnyPage", bound="Page")

DEFAULT_HOST = "https://ard.maxar.com"
DEFAULT_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10.0
PAGE_SIZE = 100
# How often a GET or a login is tried, and how long the API may ask to be left alone before that is the caller's
# business.
MAX_ATTEMPTS = 4
PATIENCE_S = 60.0


def api_base(host: str | None) -> str:
    """Return the API's base URL for a Connection's host: scheme https and path /api/v1 unless it says otherwise.

    Raises `ArdRequestError` for anything but an http(s) address.
    """
    given = (host or DEFAULT_HOST).strip()
    try:
        parts = urlsplit(given if "://" in given else f"https://{given}")
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise ArdRequestError("not an http(s) address", argument="host") from None
    if parts.username or parts.password:
        raise ArdRequestError(
            "must not carry a user name or password; put them into login and password", argument="host"
        )
    if not usable:
        raise ArdRequestError(f"not an http(s) address: {given!r}", argument="host")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/api/v1'}"


class Page(Protocol):
    """A page of a list: the `ids` of its entries; the next page starts after the last one."""

    ids: list[str]
    has_more: bool


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
        self.base = api_base(host)
        self.cells_key = cells_key
        self._verify = verify
        self._timeout = (min(CONNECT_TIMEOUT_S, timeout), timeout)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"airflow-provider-ard/{__version__} {user_agent}".strip()
        self._session.headers["Accept"] = "application/json"
        self._auth = TokenAuth(login, self._post_form)
        self._patiently = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_worth_a_retry),
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

    def single_attempt(self, timeout: float | None = None) -> Self:
        """Return a client without retries that shares the session and login. `timeout`: seconds, at most its own."""
        client = copy.copy(self)
        client._patiently = self._patiently.copy(stop=tenacity.stop_after_attempt(1))
        if timeout is not None:
            connect, read = self._timeout
            client._timeout = (min(connect, timeout), min(read, timeout))
        return client

    def _get(self, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._patiently(self._call, "GET", path, params=params)

    def _pages(self, path: str, params: Mapping[str, Any], page: Callable[[bytes], AnyPage]) -> Iterator[AnyPage]:
        """Yield the pages of a list, a request each.

        A list that repeats itself or claims to go on without an entry ends here.
        """
        query = {"limit": PAGE_SIZE} | {key: value for key, value in params.items() if value is not None}
        seen: set[str] = set()
        while True:
            answer = self._patiently(self._answer, "GET", path, params=query)
            with self._documented(path):
                found = page(answer.content)
            if not seen.issuperset(found.ids):
                yield found
            if not found.has_more or seen.issuperset(found.ids):
                return
            seen.update(found.ids)
            query["starting_after"] = found.ids[-1]

    def _post_form(self, path: str, body: str, auth: tuple[str, str] | None) -> requests.Response:
        # `_no_auth` rather than None: with None, requests would look for a login in ~/.netrc.
        return self._send("POST", path, data=body, headers=FORM, auth=auth or _no_auth)

    def _download(self, path: str) -> dict[str, Any]:
        """Return the JSON of a file that the API gives a signed link to, at whatever host."""
        link = self._call("GET", path).get("download_link")
        where = f"the file of {self.base}/{path}"
        try:
            answer = self._session.get(str(link), auth=_no_auth, verify=self._verify, timeout=self._timeout)
        except requests.RequestException as error:
            # Nothing of the link is told: whoever has it needs no login.
            raise ArdUnavailableError(f"{where}: {reason(error)}") from None
        if not answer.ok:
            raise ArdUnavailableError(f"{where}: {answer.reason or 'refused'}", status=answer.status_code)
        return json_object(answer, ArdUnavailableError)

    def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        return json_object(self._answer(method, path, **content), lost(method, path))

    def _answer(self, method: str, path: str, **content: Any) -> requests.Response:
        # Refused, not accepted: the same request with a new token is no repetition. A token that came by refresh and is
        # refused as well says nothing about the login yet.
        for by_login in (False, True):
            token = self._auth.token()
            try:
                return self._send(method, path, auth=self._auth, **content)
            except ArdAuthError as error:
                if error.status != 401:
                    raise
                self._auth.renew_after_refusal(token, by_login=by_login)
        return self._send(method, path, auth=self._auth, **content)

    def _send(self, method: str, path: str, **content: Any) -> requests.Response:
        where = f"{method} {self.base}/{path}"
        try:
            answer = self._session.request(
                method,
                f"{self.base}/{path}",
                verify=self._verify,
                timeout=self._timeout,
                allow_redirects=False,
                **content,
            )
        except requests.RequestException as error:
            kind = ArdUnavailableError if is_unsent(error) else lost(method, path)
            raise kind(f"{where}: {reason(error)}", setting=setting_to_fix(error)) from None
        if answer.ok and not answer.is_redirect:
            return answer
        raise redact(error_from_response(answer, where, lost(method, path)), self._auth.secrets)

    def _read(self, model: type[Model], content: object, path: str) -> Model:
        with self._documented(path):
            return model.model_validate(content)

    @contextmanager
    def _documented(self, path: str) -> Iterator[None]:
        """Take a ValueError for an answer that is not of the documented form."""
        try:
            yield
        except ValueError as error:
            raise ArdUnavailableError(
                f"GET {self.base}/{path}: the answer is not of the documented form ({first_line(error)})"
            ) from None


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _is_worth_a_retry(error: BaseException) -> bool:
    if not isinstance(error, ArdUnavailableError):
        return False
    return error.retry_after is None or error.retry_after <= PATIENCE_S


_jitter = tenacity.wait_random_exponential(multiplier=0.5, max=10)


def _full_jitter_or_retry_after(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ArdUnavailableError) else None
    return asked if asked is not None else _jitter(state)
