"""One account of a sandbox, as tests log in to it, read it and change it."""

import json
from urllib.parse import quote

from airflow_provider_ard.sandbox.backend.notifications import Notification
from airflow_provider_ard.sandbox.backend.orders import FAILED, SUCCEEDED, Order
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.http_server import HttpServer


class SandboxAccount:
    """An account of a sandbox: its logins, Connection, orders and stored credentials."""

    def __init__(self, state: State, server: HttpServer) -> None:
        self._state = state
        self._server = server

    @property
    def url(self) -> str:
        """Scheme, host and port, without a path or a trailing slash; final once started."""
        return self._server.url

    @property
    def ca_file(self) -> str | None:
        """Path of the CA certificate to trust (PEM); None without TLS."""
        return str(self._server.tls.ca) if self._server.tls else None

    @property
    def login(self) -> str:
        """Login of an administrator of the account."""
        return self._state.account.admin.login

    @property
    def password(self) -> str:
        """Password of the administrator."""
        return self._state.account.admin.password

    @property
    def member(self) -> tuple[str, str]:
        """Login and password of a second user, who is not an administrator."""
        return self._state.account.member.login, self._state.account.member.password

    @property
    def client_id(self) -> str:
        """Client ID for a login by client credentials."""
        return self._state.account.client_id

    @property
    def client_secret(self) -> str:
        """Client secret for a login by client credentials."""
        return self._state.account.client_secret

    @property
    def connection_json(self) -> str:
        """An Airflow Connection to the sandbox, as JSON."""
        extra = {"verify": self.ca_file} if self.ca_file else {}
        connection = {"conn_type": "ard", "host": self.url, "login": self.login, "password": self.password}
        return json.dumps({**connection, "extra": extra})

    @property
    def connection_uri(self) -> str:
        """An Airflow Connection to the sandbox, as a URI."""
        user, password, host = (quote(part, safe="") for part in (self.login, self.password, self.url))
        extra = f"/?verify={quote(self.ca_file, safe='')}" if self.ca_file else ""
        return f"ard://{user}:{password}@{host}{extra}"

    @property
    def orders(self) -> list[Order]:
        """Every accepted order of the account with its current status, oldest first."""
        return self._state.orders.all()

    @property
    def notifications(self) -> list[Notification]:
        """Every notification of the account that was recorded, oldest first; none is sent."""
        return self._state.notifications

    def store_credentials(self, credentials_id: str, secret: str, description: str | None = None) -> None:
        """Store a SAS URL or a base64-encoded key file, as an administrator would."""
        self._state.credential_store.put(credentials_id, secret, description)

    def stored_secret(self, credentials_id: str) -> str | None:
        """Return the secret of stored credentials, which the API never returns; None if there are none."""
        return self._state.credential_store.secret(credentials_id)

    def set_order_status(self, order_id: str, status: str, message: str | None = None) -> None:
        """End an order now with any status, known to clients or not; raises ApiError for an unknown order."""
        self._state.orders.end(order_id, status, message)

    def fail_order(self, order_id: str, message: str = "The order failed") -> None:
        """End an order now with `FAILED`."""
        self.set_order_status(order_id, FAILED, message)

    def finish_order(self, order_id: str) -> None:
        """End an order now with `SUCCEEDED`, delivered or not."""
        self.set_order_status(order_id, SUCCEEDED)
