"""`AccountClient`: the account of a login, its usage and its stored credentials."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_ard.api.account import Account, StoredCredentials
from airflow_provider_ard.api.errors import ArdError, ArdNotFoundError
from airflow_provider_ard.api.http.pagination import CredentialsPage
from airflow_provider_ard.api.http.redaction import redact_error
from airflow_provider_ard.api.http.transport import Transport, url_path
from airflow_provider_ard.api.orders.credentials import check_credentials_id, parse_credentials
from airflow_provider_ard.api.orders.status import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

REGISTERED_CREDENTIALS_KEY = "registered_credentials"


class AccountClient(Transport):
    """The endpoints of the account; users create an `ArdClient`, which has these too.

    with ArdClient(Login("me@example.com", "password")) as client:
        print(client.get_usage().total_cost)
    """

    def whoami(self) -> Account:
        """Return the account and user that this client is logged in as (`GET /auth/self`)."""
        response = self._get("auth/self")
        return self._read(Account, response.get("user"), "auth/self")

    def get_usage(
        self, *, user_id: str | None = None, start_date: str | None = None, end_date: str | None = None
    ) -> Usage:
        """Return the area (km²), cost, limits and balance of the account or of one of its users.

            print(client.get_usage(start_date="2026-01-01").total_cost)

        `start_date` and `end_date` are ISO 8601 dates. The account and other users are visible to administrators only.
        """
        who = ("account", self._account_id()) if user_id is None else ("user", user_id)
        path = url_path("usage", *who)
        period = {"start_date": start_date, "end_date": end_date}
        response = self._get(path, {name: value for name, value in period.items() if value is not None})
        return self._read(Usage, response.get("usage"), path)

    def list_credentials(self) -> Iterator[StoredCredentials]:
        """Yield the account's stored credentials, without their secrets. For administrators."""
        pages = self._pages(self._credentials_path(), {}, CredentialsPage)
        return chain.from_iterable(page.credentials for page in pages)

    def put_credentials(
        self, credentials_id: str, credentials: object, description: str | None = None
    ) -> StoredCredentials:
        """Store credentials under an ID, replacing existing ones, and return their description.

        `credentials`: as in an `output_config`, a SAS URL, or the key of a Google service account (its path, JSON or
        base64). No error contains it. For administrators.
        """
        check_credentials_id(credentials_id, "credentials_id")
        secret = parse_credentials(credentials, "credentials")
        body = {"credentials": secret} | ({"description": description} if description else {})
        path = self._credentials_path(credentials_id)
        try:
            # Idempotent, so that a retry is safe.
            self._retrying(self._request_json, "PUT", path, json=body)
        except ArdError as error:
            redact_error(error, (secret,))
            raise
        return self._read(StoredCredentials, self._get(path).get(REGISTERED_CREDENTIALS_KEY), path)

    def delete_credentials(self, credentials_id: str) -> None:
        """Delete stored credentials. Raises `ArdNotFoundError` if they do not exist. For administrators."""
        check_credentials_id(credentials_id, "credentials_id")
        path = self._credentials_path(credentials_id)
        try:
            self._retrying(self._request, "DELETE", path)
        except ArdNotFoundError:
            # After a lost response, an earlier attempt has deleted them.
            if self._retrying.statistics["attempt_number"] == 1:
                raise

    def _account_id(self) -> str:
        account_id = self.whoami().account_id
        if account_id is None:
            raise ArdError("the API does not return the account of this login")
        return str(account_id)

    def _credentials_path(self, *credentials_id: str) -> str:
        return url_path("admin", "account", self._account_id(), "credentials", *credentials_id)
