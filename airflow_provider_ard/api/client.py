"""`ArdClient`: one method per endpoint of the ARD HTTP API."""

from __future__ import annotations

from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_ard.api.account_client import AccountClient
from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdOrderConflict,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.api.http.pagination import OrderPage
from airflow_provider_ard.api.http.redaction import redact_error
from airflow_provider_ard.api.http.responses import json_object
from airflow_provider_ard.api.http.storable import storable_json
from airflow_provider_ard.api.http.transport import PAGE_SIZE, url_path
from airflow_provider_ard.api.orders.acquisitions import parse_acquisitions
from airflow_provider_ard.api.orders.order_ids import is_same_id
from airflow_provider_ard.api.orders.order_list import StrictOrderPage, age_order
from airflow_provider_ard.api.orders.status import OrderStatus, Usage
from airflow_provider_ard.api.quicklooks import Quicklook, read_quicklook
from airflow_provider_ard.api.selects.results import AcquisitionMatch, SelectStatus, acquisition_matches
from airflow_provider_ard.api.selects.tiles import SelectTile, select_tiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.selects.request import SelectRequest

_Status = TypeVar("_Status", OrderStatus, SelectStatus)

# A Select's result files that list its tiles, the smaller one first.
_RESULT_FILES = ("order", "geojson")


