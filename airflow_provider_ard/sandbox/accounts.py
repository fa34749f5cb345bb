"""Who may come in: one user, one client, and the tokens handed out to them."""

import base64
import hashlib
import hmac
import json
import math
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_ard.sandbox.errors import unauthorized
from airflow_provider_ard.sandbox.pricing import limits

REFRESH_LIFETIME = 30 * 86400.0


@dataclass(frozen=True)
class Account:
    """The sandbox's only customer."""

    login: str = "user@sandbox.example"
    password: str = field(default="sandbox-password", repr=False)
    client_id: str = "sandbox-client"
    client_secret: str = field(default="sandbox-client-secret", repr=False)
    account_id: str = "7001"
    user_id: str = "7002"

    def describe(self) -> dict[str, Any]:
        """Return the ``user`` block of ``GET /auth/self``."""
        return {
            "account_id": self.account_id,
            "user_id": self.user_id,
            "name": "Sandbox User",
            "email": self.login,
            "limits": limits(),
        }


class Tokens:
    """Every token that is good now.

    ``lifetime`` of access tokens in seconds. With ``rotate`` a refresh hands out a new refresh token and ends the
    old one; without it the answer has none, and the old one stays good.
    """

    def __init__(self, account: Account, lifetime: float, *, rotate: bool = False) -> None:
        self._account = account
        self._lifetime = lifetime
        self._rotate = rotate
        self._access: dict[str, float] = {}
        self._refresh: dict[str, float] = {}
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()

    def password_login(self, username: str, password: str) -> dict[str, Any]:
        """Return a token answer, or raise a 401."""
        if not (_same(username, self._account.login) and _same(password, self._account.password)):
            raise unauthorized("The username or password is not recognized")
        with self._lock:
            return self._issue(refresh=True)

    def client_login(self, client_id: str, client_secret: str) -> dict[str, Any]:
        """Return a token answer without a refresh token, or raise a 401."""
        good = _same(client_id, self._account.client_id) and _same(client_secret, self._account.client_secret)
        if not good:
            raise unauthorized("The client credentials are not recognized")
        with self._lock:
            return self._issue(refresh=False)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Return a token answer for a refresh token that is still good, or raise a 401."""
        with self._lock:
            if self._refresh.get(refresh_token, 0.0) < time.time():
                raise unauthorized("The refresh token is not recognized or has expired")
            if self._rotate:
                del self._refresh[refresh_token]
            return self._issue(refresh=self._rotate)

    def check(self, authorization: str | None) -> None:
        """Raise a 401 unless the Authorization header carries an access token that is good now."""
        token = bearer(authorization)
        if token is None:
            raise unauthorized("An access token is needed: send it as Authorization: Bearer")
        with self._lock:
            if self._access.get(token, 0.0) < time.time():
                raise unauthorized("The access token is not recognized or has expired")

    def expire(self, authorization: str | None = None) -> None:
        """End the access token of an Authorization header, or all of them without one."""
        with self._lock:
            if authorization is None:
                self._access.clear()
            else:
                self._access.pop(bearer(authorization) or "", None)

    def revoke_refresh_tokens(self) -> None:
        """End every refresh token."""
        with self._lock:
            self._refresh.clear()

    def _issue(self, *, refresh: bool) -> dict[str, Any]:
        now = time.time()
        access = self._jwt({"sub": self._account.user_id, "iat": int(now), "exp": now + self._lifetime})
        self._access[access] = now + self._lifetime
        # Whole seconds, as OAuth has it; rounded up, lest a short life read as none at all.
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": math.ceil(self._lifetime)}
        if refresh:
            token = secrets.token_urlsafe(32)
            self._refresh[token] = now + REFRESH_LIFETIME
            answer["refresh_token"] = token
        return answer

    def _jwt(self, claims: dict[str, Any]) -> str:
        # Clients read "exp" out of a token, so it must be a real JWT; the server itself only looks it up.
        parts = [{"alg": "HS256", "typ": "JWT"}, {**claims, "jti": secrets.token_hex(8)}]
        signed = ".".join(_segment(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_segment(hmac.digest(self._key, signed.encode(), hashlib.sha256))}"


def bearer(authorization: str | None) -> str | None:
    """Return the token of an Authorization header, if it is a bearer token."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
