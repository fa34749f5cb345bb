"""Who may come in: the users of one account, one client, and the tokens handed out to them."""

import base64
import hashlib
import hmac
import json
import math
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.validation.errors import unauthorized

REFRESH_LIFETIME = 30 * 86400.0


@dataclass(frozen=True)
class User:
    """A person, or a program, of the account; an `admin` may see to the account's credentials and usage."""

    user_id: str
    name: str
    login: str
    password: str = field(repr=False)
    admin: bool = False


@dataclass(frozen=True)
class Account:
    """The sandbox's only customer, with an administrator and a plain user; its client acts as the administrator."""

    admin: User = User("7002", "Sandbox User", "user@sandbox.example", "sandbox-password", admin=True)
    member: User = User("7003", "Sandbox Member", "member@sandbox.example", "sandbox-member-password")
    client_id: str = "sandbox-client"
    client_secret: str = field(default="sandbox-client-secret", repr=False)
    account_id: str = "7001"
    name: str = "Sandbox"

    @property
    def users(self) -> tuple[User, ...]:
        """Everybody in the account."""
        return (self.admin, self.member)

    def user(self, user_id: str) -> User | None:
        """Return a user by ID."""
        return next((user for user in self.users if user.user_id == user_id), None)


class TokenStore:
    """Every token that is good now, by the sandbox's clock.

    `lifetime` of access tokens in seconds. With `rotate` a refresh hands out a new refresh token and ends the
    old one; without it the answer has none, and the old one stays good.
    """

    def __init__(
        self,
        account: Account,
        lifetime: float,
        clock: Clock,
        store: DocumentStore | None = None,
        *,
        rotate: bool = False,
    ) -> None:
        self._account = account
        self._lifetime = lifetime
        self._rotate = rotate
        self._clock = clock
        self._store = store or DocumentStore()
        self._access = self._restore("access")
        self._refresh = self._restore("refresh")
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()

    def password_login(self, username: str, password: str) -> dict[str, Any]:
        """Return a token answer, or raise a 401."""
        for user in self._account.users:
            if _same(username, user.login) and _same(password, user.password):
                with self._lock:
                    return self._issue(user.user_id, refresh=True)
        raise unauthorized("The username or password is not recognized")

    def client_login(self, client_id: str, client_secret: str) -> dict[str, Any]:
        """Return a token answer without a refresh token, or raise a 401."""
        good = _same(client_id, self._account.client_id) and _same(client_secret, self._account.client_secret)
        if not good:
            raise unauthorized("The client credentials are not recognized")
        with self._lock:
            return self._issue(self._account.admin.user_id, refresh=False)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Return a token answer for a refresh token that is still good, or raise a 401."""
        with self._lock:
            user_id, until = self._refresh.get(refresh_token, ("", 0.0))
            if until < self._clock.time():
                raise unauthorized("The refresh token is not recognized or has expired")
            if self._rotate:
                del self._refresh[refresh_token]
                self._store.delete("refresh", refresh_token)
            return self._issue(user_id, refresh=self._rotate)

    def check(self, authorization: str | None) -> User:
        """Return whose good access token an Authorization header carries, or raise a 401."""
        token = bearer(authorization)
        if token is None:
            raise unauthorized("An access token is needed: send it as Authorization: Bearer")
        with self._lock:
            user_id, until = self._access.get(token, ("", 0.0))
        user = self._account.user(user_id)
        if user is None or until < self._clock.time():
            raise unauthorized("The access token is not recognized or has expired")
        return user

    def expire(self, authorization: str | None = None) -> None:
        """End the access token of an Authorization header, or all of them without one."""
        with self._lock:
            if authorization is None:
                self._access.clear()
                self._store.delete("access")
            else:
                token = bearer(authorization) or ""
                self._access.pop(token, None)
                self._store.delete("access", token)

    def revoke_refresh_tokens(self) -> None:
        """End every refresh token."""
        with self._lock:
            self._refresh.clear()
            self._store.delete("refresh")

    def _issue(self, user_id: str, *, refresh: bool) -> dict[str, Any]:
        now = self._clock.time()
        access = self._jwt({"sub": user_id, "iat": int(now), "exp": now + self._lifetime})
        self._keep("access", access, user_id, now + self._lifetime)
        # Whole seconds, as OAuth has it; rounded up, lest a short life read as none at all.
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": math.ceil(self._lifetime)}
        if refresh:
            token = secrets.token_urlsafe(32)
            self._keep("refresh", token, user_id, now + REFRESH_LIFETIME)
            answer["refresh_token"] = token
        return answer

    def _keep(self, kind: str, token: str, user_id: str, until: float) -> None:
        (self._access if kind == "access" else self._refresh)[token] = (user_id, until)
        self._store.put(kind, token, {"token": token, "user_id": user_id, "until": until})

    def _restore(self, kind: str) -> dict[str, tuple[str, float]]:
        return {kept["token"]: (kept["user_id"], kept["until"]) for kept in self._store.all(kind)}

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
    # A lone surrogate can come out of JSON, and goes into no encoding.
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