class ArdClient(AccountClient):
    """A client of the ARD API for one login: one session, one token.

        with ArdClient(Login("me@example.com", "password")) as client:
            print(client.get_order("3837513680025567106").status)

    `host`: see `api_base_url`. `verify`: True, False, or the path of a CA bundle. `timeout`: read timeout in seconds.
    `max_attempts`: attempts of a GET or a login while the API is unavailable. `cells_key`: the name of the cell filter
    in requests. Every method raises only `ArdError`s.
    """

    def submit_order(self, request: OrderRequest) -> OrderStatus:
        """Place an order, which is billed, with one POST. Return its ID and first status.

        Raises `ArdOrderInDoubtError` if the API may have accepted the order and no response confirms it. Any other
        error means that there is no order: the API rejected it in its error format, or no connection was established.
        """
        if request.dry_run:
            raise ArdRequestError("is true; use dry_run() to price an order", argument="dry_run")
        content = self._post_order(request, in_doubt_error=ArdOrderInDoubtError)
        try:
            return OrderStatus.model_validate(content)
        except ValueError:
            raise ArdOrderInDoubtError("POST order/: the response contains no valid order ID") from None

    def dry_run(self, request: OrderRequest) -> Usage:
        """Return the API's estimate of area (km²) and cost for an order, without placing it or sending notifications.

        Sent once, like an order: an API that ignores the flag would place an order with each retry. Raises
        `ArdOrderConflict` if the API returns an order ID, and `ArdUnavailableError` without a response.
        """
        dry_run = request.model_copy(update={"dry_run": True, "notifications": ()})
        content = self._post_order(dry_run)
        if content.get("id"):
            order_id = str(content["id"])[:200]
            raise ArdOrderConflict(
                f"the API returned order ID {order_id!r} for a dry run and may have placed the order; check the order "
                "before you place another one",
                order_id=order_id,
            )
        return self._read(Usage, content.get("usage"), "order/ (dry run)")

    def get_order(self, order_id: str) -> OrderStatus:
        """Return an order's current status (`GET /order/status/{id}`).

        Its ID is `order_id`, even if the API spells it differently.
        """
        path = url_path("order", "status", order_id)
        return self._matching(order_id, self._read(OrderStatus, self._get(path), path), path)

    def order_url(self, order_id: str) -> str:
        """Return the URL of an order's status."""
        return f"{self.base_url}/{url_path('order', 'status', order_id)}"

    def list_orders(
        self,
        *,
        filter: str | None = None,  # noqa: A002 -- the API's own word
        start_date: str | None = None,
        end_date: str | None = None,
        limit: int | None = None,
    ) -> Iterator[OrderStatus]:
        """Yield the user's orders, newest first, at most `limit` (None: all); pages are requested as needed.

            for order in client.list_orders(filter="metadata.campaign:spring", start_date="2026-01-01"):
                print(order.id, order.status)

        `filter` is `KEY:VALUE`; `start_date` and `end_date` are ISO 8601 dates. If the API lists the oldest orders
        first, all pages are requested; if its orders have no times, they are yielded as listed.
        """
        pages = self.order_pages(filter=filter, start_date=start_date, end_date=end_date)
        first = next(pages, [])
        orders = chain(first, chain.from_iterable(pages))
        return islice(reversed([*orders]) if age_order(first) < 0 else orders, limit)

    def order_pages(
        self,
        *,
        filter: str | None = None,  # noqa: A002 -- the API's own word
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> Iterator[list[OrderStatus]]:
        """Yield the user's orders page by page, one request each, in the sequence of the API."""
        params = {"filter": filter, "start_date": start_date, "end_date": end_date}
        for page in self._pages("order/", params, OrderPage):
            with self._documented("order/"):
                orders = page.orders
            yield orders

    def search_orders(
        self,
        *,
        filter: str | None = None,  # noqa: A002 -- the API's own word
        start_date: str | None = None,
        max_pages: int | None = None,
    ) -> Iterator[list[OrderStatus]]:
        """Yield the orders that match a filter, page by page, validated strictly: the list proves which orders exist.

        Raises `ArdUnavailableError` for a page in another than the documented format, with repeated orders, or cached.
        """
        limits = {"filter": filter, "start_date": start_date}
        params: dict[str, Any] = {"limit": PAGE_SIZE} | {key: value for key, value in limits.items() if value}
        order_ids: set[str] = set()
        for _ in count() if max_pages is None else range(max_pages):
            response = self._retrying(self._request, "GET", "order/", params=params)
            with self._documented("order/"):
                if response.status_code != 200 or response.headers.get("Age", "0") != "0":
                    raise ValueError("the response is partial, or a copy from a cache")
                page = StrictOrderPage.model_validate_json(storable_json(response.content))
                if not order_ids.isdisjoint(order.id for order in page.data):
                    raise ValueError("the list repeats orders")
            yield page.data
            if not page.has_more:
                return
            order_ids.update(order.id for order in page.data)
            params["starting_after"] = page.data[-1].id

    def status_pages(self, start_date: str) -> Iterator[OrderPage]:
        """Yield the pages of all orders since `start_date`, parsed only as far as their statuses."""
        return self._pages("order/", {"start_date": start_date}, OrderPage)

    def submit_select(self, request: SelectRequest) -> SelectStatus:
        """Start a Select (`POST /select/`). Return its ID and first status.

        It costs nothing, and the API does not list Selects, so it is sent again after a lost response.
        """
        response = self._retrying(self._request_json, "POST", "select/", json=request.to_payload())
        return self._read(SelectStatus, response, "select/")

    def get_select(self, select_id: str) -> SelectStatus:
        """Return a Select's current status (`GET /select/request/{id}`).

        Its ID is `select_id`, even if the API spells it differently.
        """
        path = url_path("select", "request", select_id)
        return self._matching(select_id, self._read(SelectStatus, self._get(path), path), path)

    def get_select_results(self, select: SelectStatus) -> dict[str, list[str]]:
        """Return the results of a Select that has succeeded: cells by acquisition, as an order's `acquisitions`.

        Source: the result file `order`, or else `geojson`, by its signed link, which is requested without a login.
        """
        if select.unique_acquisitions == 0:
            return {}
        name = next((name for name in _RESULT_FILES if name in select.links), None)
        if name is None:
            raise ArdUnavailableError(f"Select {select.id} ({select.status}) links to no result file")
        content = self._retrying(self._download, url_path("select", "files", f"{select.id}.{name}"))
        if not content or content.get("features") == []:
            return {}
        try:
            cells = {acquisition.id: list(acquisition.cells) for acquisition in parse_acquisitions(content)}
        except ArdRequestError as error:
            raise ArdUnavailableError(
                f"the results of Select {select.id} are not in the documented format: {error}"
            ) from None
        without_cells = [acquisition_id for acquisition_id in cells if not cells[acquisition_id]]
        if without_cells:
            # An order would interpret that as all cells of the acquisition.
            raise ArdUnavailableError(f"the results of Select {select.id} contain no cells of {without_cells[0]}")
        return cells

    def get_select_tiles(self, select: SelectStatus) -> list[SelectTile]:
        """Return the tiles of a Select that has succeeded, with their properties, from its result file `geojson`."""
        if select.unique_acquisitions == 0:
            return []
        path = url_path("select", "files", f"{select.id}.geojson")
        content = self._retrying(self._download, path)
        try:
            return select_tiles(content)
        except ValueError as error:
            raise ArdUnavailableError(f"GET {self.base_url}/{path}: {error}") from None

    def quicklook_url(self, acquisition_id: str, cell_id: str) -> str:
        """Return the URL of a tile's quicklook, an image."""
        return f"{self.base_url}/{url_path('browse', 'preview', acquisition_id, cell_id)}"

    def get_quicklook(self, acquisition_id: str, cell_id: str) -> Quicklook:
        """Return a tile's quicklook, a PNG or JPEG image."""
        path = url_path("browse", "preview", acquisition_id, cell_id)
        response = self._retrying(self._request, "GET", path, headers={"Accept": "image/png, image/jpeg"})
        with self._documented(path):
            return read_quicklook(response.content)

    def find_acquisitions(self, request: SelectRequest) -> list[AcquisitionMatch]:
        """Return the acquisitions that match a search, oldest first, with the cells in which they are published.

        Source: `POST /metadata/cells/acquisitions`; the API does not store the search.
        """
        path = "metadata/cells/acquisitions"
        response = self._retrying(
            self._request_json, "POST", path, is_read=True, params={"format": "geojson"}, json=request.to_payload()
        )
        try:
            return acquisition_matches(response)
        except ValueError as error:
            raise ArdUnavailableError(f"POST {self.base_url}/{path}: {error}") from None

    def _matching(self, requested_id: str, status: _Status, path: str) -> _Status:
        """Return a status with the requested ID. Raises `ArdUnavailableError` if the response has another ID."""
        if not is_same_id(status.id, requested_id):
            raise ArdUnavailableError(f"GET {self.base_url}/{path}: the response is the status of {status.id[:200]!r}")
        return status.model_copy(update={"id": requested_id})

    def _post_order(
        self, request: OrderRequest, *, in_doubt_error: type[ArdUnavailableError] = ArdUnavailableError
    ) -> dict[str, Any]:
        """Send an order once. The login before it waits for the end of an outage, as the POST cannot be retried."""
        self._retrying(self._auth.token)
        try:
            response = self._send(
                "POST",
                "order/",
                in_doubt_error=in_doubt_error,
                auth=self._auth,
                json=request.to_payload(self.cells_key),
            )
            return json_object(response, in_doubt_error)
        except ArdAuthError as error:
            if error.status != 401:
                redact_error(error, request.secrets)
                raise
            # The token was valid just before. The next request renews it, and the caller searches before another POST.
            message = f"POST order/: the token was refused ({error.message})"
            refused = in_doubt_error(message, status=401, code=error.code, type=error.type)
            redact_error(refused, request.secrets)
            raise refused from None
        except ArdError as error:
            redact_error(error, request.secrets)
            raise
