"""Log in to the ARD API, and renew the access token.

Uses the OAuth 2.0 grants password, client credentials and refresh token (RFC 6749, with oauthlib). Access tokens are
valid for 12 hours and orders take up to three days, so a wait renews its token several times.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any

from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient, OAuth2Error
from requests.auth import AuthBase

from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdNotFoundError, ArdUnavailableError
from airflow_provider_ard.api.http.responses import json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import PreparedRequest, Response

# Renewed this long before it expires, so that no token expires in transit.
RENEW_BEFORE_S = 60.0
_TOKEN = re.compile(r"[\x21-\x7e]+")
# RFC 7617: a colon ends the user name of Basic authentication.
_BASIC_USER = re.compile(r"[\x20-\x39\x3b-\x7e]+")
_BASIC_PASSWORD = re.compile(r"[\x20-\x7e]+")
_SENT_IN_HEADERS = (
    ("access_token", _TOKEN, "printable ASCII characters without spaces"),
    ("client_id", _BASIC_USER, "printable ASCII characters without a colon"),
    ("client_secret", _BASIC_PASSWORD, "printable ASCII characters"),
)
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True)
class Login:
    """The credentials of a Connection; `repr` omits the secrets.

        Login(username="me@example.com", password="…")

    Any one of these suffices: user name and password, client ID and secret, an existing access token, a refresh token.
    Whitespace around a value, such as the line feed at the end of a file, is removed; of a password only line feeds.
    Raises `ArdAuthError`, which names the setting, for a value that cannot be sent.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("username", "client_id", "client_secret", "access_token", "refresh_token"):
            object.__setattr__(self, name, (getattr(self, name) or "").strip() or None)
        # A password may begin or end with a space.
        object.__setattr__(self, "password", (self.password or "").strip("\r\n") or None)
        for name, valid, expected in _SENT_IN_HEADERS:
            value = getattr(self, name)
            if value and not valid.fullmatch(value):
                raise ArdAuthError(f"{name} contains {_first_invalid(value, valid)}, expected {expected}", setting=name)
        if self.password and not self.username:
            raise ArdAuthError("password without a user name (login)", setting="login")
        if self.can_log_in or self.access_token or self.refresh_token:
            return
        if not self.username and (self.client_id or self.client_secret):
            half = "client_secret" if self.client_id else "client_id"
            raise ArdAuthError(
                f"no credentials: of the extras client_id and client_secret, {half} is missing", setting="client_id"
            )
        raise ArdAuthError(
            "no credentials: set login and password, or one of the extras access_token, refresh_token, "
            "or client_id with client_secret",
            setting="login",
        )

    @property
    def can_log_in(self) -> bool:
        """Whether a new login is possible without any token."""
        return bool((self.username and self.password) or (self.client_id and self.client_secret))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its secrets, for redaction."""
        candidates = (self.password, self.client_secret, self.access_token, self.refresh_token)
        return tuple(secret for secret in candidates if secret)


class TokenAuth(AuthBase):
    """Adds a valid access token to each request; renews it with the refresh token, else with a new login.

    `post_form(path, body, auth)` sends one form to the API (path relative to its base) and returns the response; raises
    `ArdUnavailableError` in an outage. Thread-safe: one of several threads renews an expired token.
    """

    def __init__(self, login: Login, post_form: Callable[[str, str, tuple[str, str] | None], Response]) -> None:
        self._login = login
        self._post_form = post_form
        self._lock = RLock()
        self._access_token = login.access_token
        self._refresh_token = login.refresh_token
        # Another thread may still wait for the response to a request with the previous token.
        self._previous_token: str | None = None
        # By the monotonic clock, from the response on: the wall clock may be wrong or be set.
        self._expires_at: float | None = None

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the access token to a request before it is sent."""
        request.headers["Authorization"] = f"Bearer {self.token()}"
        return request

    @property
    def secrets(self) -> tuple[str, ...]:
        """All current secrets, for redaction."""
        tokens = (self._access_token, self._refresh_token, self._previous_token)
        return self._login.secrets + tuple(token for token in tokens if token)

    def token(self) -> str:
        """Return a valid access token, renewed if necessary.

        Raises `ArdAuthError` if the login is refused, `ArdUnavailableError` in an outage.
        """
        with self._lock:
            if self._access_token is None or self._is_expired():
                self._renew()
            assert self._access_token is not None  # noqa: S101 -- _renew sets it or raises
            return self._access_token

    def renew_after_refusal(self, refused: str, *, by_login: bool = False) -> None:
        """Replace the access token `refused`, for which the API responded 401. `by_login`: not by the refresh token.

        Does nothing if another thread has replaced it. Raises `ArdAuthError` if there is no way to get another.
        """
        with self._lock:
            if self._access_token == refused:
                self._previous_token, self._access_token = refused, None
                if by_login and self._login.can_log_in:
                    self._refresh_token = None
                try:
                    self._renew()
                except ArdAuthError:
                    # The refusal may be temporary, and there may be no other token.
                    self._access_token = refused
                    raise

    def _is_expired(self) -> bool:
        return self._expires_at is not None and time.monotonic() >= self._expires_at

    def _renew(self) -> None:
        if self._refresh_token:
            body = LegacyApplicationClient("").prepare_refresh_body(refresh_token=self._refresh_token)
            try:
                with _naming_setting("refresh_token"):
                    self._store(self._post_form("auth/authenticate", body, None))
            except ArdAuthError:
                if not self._login.can_log_in:
                    # The only way to get a token; the refusal may be temporary.
                    raise
                self._refresh_token = None
            else:
                return
        self._login_again()

    def _login_again(self) -> None:
        login = self._login
        if login.username and login.password:
            body = LegacyApplicationClient("").prepare_request_body(login.username, login.password)
            with _naming_setting("login"):
                self._store(self._post_form("auth/authenticate", body, None))
        elif login.client_id and login.client_secret:
            body = BackendApplicationClient(login.client_id).prepare_request_body()
            basic = (login.client_id, login.client_secret)
            with _naming_setting("client_id"):
                self._store(self._post_form("auth/authenticate/oauth2/token", body, basic))
        else:
            raise ArdAuthError(
                "the access token has expired or was refused, and the Connection has neither a refresh token nor a "
                "login and password to get a new one",
                status=401,
                setting="access_token",
            )

    def _store(self, response: Response) -> None:
        try:
            # Checked first: oauthlib does not limit the nesting.
            json_object(response)
            token = LegacyApplicationClient("").parse_request_body_response(response.text)
            access_token = _token(token["access_token"])
            refresh_token = _token(token["refresh_token"]) if token.get("refresh_token") else None
            lifetime = _lifetime(token.get("expires_in", "inf"))
        except (ArdUnavailableError, OAuth2Error, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ArdUnavailableError(
                f"the response to the login contains no valid token ({type(error).__name__})",
                status=response.status_code,
                setting="host",
            ) from None
        self._access_token = access_token
        # The response to a refresh may omit the refresh token: the old one remains valid.
        self._refresh_token = refresh_token or self._refresh_token
        # A token with a lifetime below the margin must not be renewed before each request.
        margin = min(RENEW_BEFORE_S, lifetime / 10)
        self._expires_at = time.monotonic() + lifetime - margin if lifetime != float("inf") else None


def _token(value: object) -> str:
    """Return a token. Raises ValueError if it cannot be sent in a header (RFC 6750)."""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ValueError("not a token")
    return value


def _first_invalid(value: str, valid: re.Pattern[str]) -> str:
    """Return the first invalid character by its code and position: the value itself is a secret."""
    position = next(index for index, character in enumerate(value) if not valid.fullmatch(character))
    return f"the character U+{ord(value[position]):04X} at position {position + 1}"


def _lifetime(value: Any) -> float:
    """Return a lifetime in seconds. Raises ValueError if it is not a positive number."""
    lifetime = float(value)
    if isinstance(value, bool) or not lifetime > 0:
        raise ValueError("not a lifetime")
    return lifetime


@contextmanager
def _naming_setting(setting: str) -> Iterator[None]:
    """Raise `ArdAuthError` with the Connection setting to check if a login is refused, with any status."""
    try:
        yield
    except ArdUnavailableError:
        raise
    except ArdAuthError as error:
        error.setting = error.setting or setting
        raise
    except ArdError as error:
        raise ArdAuthError(
            error.message,
            status=error.status,
            code=error.code,
            type=error.type,
            request_id=error.request_id,
            # An API without a login is at another address.
            setting="host" if isinstance(error, ArdNotFoundError) else setting,
        ) from None
