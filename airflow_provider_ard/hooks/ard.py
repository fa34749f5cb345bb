"""`ArdHook`: a client of the ARD API for an Airflow Connection of type `ard`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.exceptions import airflow_exceptions, raises_airflow_exceptions
from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.hooks import connection_fields as fields
from airflow_provider_ard.hooks.connection_errors import describe_missing_connection
from airflow_provider_ard.hooks.connection_ids import check_conn_id
from airflow_provider_ard.hooks.secret_masking import mask_secrets
from airflow_provider_ard.version_compat import AirflowNotFoundException, BaseHook, redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.api.account import Account, StoredCredentials
    from airflow_provider_ard.api.budgets import Budget
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus, Usage
    from airflow_provider_ard.api.selects.request import SelectRequest
    from airflow_provider_ard.api.selects.results import AcquisitionMatch, SelectStatus
    from airflow_provider_ard.api.selects.tiles import SelectTile
    from airflow_provider_ard.version_compat import Connection


class ArdHook(BaseHook):
    """Call the ARD API through the Connection `ard_conn_id`.

        hook = ArdHook()
        print(hook.get_order("3837513680025567106").status)

    Logs in once, at the first request. `client_options` are passed to `ArdClient`, for example `max_attempts=1` for a
    caller that retries by itself. Every method raises the errors of `airflow_provider_ard.exceptions`; so does the
    constructor, for an `ard_conn_id` that is not the ID of a Connection.
    """

    conn_name_attr = "ard_conn_id"
    default_conn_name = "ard_default"
    conn_type = ARD_CONNECTION["connection-type"]
    hook_name = ARD_CONNECTION["hook-name"]

    def __init__(self, ard_conn_id: str = default_conn_name, **client_options: Any) -> None:
        super().__init__()
        with airflow_exceptions(self.default_conn_name):
            self.ard_conn_id = check_conn_id(ard_conn_id, "ard_conn_id")
        self._client_options = client_options

    @cached_property
    def _connection(self) -> Connection:
        try:
            return self.get_connection(self.ard_conn_id)
        except AirflowNotFoundException:
            raise AirflowNotFoundException(describe_missing_connection(self.ard_conn_id)) from None

    @cached_property
    def _client(self) -> ArdClient:
        return create_client(self._connection, **self._client_options)

    @raises_airflow_exceptions
    def get_conn(self) -> ArdClient:
        """Return the client, which raises the plain errors of `airflow_provider_ard.api.errors`."""
        return self._client

    @property
    @raises_airflow_exceptions
    def credentials_ids(self) -> dict[str, str]:
        """The Connection's stored credentials: storage location -> `credentials_id`."""
        return fields.credentials_ids(fields.extras(self._connection))

    @property
    @raises_airflow_exceptions
    def namespace(self) -> str:
        """The Connection's namespace of idempotency keys; Airflow deployments that share an account each set one."""
        return fields.namespace(fields.extras(self._connection).get("namespace"))

    @property
    @raises_airflow_exceptions
    def budgets(self) -> tuple[Budget, ...]:
        """The Connection's budgets, which apply to all of its orders in addition to those of an operator."""
        return fields.budgets(fields.extras(self._connection).get("budget"))

    @raises_airflow_exceptions
    def order_request(self, **arguments: Any) -> OrderRequest:
        """Return the validated order for the arguments of `ArdOrderOperator`, with the Connection's stored credentials.

            request = hook.order_request(acquisitions="10400100E82CCE00", destination="s3://my-bucket/imagery")

        Raises `ArdRequestError` for an invalid argument; no request is sent. Credentials in the arguments, or in a file
        that they name, are masked in the task's log.
        """
        from airflow_provider_ard.api.orders.request import OrderRequest

        request = OrderRequest.of(credentials_ids=self.credentials_ids, read_file=read_file, **arguments)
        mask_secrets(request.secrets)
        return request

    @raises_airflow_exceptions
    def submit_order(self, request: OrderRequest) -> OrderStatus:
        """Place an order unconditionally. Tasks use `ordering.placement.place_order`, which searches first."""
        return self._client.submit_order(request)

    @raises_airflow_exceptions
    def dry_run(self, request: OrderRequest) -> Usage:
        """Return the API's estimate of area (km²) and cost for an order, without placing it."""
        return self._client.dry_run(request)

    @raises_airflow_exceptions
    def get_order(self, order_id: str) -> OrderStatus:
        """Return an order's current status."""
        return self._client.get_order(order_id)

    def list_orders(self, **options: Any) -> Iterator[OrderStatus]:
        """Yield the user's orders, newest first.

            for order in hook.list_orders(start_date="2026-01-01", limit=20):
                print(order.id, order.status)

        Options: `filter` (`KEY:VALUE`), `start_date` and `end_date` (ISO 8601), `limit` (maximum number of orders).
        """
        with airflow_exceptions(self.ard_conn_id):
            yield from self._client.list_orders(**options)

    @raises_airflow_exceptions
    def whoami(self) -> Account:
        """Return the account and user of the login."""
        return self._client.whoami()

    @raises_airflow_exceptions
    def get_usage(self, **options: Any) -> Usage:
        """Return the area (km²), cost, limits and balance of the account or a user.

            print(hook.get_usage(start_date="2026-01-01").total_cost)

        Options: `user_id` (default: the complete account, for administrators), `start_date` and `end_date` (ISO 8601).
        """
        return self._client.get_usage(**options)

    def list_credentials(self) -> Iterator[StoredCredentials]:
        """Yield the account's stored credentials; the API never returns their secrets."""
        with airflow_exceptions(self.ard_conn_id):
            yield from self._client.list_credentials()

    @raises_airflow_exceptions
    def put_credentials(
        self, credentials_id: str, credentials: Any, description: str | None = None
    ) -> StoredCredentials:
        """Store credentials for deliveries under an ID, replacing existing ones.

        `credentials`: as in an `output_config`, a SAS URL, or the key of a Google service account (its path, JSON or
        base64). They are masked in the task's log.
        """
        from airflow_provider_ard.api.orders.credentials import parse_credentials

        secret = parse_credentials(credentials, "credentials")
        mask_secrets((secret,))
        return self._client.put_credentials(credentials_id, secret, description)

    @raises_airflow_exceptions
    def delete_credentials(self, credentials_id: str) -> None:
        """Delete stored credentials. The API refuses later orders that use them."""
        self._client.delete_credentials(credentials_id)

    @raises_airflow_exceptions
    def select_request(self, **arguments: Any) -> SelectRequest:
        """Return the validated Select for the search arguments of `ArdSelectOperator`.

            request = hook.select_request(bbox=[-105.1, 40.1, -105.0, 40.2], datetime="2026-01-01/2026-01-31")

        Raises `ArdRequestError` for an invalid argument; no request is sent.
        """
        from airflow_provider_ard.api.selects.request import SelectRequest

        return SelectRequest.of(read_file=read_file, **arguments)

    @raises_airflow_exceptions
    def submit_select(self, request: SelectRequest) -> SelectStatus:
        """Start a Select. It costs nothing, so it is sent again after a lost response."""
        return self._client.submit_select(request)

    @raises_airflow_exceptions
    def get_select(self, select_id: str) -> SelectStatus:
        """Return a Select's current status."""
        return self._client.get_select(select_id)

    @raises_airflow_exceptions
    def get_select_results(self, select: SelectStatus) -> dict[str, list[str]]:
        """Return the results of a Select that has succeeded: cells by acquisition, as an order's `acquisitions`."""
        return self._client.get_select_results(select)

    @raises_airflow_exceptions
    def get_select_tiles(self, select: SelectStatus) -> list[SelectTile]:
        """Return the tiles of a Select that has succeeded, with their properties."""
        return self._client.get_select_tiles(select)

    @raises_airflow_exceptions
    def find_acquisitions(self, request: SelectRequest) -> list[AcquisitionMatch]:
        """Return the acquisitions that match, oldest first; the API does not store the search."""
        return self._client.find_acquisitions(request)

    def test_connection(self) -> tuple[bool, str]:
        """Log in, and return the user and the balance, or the field to check. Places no order."""
        from airflow_provider_ard.api.errors import ArdError
        from airflow_provider_ard.api.http.redaction import redact_text
        from airflow_provider_ard.hooks.suggestions import suggest_fix

        # A user waits for the response: an outage is reported at once.
        self._client_options.setdefault("max_attempts", 1)
        try:
            _ = self.credentials_ids, self.budgets
            account = self.whoami()
        except ArdError as error:
            suggestion = suggest_fix(error, with_port=fields.port_applies(self._connection))
            return False, f"{error} {suggestion.text}" if suggestion else str(error)
        except Exception as error:  # noqa: BLE001 -- the button shows any error
            return False, str(redact(redact_text(str(error))))
        who = account.email or account.name or account.user_id or "unknown user"
        return True, f"Logged in as {who}, account {account.account_id}. Balance: {self._balance(account)}."

    def _balance(self, account: Account) -> str:
        """Return the balance of the account as text. A failure does not fail the connection test."""
        from airflow_provider_ard.api.account import UNLIMITED
        from airflow_provider_ard.api.errors import ArdAuthError

        try:
            try:
                usage = self.get_usage()
            except ArdAuthError:
                # Only administrators may read the usage of the complete account.
                usage = self.get_usage(user_id=str(account.user_id))
        except Exception as error:  # noqa: BLE001
            return f"unknown ({error})"
        balance = (usage.available or {}).get("total_imagery_balance")
        if balance == UNLIMITED:
            return "no limit"
        return f"{balance:,.2f}" if isinstance(balance, int | float) else "unknown"

    # Airflow 2.11 to 3.1 build the form with these methods, from the provider's metadata.

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return labels and placeholders of the standard fields, and the hidden fields."""
        behaviour = ARD_CONNECTION["ui-field-behaviour"]
        return {key.replace("-", "_"): value for key, value in behaviour.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields as wtforms fields."""
        from airflow_provider_ard.hooks.connection_form import form_widgets

        return form_widgets()


def read_file(path: str) -> bytes:
    """Return the content of a local file, or of one in an object storage of Airflow."""
    from airflow_provider_ard.api.geo.files import read_local_file
    from airflow_provider_ard.api.http.log_redaction import redact_library_logs
    from airflow_provider_ard.version_compat import ObjectStoragePath

    redact_library_logs()
    return ObjectStoragePath(path).read_bytes() if "://" in path else read_local_file(path)


def create_client(connection: Connection, *, max_timeout: float = float("inf"), **options: Any) -> ArdClient:
    """Return a client for an Airflow Connection; `options` go to `ArdClient`.

    `max_timeout`: upper bound of the Connection's `timeout`, in seconds.
    Raises `ArdRequestError` or `ArdAuthError` with the invalid field.
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
    # Airflow masks only the raw values, not the encodings in which they are sent.
    mask_secrets(login.secrets)
    return ArdClient(
        login,
        host=fields.host(connection),
        verify=fields.verify(extra.get("verify")),
        timeout=min(fields.timeout(extra.get("timeout"), DEFAULT_TIMEOUT_S), max_timeout),
        cells_key=fields.cells_key(extra.get("cells_key")),
        user_agent=f"apache-airflow/{airflow_version}",
        **options,
    )
