"""`ArdHook`: an Airflow Connection of type `ard` turned into a client of the ARD API."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_ard.exceptions import airflow_exceptions
from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.hooks import connection_fields as fields
from airflow_provider_ard.hooks.connection_errors import why_missing
from airflow_provider_ard.hooks.secret_masking import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_ard.api.account import Account, StoredCredentials
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus, Usage
    from airflow_provider_ard.api.selects.request import SelectRequest
    from airflow_provider_ard.api.selects.results import AcquisitionMatch, SelectStatus

# How the API writes a balance or a limit that does not end.
NO_LIMIT = -1


class ArdHook(BaseHook):
    """Talk to the ARD API through the Connection `ard_conn_id`.

    Logs in when it is first needed, once. `client_options` go to `ArdClient`, for example `max_attempts=1` for a caller
    that comes again anyway. Every method raises the errors of `airflow_provider_ard.exceptions`.
    """

    conn_name_attr = "ard_conn_id"
    default_conn_name = "ard_default"
    conn_type = ARD_CONNECTION["connection-type"]
    hook_name = ARD_CONNECTION["hook-name"]

    def __init__(self, ard_conn_id: str = default_conn_name, **client_options: Any) -> None:
        super().__init__()
        self.ard_conn_id = ard_conn_id
        self._client_options = client_options

    @cached_property
    def _connection(self) -> Connection:
        try:
            return self.get_connection(self.ard_conn_id)
        except AirflowNotFoundException:
            raise AirflowNotFoundException(why_missing(self.ard_conn_id)) from None

    @cached_property
    def _client(self) -> ArdClient:
        return client_of(self._connection, **self._client_options)

    def get_conn(self) -> ArdClient:
        """Return the client, which raises the plain errors of `airflow_provider_ard.api.errors`."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client

    @property
    def credentials_ids(self) -> dict[str, str]:
        """The connection's stored credentials: storage location -> `credentials_id`."""
        with airflow_exceptions(self.ard_conn_id):
            return fields.credentials_ids(fields.extras(self._connection))

    @property
    def namespace(self) -> str:
        """The connection's namespace of idempotency keys; Airflow deployments that share an account each set one."""
        with airflow_exceptions(self.ard_conn_id):
            return fields.namespace(fields.extras(self._connection).get("namespace"))

    def order_request(self, **arguments: Any) -> OrderRequest:
        """Return the checked order that the operator's arguments describe, with the connection's stored credentials."""
        from airflow_provider_ard.api.orders.request import OrderRequest

        with airflow_exceptions(self.ard_conn_id):
            return OrderRequest.of(credentials_ids=self.credentials_ids, read_file=read_file, **arguments)

    def submit_order(self, request: OrderRequest) -> OrderStatus:
        """Place an order, unconditionally. `place_once` is what a task wants."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client.submit_order(request)

    def dry_run(self, request: OrderRequest) -> Usage:
        """Let the API check and price an order; nothing is bought."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client.dry_run(request)

    def get_order(self, order_id: str) -> OrderStatus:
        """Return an order's present status."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client.get_order(order_id)

    def list_orders(self, **options: Any) -> Iterator[OrderStatus]:
        """Yield the account's orders; options as `ArdClient.list_orders` has them."""
        with airflow_exceptions(self.ard_conn_id):
            yield from self._client.list_orders(**options)

    def whoami(self) -> Account:
        """Return the account and user that the connection logs in as."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client.whoami()

    def get_usage(self, **options: Any) -> Usage:
        """Return what the account or a user has ordered and may still spend; options as `ArdClient.get_usage` has them.

        For example `user_id`, and `start_date` and `end_date` as ISO 8601 dates. Area is in km².
        """
        with airflow_exceptions(self.ard_conn_id):
            return self._client.get_usage(**options)

    def list_credentials(self) -> Iterator[StoredCredentials]:
        """Yield the account's stored credentials; the API never returns their secrets."""
        with airflow_exceptions(self.ard_conn_id):
            yield from self._client.list_credentials()

    def put_credentials(
        self, credentials_id: str, credentials: Any, description: str | None = None
    ) -> StoredCredentials:
        """Store credentials for deliveries under an id, in place of any that have it.

        `credentials`: as in an `output_config`, a SAS URL, or the key of a Google service account (its path, JSON or
        base64). They are masked in the task's log.
        """
        from airflow_provider_ard.api.orders.credentials import read_credentials

        with airflow_exceptions(self.ard_conn_id):
            secret = read_credentials(credentials, "credentials")
            mask_secrets((secret,))
            return self._client.put_credentials(credentials_id, secret, description)

    def delete_credentials(self, credentials_id: str) -> None:
        """Delete stored credentials. Orders that name them afterwards are refused."""
        with airflow_exceptions(self.ard_conn_id):
            self._client.delete_credentials(credentials_id)

    def select_request(self, **arguments: Any) -> SelectRequest:
        """Return the checked Select that the operator's arguments describe."""
        from airflow_provider_ard.api.selects.request import SelectRequest

        with airflow_exceptions(self.ard_conn_id):
            return SelectRequest.of(read_file=read_file, **arguments)

    def submit_select(self, request: SelectRequest) -> SelectStatus:
        """Start a Select. It costs nothing, so one whose answer was lost is sent again."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client.submit_select(request)

    def get_select(self, select_id: str) -> SelectStatus:
        """Return a Select's present status."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client.get_select(select_id)

    def selected(self, select: SelectStatus) -> dict[str, list[str]]:
        """Return what a Select that has succeeded found, cells by acquisition; an order takes it as `acquisitions`."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client.selected(select)

    def find_acquisitions(self, request: SelectRequest) -> list[AcquisitionMatch]:
        """Return the acquisitions that match, oldest first; nothing remains of the search."""
        with airflow_exceptions(self.ard_conn_id):
            return self._client.find_acquisitions(request)

    def test_connection(self) -> tuple[bool, str]:
        """Log in, and say who that is and what the account may still spend, or which field to mend. Orders nothing."""
        from airflow_provider_ard.api.errors import ArdError
        from airflow_provider_ard.hooks.suggestions import suggest_fix

        # Somebody waits at the form: an outage is told at once.
        self._client_options.setdefault("max_attempts", 1)
        try:
            _ = self.credentials_ids
            account = self.whoami()
        except ArdError as error:
            told = suggest_fix(error, by_port=fields.port_counts(self._connection))
            return False, " ".join(filter(None, (str(error), told)))
        except Exception as error:  # noqa: BLE001 -- the button shows whatever went wrong
            return False, str(error)
        who = account.email or account.name or account.user_id or "unknown user"
        return True, f"Logged in as {who}, account {account.account_id}. Balance: {self._balance(account)}."

    def _balance(self, account: Account) -> str:
        """Say what the account may still spend. That is for information: no failure of it is one of the login."""
        from airflow_provider_ard.api.errors import ArdAuthError

        try:
            try:
                usage = self.get_usage()
            except ArdAuthError:
                # Only administrators may ask for the account as a whole.
                usage = self.get_usage(user_id=str(account.user_id))
        except Exception as error:  # noqa: BLE001
            return f"not told ({error})"
        balance = (usage.available or {}).get("total_imagery_balance")
        if balance == NO_LIMIT:
            return "no limit"
        return f"{balance:,.2f}" if isinstance(balance, int | float) else "not told"

    # Airflow 2.11 to 3.1 ask the hook for the form; it says what the provider's metadata say.

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the standard fields' labels, placeholders and which are hidden."""
        behaviour = ARD_CONNECTION["ui-field-behaviour"]
        return {key.replace("-", "_"): value for key, value in behaviour.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields as wtforms fields."""
        from flask_appbuilder.fieldwidgets import (
            BS3PasswordFieldWidget,
            BS3TextAreaFieldWidget,
            BS3TextFieldWidget,
        )
        from wtforms import PasswordField, StringField

        # Airflow takes no TextAreaField and drops the whole form for one; the widget alone makes a text area as well.
        kinds = {
            "password": (PasswordField, BS3PasswordFieldWidget),
            "multiline": (StringField, BS3TextAreaFieldWidget),
            None: (StringField, BS3TextFieldWidget),
        }
        widgets = {}
        for name, form in ARD_CONNECTION["conn-fields"].items():
            field, widget = kinds[form["schema"].get("format")]
            widgets[name] = field(form["label"], description=form["description"], widget=widget())
        return widgets


def read_file(path: str) -> bytes:
    """Read a file of this machine or of an object storage that Airflow knows."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_ard.api.geo.geometry import read_local

    return ObjectStoragePath(path).read_bytes() if "://" in path else read_local(path)


def client_of(connection: Connection, *, longest_timeout: float = float("inf"), **options: Any) -> ArdClient:
    """Return a client for an Airflow Connection; `options` go to `ArdClient`.

    `longest_timeout`: seconds, for a caller that has less time than the Connection's `timeout` says.
    Raises `ArdRequestError` or `ArdAuthError` naming the field that cannot be right.
    """
    from airflow import __version__ as airflow_version

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.http.auth import Login
    from airflow_provider_ard.api.http.transport import DEFAULT_TIMEOUT_S

    extra = fields.extras(connection)
    login = Login(
        username=connection.login or None,
        password=connection.password or None,
        **{
            name: fields.string(extra.get(name), name)
            for name in ("client_id", "client_secret", "access_token", "refresh_token")
        },
    )
    return ArdClient(
        login,
        host=fields.host(connection),
        verify=fields.verify(extra.get("verify")),
        timeout=min(fields.timeout(extra.get("timeout"), DEFAULT_TIMEOUT_S), longest_timeout),
        cells_key=fields.cells_key(extra.get("cells_key")),
        user_agent=f"apache-airflow/{airflow_version}",
        **options,
    )
