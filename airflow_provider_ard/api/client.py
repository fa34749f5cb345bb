"""`ArdClient`: one method an endpoint of the ARD HTTP API."""

from __future__ import annotations

from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_ard.api.account import Account, StoredCredentials
from airflow_provider_ard.api.errors import (
    ArdError,
    ArdNotFoundError,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.api.http.pagination import CredentialsPage, OrderPage
from airflow_provider_ard.api.http.responses import redact
from airflow_provider_ard.api.http.transport import PAGE_SIZE, Transport
from airflow_provider_ard.api.orders.acquisitions import read_acquisitions
from airflow_provider_ard.api.orders.credentials import check_credentials_id, read_credentials
from airflow_provider_ard.api.orders.order_list import StrictOrderPage
from airflow_provider_ard.api.orders.status import OrderStatus, Usage
from airflow_provider_ard.api.selects.results import AcquisitionMatch, SelectStatus, acquisition_matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.selects.request import SelectRequest

# The key under which the API tells of stored credentials.
REGISTERED = "registered_credentials"
# A Select's result files that tell what to order, the smaller one first.
_RESULT_FILES = ("order", "geojson")


class ArdClient(Transport):
    """A client of the ARD API for one login: one session, one token.

    `host`: see `api_base`. `verify`: True, False, or the path of a CA bundle. `timeout`: seconds without a byte
    before a call counts as lost. `max_attempts`: how often a GET or a login is tried while the API is unavailable.
    `cells_key`: the name of the cell filter on the wire. Every method raises `ArdError`s.
    """

    def whoami(self) -> Account:
        """Return the account and user that this client is logged in as (`GET /auth/self`)."""
        answer = self._get("auth/self")
        return self._read(Account, answer.get("user"), "auth/self")

    def submit_order(self, request: OrderRequest) -> OrderStatus:
        """Place an order: one POST, real money. Return its id and first status.

        Raises `ArdOrderInDoubtError` when no answer says whether the order was accepted; it may have been. Any other
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
            raise ArdOrderInDoubtError("the order was answered without an order id") from None

    def dry_run(self, request: OrderRequest) -> Usage:
        """Let the API check an order and price it. Nothing is bought and nobody is notified."""
        priced = request.model_copy(update={"dry_run": True, "notifications": ()})
        answer = self._patiently(self._post_order, priced)
        return self._read(Usage, answer.get("usage"), "order/ (dry run)")

    def get_order(self, order_id: str) -> OrderStatus:
        """Return an order's present status (`GET /order/status/{id}`)."""
        path = _path("order", "status", order_id)
        return self._read(OrderStatus, self._get(path), path)

    def order_url(self, order_id: str) -> str:
        """Return the address of an order's status."""
        return f"{self.base}/{_path('order', 'status', order_id)}"

    def list_orders(
        self,
        *,
        filter: str | None = None,  # noqa: A002 -- the API's own word
        start_date: str | None = None,
        end_date: str | None = None,
        limit: int | None = None,
    ) -> Iterator[OrderStatus]:
        """Return the account's orders, asked for page by page as they are taken, at most `limit` (None: all).

        `filter` is `KEY:VALUE`, for example `metadata.campaign:spring`; `start_date` and `end_date` are ISO 8601 dates.
        """
        pages = self.order_pages(filter=filter, start_date=start_date, end_date=end_date)
        return islice(chain.from_iterable(pages), limit)

    def order_pages(
        self,
        *,
        filter: str | None = None,  # noqa: A002 -- the API's own word
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> Iterator[list[OrderStatus]]:
        """Yield the same page by page, a request each."""
        params = {"filter": filter, "start_date": start_date, "end_date": end_date}
        for page in self._pages("order/", params, OrderPage):
            with self._documented("order/"):
                orders = page.orders
            yield orders

    def search_orders(
        self,
        *,
        filter: str,  # noqa: A002 -- the API's own word
        max_pages: int | None = None,
    ) -> Iterator[list[OrderStatus]]:
        """Yield the orders that match a filter, page by page and read strictly: the list proves what is not there.

        Raises `ArdUnavailableError` for a page that is not of the documented form, or that repeats orders.
        """
        params: dict[str, Any] = {"limit": PAGE_SIZE, "filter": filter}
        order_ids: set[str] = set()
        for _ in count() if max_pages is None else range(max_pages):
            response = self._patiently(self._answer, "GET", "order/", params=params)
            with self._documented("order/"):
                page = StrictOrderPage.model_validate_json(response.content)
                if not order_ids.isdisjoint(order.id for order in page.data):
                    raise ValueError("the list repeats orders")
            yield page.data
            if not page.has_more:
                return
            order_ids.update(order.id for order in page.data)
            params["starting_after"] = page.data[-1].id

    def status_pages(self, start_date: str) -> Iterator[OrderPage]:
        """Return the pages of all orders since `start_date`, each read as far as to know their statuses."""
        return self._pages("order/", {"start_date": start_date}, OrderPage)

    def get_usage(
        self, *, user_id: str | None = None, start_date: str | None = None, end_date: str | None = None
    ) -> Usage:
        """Return what the account, or one user of it, has ordered, and what it may still spend.

        `start_date` and `end_date` are ISO 8601 dates. The API lets administrators ask for the account and for others.
        """
        who = ("account", self._account_id()) if user_id is None else ("user", user_id)
        path = _path("usage", *who)
        period = {"start_date": start_date, "end_date": end_date}
        answer = self._get(path, {name: value for name, value in period.items() if value is not None})
        return self._read(Usage, answer.get("usage"), path)

    def list_credentials(self) -> Iterator[StoredCredentials]:
        """Return the account's stored credentials, without their secrets. For administrators."""
        pages = self._pages(self._credentials_path(), {}, CredentialsPage)
        return chain.from_iterable(page.credentials for page in pages)

    def put_credentials(
        self, credentials_id: str, credentials: object, description: str | None = None
    ) -> StoredCredentials:
        """Store credentials under an id, in place of any that have it, and return what is known of them.

        `credentials`: as in an `output_config`, a SAS URL, or the key of a Google service account (its path, JSON or
        base64). No error repeats it. For administrators.
        """
        check_credentials_id(credentials_id, "credentials_id")
        secret = read_credentials(credentials, "credentials")
        body = {"credentials": secret} | ({"description": description} if description else {})
        path = self._credentials_path(credentials_id)
        try:
            # Twice is as good as once.
            self._patiently(self._call, "PUT", path, json=body)
        except ArdError as error:
            raise redact(error, (secret,)) from None
        return self._read(StoredCredentials, self._get(path).get(REGISTERED), path)

    def delete_credentials(self, credentials_id: str) -> None:
        """Delete stored credentials. Raises `ArdNotFoundError` if there are none. For administrators."""
        check_credentials_id(credentials_id, "credentials_id")
        path = self._credentials_path(credentials_id)
        was_lost = False

        def delete() -> None:
            nonlocal was_lost
            try:
                self._call("DELETE", path)
            except ArdUnavailableError:
                was_lost = True
                raise
            except ArdNotFoundError:
                # Gone by the attempt whose answer was lost.
                if not was_lost:
                    raise

        self._patiently(delete)

    def _account_id(self) -> str:
        account_id = self.whoami().account_id
        if account_id is None:
            raise ArdError("the API does not tell which account this login belongs to")
        return str(account_id)

    def _credentials_path(self, *credentials_id: str) -> str:
        return _path("admin", "account", self._account_id(), "credentials", *credentials_id)

    def submit_select(self, request: SelectRequest) -> SelectStatus:
        """Start a Select (`POST /select/`). Return its id and first status.

        It costs nothing, and the API has no list of Selects to look in: one whose answer was lost is sent again.
        """
        answer = self._patiently(self._call, "POST", "select/", json=request.to_payload())
        return self._read(SelectStatus, answer, "select/")

    def get_select(self, select_id: str) -> SelectStatus:
        """Return a Select's present status (`GET /select/request/{id}`)."""
        path = _path("select", "request", select_id)
        return self._read(SelectStatus, self._get(path), path)

    def selected(self, select: SelectStatus) -> dict[str, list[str]]:
        """Return what a Select that has succeeded found, cells by acquisition; an order takes it as `acquisitions`.

        Source: the result file `order`, or else `geojson`, by its signed link, which is fetched without a login.
        """
        if select.unique_acquisitions == 0:
            return {}
        name = next((name for name in _RESULT_FILES if name in select.links), None)
        if name is None:
            raise ArdUnavailableError(f"Select {select.id} ({select.status}) links to no result file")
        content = self._patiently(self._download, _path("select", "files", f"{select.id}.{name}"))
        if not content or content.get("features") == []:
            return {}
        try:
            found = {one.id: list(one.cells) for one in read_acquisitions(content)}
        except ArdRequestError as error:
            raise ArdUnavailableError(f"the results of Select {select.id} are not of a known form: {error}") from None
        if whole := [name for name, cells in found.items() if not cells]:
            # An order would take it for all cells of the acquisition.
            raise ArdUnavailableError(f"the results of Select {select.id} name no cells of {whole[0]}")
        return found

    def find_acquisitions(self, request: SelectRequest) -> list[AcquisitionMatch]:
        """Return the acquisitions that match, oldest first, and the cells that they have been published in by now.

        Source: `POST /metadata/cells/acquisitions`; nothing remains of the search.
        """
        path = "metadata/cells/acquisitions"
        answer = self._patiently(self._call, "POST", path, params={"format": "geojson"}, json=request.to_payload())
        try:
            return acquisition_matches(answer)
        except ValueError as error:
            raise ArdUnavailableError(f"POST {self.base}/{path}: {error}") from None

    def _post_order(self, request: OrderRequest) -> dict[str, Any]:
        try:
            return self._call("POST", "order/", json=request.to_payload(self.cells_key))
        except ArdError as error:
            raise redact(error, request.secrets) from None


def _path(*steps: str) -> str:
    return "/".join(quote(step, safe="") for step in steps)
