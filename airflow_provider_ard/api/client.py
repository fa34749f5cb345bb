"""`ArdClient`: one method an endpoint of the ARD HTTP API.

A GET is repeated with full jitter while the API is unavailable. A POST of an order never is: who sent it must look
whether it arrived (`ArdUnknownFateError`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
import tenacity
from urllib3.exceptions import InvalidHeader, NewConnectionError
from urllib3.util import Retry

from airflow_provider_ard import __version__
from airflow_provider_ard.api.auth import FORM, Login, TokenAuth
from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdNotFoundError,
    ArdRequestError,
    ArdUnavailableError,
    ArdUnknownFateError,
)
from airflow_provider_ard.api.order import Account, OrderRequest, OrderStatus, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")

DEFAULT_HOST = "https://ard.maxar.com"
DEFAULT_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10.0
PAGE_SIZE = 100
# How often a GET or a login is tried, and how long the API may ask to be left alone before that is the caller's
# business.
ATTEMPTS = 4
PATIENCE_S = 60.0
# A signature inside a SAS URL is a secret wherever it appears, also in a URL that the API shortened or re-encoded.
_SAS_SIGNATURE = re.compile(r"(?i)(sig=)[^&\s\"'<>]+")


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


class ArdClient:
    """A client of the ARD API for one login: one session, one token.

    `host`: see `api_base`. `verify`: True, False, or the path of a CA bundle. `timeout`: seconds without a byte
    before a call counts as lost. `attempts`: how often a GET or a login is tried while the API is unavailable.
    `cells_key`: the name of the cell filter on the wire. Every method raises `ArdError`s.
    """

    def __init__(
        self,
        login: Login,
        *,
        host: str | None = None,
        verify: bool | str = True,
        timeout: float = DEFAULT_TIMEOUT_S,
        attempts: int = ATTEMPTS,
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
            stop=tenacity.stop_after_attempt(attempts),
            reraise=True,
        )

    def __enter__(self) -> ArdClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the session's connections. The client can be used again."""
        self._session.close()

    def whoami(self) -> Account:
        """Return the account and user that this client is logged in as (`GET /auth/self`)."""
        answer = self._get("auth/self")
        return self._read(Account, answer.get("user"), "auth/self")

    def submit_order(self, request: OrderRequest) -> OrderStatus:
        """Place an order: one POST, real money. Return its id and first status.

        Raises `ArdUnknownFateError` when no answer says whether the order was accepted; it may have been. Any other
        error means that it was not.
        """
        if request.dry_run:
            raise ArdRequestError("True: use dry_run() to price an order", argument="dry_run")
        # Outages are waited for here, before the purchase, rather than in the middle of it.
        self._patiently(self._auth.token)
        answer = self._post_order(request)
        try:
            return OrderStatus.model_validate(answer)
        except ValueError:
            raise ArdUnknownFateError("the order was answered without an order id") from None

    def dry_run(self, request: OrderRequest) -> Usage:
        """Let the API check an order and price it. Nothing is bought and nobody is notified."""
        priced = request.model_copy(update={"dry_run": True, "notifications": ()})
        answer = self._patiently(self._post_order, priced)
        return self._read(Usage, answer.get("usage"), "order/ (dry run)")

    def get_order(self, order_id: str) -> OrderStatus:
        """Return an order's present status (`GET /order/status/{id}`)."""
        path = f"order/status/{quote(order_id, safe='')}"
        return self._read(OrderStatus, self._get(path), path)

    def order_url(self, order_id: str) -> str:
        """Return the address of an order's status."""
        return f"{self.base}/order/status/{quote(order_id, safe='')}"

    def list_orders(
        self,
        *,
        filter: str | None = None,  # noqa: A002 -- the API's own word
        start_date: str | None = None,
        end_date: str | None = None,
        limit: int | None = None,
    ) -> Iterator[OrderStatus]:
        """Yield the account's orders, page by page, at most `limit` (None: all).

        `filter` is `KEY:VALUE`, for example `metadata.campaign:spring`; `start_date` and `end_date` are ISO 8601 dates.
        A list that repeats itself or claims to go on without a row ends here.
        """
        params = {"filter": filter, "start_date": start_date, "end_date": end_date, "limit": PAGE_SIZE}
        seen: set[str] = set()
        while True:
            page = self._get("order/", {name: value for name, value in params.items() if value is not None})
            orders = [self._read(OrderStatus, row, "order/") for row in page.get("data") or []]
            fresh = [order for order in orders if order.id not in seen]
            for order in fresh:
                if limit is not None and len(seen) >= limit:
                    return
                seen.add(order.id)
                yield order
            if not page.get("has_more") or not fresh:
                return
            params["starting_after"] = orders[-1].id

    # How a call is made ----------------------------------------------------------------------------------------

    def _get(self, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._patiently(self._call, "GET", path, params=params)

    def _post_order(self, request: OrderRequest) -> dict[str, Any]:
        try:
            return self._call("POST", "order/", json=request.to_payload(self.cells_key))
        except ArdError as error:
            raise _redacted(error, request.secrets) from None

    def _post_form(self, path: str, body: str, auth: tuple[str, str] | None) -> requests.Response:
        # `_no_auth` rather than None: with None, requests would look for a login in ~/.netrc.
        return self._send("POST", path, data=body, headers=FORM, auth=auth or _no_auth)

    def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        token = self._auth.token()
        try:
            answer = self._send(method, path, auth=self._auth, **content)
        except ArdAuthError as error:
            if error.status != 401:
                raise
            # Refused, not accepted: a second request with a new token is no repetition.
            self._auth.renew_after_refusal(token)
            answer = self._send(method, path, auth=self._auth, **content)
        return _json_object(answer, _lost(method, path))

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
            kind = ArdUnavailableError if _never_left(error) else _lost(method, path)
            raise kind(f"{where}: {_reason(error)}") from None
        if answer.ok and not answer.is_redirect:
            return answer
        raise _redacted(_refusal(answer, where, _lost(method, path)), self._auth.secrets)

    def _read(self, model: type[Model], content: object, path: str) -> Model:
        try:
            return model.model_validate(content)
        except ValueError as error:
            raise ArdUnavailableError(
                f"GET {self.base}/{path}: the answer is not of the documented form ({_first_line(error)})"
            ) from None


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _lost(method: str, path: str) -> type[ArdUnavailableError]:
    """Return what it means when a call gets no proper answer."""
    is_order = method == "POST" and path == "order/"
    return ArdUnknownFateError if is_order else ArdUnavailableError


def _is_worth_a_retry(error: BaseException) -> bool:
    if not isinstance(error, ArdUnavailableError):
        return False
    return error.retry_after is None or error.retry_after <= PATIENCE_S


_jitter = tenacity.wait_random_exponential(multiplier=0.5, max=10)


def _full_jitter_or_retry_after(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ArdUnavailableError) else None
    return asked if asked is not None else _jitter(state)


def _never_left(error: requests.RequestException) -> bool:
    """Whether the request failed before a byte of it could reach the API."""
    if isinstance(
        error,
        requests.exceptions.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError,
    ):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def _reason(error: requests.RequestException) -> str:
    """Say in a line what went wrong on the way, without the library's own nesting."""
    if isinstance(error, requests.exceptions.SSLError):
        return f"the TLS certificate was not accepted, see `verify` in the connection ({_first_line(error)})"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if _never_left(error):
        return "could not connect"
    return f"the connection broke ({type(error).__name__})"


def _json_object(answer: requests.Response, kind: type[ArdUnavailableError]) -> dict[str, Any]:
    try:
        content = answer.json()
    except requests.exceptions.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise kind(
            f"{answer.request.method} {_bare(answer.url)}: answered with something that is not a JSON object",
            status=answer.status_code,
        )
    return content


def _refusal(answer: requests.Response, where: str, lost: type[ArdUnavailableError]) -> ArdError:
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
        return ArdUnavailableError(message, **facts)
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


def _redacted(error: ArdError, secrets: tuple[str, ...]) -> ArdError:
    message = _SAS_SIGNATURE.sub(r"\1***", error.message)
    for secret in secrets:
        message = message.replace(secret, "***")
    error.message = message
    error.args = (message,)
    return error


def _bare(url: str) -> str:
    return url.split("?", 1)[0]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
