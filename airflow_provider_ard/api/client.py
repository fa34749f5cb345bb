"""`ArdClient`: one method an endpoint of the ARD HTTP API."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_ard.api.answers import redacted
from airflow_provider_ard.api.errors import ArdError, ArdRequestError, ArdUnknownFateError
from airflow_provider_ard.api.order import Account, OrderRequest, OrderStatus, Usage
from airflow_provider_ard.api.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator


class ArdClient(Transport):
    """A client of the ARD API for one login: one session, one token.

    `host`: see `api_base`. `verify`: True, False, or the path of a CA bundle. `timeout`: seconds without a byte
    before a call counts as lost. `attempts`: how often a GET or a login is tried while the API is unavailable.
    `cells_key`: the name of the cell filter on the wire. Every method raises `ArdError`s.
    """

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
        path = _status_path(order_id)
        return self._read(OrderStatus, self._get(path), path)

    def order_url(self, order_id: str) -> str:
        """Return the address of an order's status."""
        return f"{self.base}/{_status_path(order_id)}"

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
        """
        params = {"filter": filter, "start_date": start_date, "end_date": end_date}
        orders = self._listed(
            "order/", params, lambda row: self._read(OrderStatus, row, "order/"), lambda order: order.id
        )
        return islice(orders, limit)

    def _post_order(self, request: OrderRequest) -> dict[str, Any]:
        try:
            return self._call("POST", "order/", json=request.to_payload(self.cells_key))
        except ArdError as error:
            raise redacted(error, request.secrets) from None


def _status_path(order_id: str) -> str:
    return f"order/status/{quote(order_id, safe='')}"
