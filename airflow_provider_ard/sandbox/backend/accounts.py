"""Authentication: the accounts with their users and OAuth clients, and the tokens issued to them."""

import base64
import hashlib
import hmac
import json
import math
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.validation.errors import unauthorized

REFRESH_LIFETIME = 30 * 86400.0


@dataclass(frozen=True)
class User:
    """A user of the account; an `admin` manages the account's stored credentials and reads its usage."""

    user_id: str
    name: str
    login: str
    password: str = field(repr=False)
    admin: bool = False


@dataclass(frozen=True)
class Account:
    """An account with an administrator and a regular user; its OAuth client acts as the administrator."""

    admin: User = User("7002", "Sandbox User", "user@sandbox.example", "sandbox-password", admin=True)
    member: User = User("7003", "Sandbox Member", "member@sandbox.example", "sandbox-member-password")
    client_id: str = "sandbox-client"
    client_secret: str = field(default="sandbox-client-secret", repr=False)
    account_id: str = "7001"
    name: str = "Sandbox"

    @property
    def users(self) -> tuple[User, ...]:
        """All users of the account."""
        return (self.admin, self.member)

    def user(self, user_id: str) -> User | None:
        """Return a user by ID."""
        return next((user for user in self.users if user.user_id == user_id), None)


ACCOUNT = Account()
# Another tenant, who shares nothing with the first but the server.
OTHER_ACCOUNT = Account(
    admin=User("8002", "Other User", "user@other.example", "other-password", admin=True),
    member=User("8003", "Other Member", "member@other.example", "other-member-password"),
    client_id="other-client",
    client_secret="other-client-secret",  # noqa: S106 - of a sandbox
    account_id="8001",
    name="Other",
)


class TokenStore:
    """The valid access and refresh tokens of all accounts; they expire by the sandbox's clock.

    `lifetime` is that of access tokens, in seconds. With `rotate` a refresh issues a new refresh token and revokes
    the old one; without it the response has no refresh token and the old one stays valid.
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        lifetime: float,
        clock: Clock,
        store: DocumentStore | None = None,
        *,
        rotate: bool = False,
    ) -> None:
        self._accounts = accounts
        self._users = {user.user_id: (user, account) for account in accounts for user in account.users}
        self._lifetime = lifetime
        self._rotate = rotate
        self._clock = clock
        self._store = store or DocumentStore()
        self._access = self._restore("access")
        self._refresh = self._restore("refresh")
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()

    def password_login(self, username: str, password: str) -> dict[str, Any]:
        """Return a token response; raises a 401."""
        for user, _ in self._users.values():
            if _same(username, user.login) and _same(password, user.password):
                with self._lock:
                    return self._issue(user.user_id, refresh=True)
        raise unauthorized("The username or password is not recognized")

    def client_login(self, client_id: str, client_secret: str) -> dict[str, Any]:
        """Return a token response without a refresh token; raises a 401."""
        for account in self._accounts:
            if _same(client_id, account.client_id) and _same(client_secret, account.client_secret):
                with self._lock:
                    return self._issue(account.admin.user_id, refresh=False)
        raise unauthorized("The client credentials are not recognized")

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Return a token response for a valid refresh token; raises a 401."""
        with self._lock:
            user_id, expires_at = self._refresh.get(refresh_token, ("", 0.0))
            if expires_at < self._clock.time():
                raise unauthorized("The refresh token is not recognized or has expired")
            if self._rotate:
                del self._refresh[refresh_token]
                self._store.delete("refresh", refresh_token)
            return self._issue(user_id, refresh=self._rotate)

    def check(self, authorization: str | None) -> User:
        """Return the user of the access token in an Authorization header; raises a 401."""
        token = bearer(authorization)
        if token is None:
            raise unauthorized("An access token is required: send it as Authorization: Bearer")
        with self._lock:
            user_id, expires_at = self._access.get(token, ("", 0.0))
        if user_id not in self._users or expires_at < self._clock.time():
            raise unauthorized("The access token is not recognized or has expired")
        return self._users[user_id][0]

    def account_id(self, authorization: str | None) -> str | None:
        """Return the account of the access token in an Authorization header; None for any other header."""
        with self._lock:
            user_id, _ = self._access.get(bearer(authorization) or "", ("", 0.0))
        return self._users[user_id][1].account_id if user_id in self._users else None

    def expire(self, authorization: str | None = None) -> None:
        """Revoke the access token of an Authorization header, or all access tokens without one."""
        with self._lock:
            if authorization is None:
                self._access.clear()
                self._store.delete("access")
            else:
                token = bearer(authorization) or ""
                self._access.pop(token, None)
                self._store.delete("access", token)

    def revoke_refresh_tokens(self) -> None:
        """Revoke every refresh token."""
        with self._lock:
            self._refresh.clear()
            self._store.delete("refresh")

    def _issue(self, user_id: str, *, refresh: bool) -> dict[str, Any]:
        now = self._clock.time()
        access = self._jwt({"sub": user_id, "iat": int(now), "exp": now + self._lifetime})
        self._save("access", access, user_id, now + self._lifetime)
        # Whole seconds, as in OAuth; rounded up, so a lifetime below 1 s is not reported as 0.
        response = {"access_token": access, "token_type": "Bearer", "expires_in": math.ceil(self._lifetime)}
        if refresh:
            token = secrets.token_urlsafe(32)
            self._save("refresh", token, user_id, now + REFRESH_LIFETIME)
            response["refresh_token"] = token
        return response

    def _save(self, kind: str, token: str, user_id: str, expires_at: float) -> None:
        (self._access if kind == "access" else self._refresh)[token] = (user_id, expires_at)
        self._store.put(kind, token, {"token": token, "user_id": user_id, "expires_at": expires_at})

    def _restore(self, kind: str) -> dict[str, tuple[str, float]]:
        return {doc["token"]: (doc["user_id"], doc["expires_at"]) for doc in self._store.all(kind)}

    def _jwt(self, claims: dict[str, Any]) -> str:
        # Clients read "exp", so the token must be a real JWT; the server only compares the string.
        parts = [{"alg": "HS256", "typ": "JWT"}, {**claims, "jti": secrets.token_hex(8)}]
        signed = ".".join(_segment(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_segment(hmac.digest(self._key, signed.encode(), hashlib.sha256))}"


def bearer(authorization: str | None) -> str | None:
    """Return the token of an Authorization header, if it is a bearer token."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _same(value: str, expected: str) -> bool:
    # A lone surrogate, which JSON allows, cannot be encoded.
    return hmac.compare_digest(value.encode(errors="replace"), expected.encode())
