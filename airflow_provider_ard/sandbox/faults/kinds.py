"""The kinds of fault: `KINDS` is the table of all, by name.

To add a kind, subclass `FaultKind`, document it by `summary` and `options`, and add an instance to `KINDS`.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_ard.sandbox.backend.orders import PlannedOutcome
from airflow_provider_ard.sandbox.faults import json_path
from airflow_provider_ard.sandbox.faults.exchange import LIST_LAG, PLANNED_OUTCOME, Exchange, Response
from airflow_provider_ard.sandbox.validation.errors import error_for_status

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.faults.rules import Rule

_JSON = "application/json"
_HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
_ORDER = "POST /order"
_ORDER_BODIES = "GET /order*"


class FaultKind:
    """One kind of fault: what happens to a request or to its response when a rule fires.

    `summary` describes it, `options` are the fields of `Rule` that it uses, with their meaning. `endpoint` and
    `dry_run` are the defaults of the rule.
    """

    summary: ClassVar[str]
    options: ClassVar[Mapping[str, str]] = {}
    endpoint: ClassVar[str | None] = None
    dry_run: ClassVar[bool | None] = None

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        """Act before the API processes the request; with a response in `exchange` the API is not called."""

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:
        """Act after the API has processed the request and before its response is sent."""


class Latency(FaultKind):
    """Delay."""

    summary = "wait, then process the request"
    options: ClassVar = {"seconds": "real seconds to wait, default 1"}

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        await asyncio.sleep(rule.duration)


class ResetBeforeAccept(FaultKind):
    """Connection reset before the request is processed."""

    summary = "reset the TCP connection before the request is processed"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        await exchange.reset()


class ResetAfterAccept(FaultKind):
    """Connection reset after the request has been processed."""

    summary = "process the request, then reset the TCP connection instead of responding"

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        await exchange.reset()


class TlsBreakAfterAccept(FaultKind):
    """Invalid TLS record after the request has been processed."""

    summary = "process the request, then send an invalid TLS record and close the connection (with TLS)"

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        await exchange.break_tls()


class ReplacedResponse(FaultKind):
    """A response in place of that of the API; with `after_accept` the API has processed the request."""

    after_accept: ClassVar[bool] = False

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        if not self._after_accept(rule) and exchange.response is None:
            exchange.response = self.response(rule, exchange)

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        if self._after_accept(rule):
            exchange.response = self.response(rule, exchange)

    def response(self, rule: "Rule", exchange: Exchange) -> Response:
        """Return the response to send."""
        raise NotImplementedError

    def _after_accept(self, rule: "Rule") -> bool:
        return self.after_accept if rule.accept is None else rule.accept


class ErrorStatus(ReplacedResponse):
    """Error of the API before the request is processed."""

    summary = "respond with an error of the API without processing the request"
    options: ClassVar = {
        "status": "HTTP status, default 500",
        "message": "message of the error",
        "retry_after": "Retry-After header, in seconds",
    }

    def response(self, rule: "Rule", exchange: Exchange) -> Response:  # noqa: D102
        headers = {} if rule.retry_after is None else {"retry-after": str(rule.retry_after)}
        return Response.of_error(error_for_status(rule.status or 500, rule.message), headers)


class ErrorAfterAccept(ErrorStatus):
    """Error of the API after the request has been processed."""

    summary = "process the request, then respond with an error of the API"
    after_accept = True


class GatewayHtml(ReplacedResponse):
    """HTML page of a gateway."""

    summary = "respond with the HTML page of a gateway"
    options: ClassVar = {
        "status": "HTTP status, default 502",
        "message": "title of the page",
        "accept": "process the request before responding, default false",
    }

    def response(self, rule: "Rule", exchange: Exchange) -> Response:  # noqa: D102
        return Response.of_text(rule.status or 502, "text/html", _HTML.format(rule.message or "Bad Gateway"))


class GatewayJson(ReplacedResponse):
    """JSON error of a gateway."""

    summary = "respond with the JSON error of a gateway, which has no code and no type"
    options: ClassVar = {
        "status": "HTTP status, default 403",
        "message": "message of the error, default Forbidden",
        "accept": "process the request before responding, default false",
    }

    def response(self, rule: "Rule", exchange: Exchange) -> Response:  # noqa: D102
        return Response.of_text(rule.status or 403, _JSON, json.dumps({"message": rule.message or "Forbidden"}))


class RedirectAfterAccept(ReplacedResponse):
    """Redirect after the request has been processed."""

    summary = "process the request, then respond with a redirect"
    options: ClassVar = {
        "status": "HTTP status, default 303",
        "location": "Location header, default the path of the request",
    }
    after_accept = True

    def response(self, rule: "Rule", exchange: Exchange) -> Response:  # noqa: D102
        return Response(rule.status or 303, b"", {"location": rule.location or exchange.record.path})


class Body(ReplacedResponse):
    """Arbitrary response."""

    summary = "process the request, then respond with a given body"
    options: ClassVar = {
        "body": "response body, default empty; bytes in Python",
        "status": "HTTP status, default 200",
        "content_type": f"Content-Type header, default {_JSON}",
        "headers": "further headers; in Python and over HTTP",
        "accept": "process the request before responding, default true",
    }
    after_accept = True

    def response(self, rule: "Rule", exchange: Exchange) -> Response:  # noqa: D102
        response = Response.of_text(rule.status or 200, rule.content_type or _JSON, rule.body or "")
        response.headers |= {name.lower(): value for name, value in (rule.headers or {}).items()}
        return response


class EmptyPage(ReplacedResponse):
    """List page that is empty and not the last."""

    summary = 'respond with {"data": [], "has_more": true}'

    def response(self, rule: "Rule", exchange: Exchange) -> Response:  # noqa: D102
        return Response.of_text(200, _JSON, json.dumps({"data": [], "has_more": True}))


class JsonEdit(FaultKind):
    """An edit of the JSON document in a successful response of the API."""

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        response = exchange.response
        if response is None or not 200 <= response.status < 300:
            return
        try:
            document = json.loads(response.body)
        except ValueError:
            return
        response.body = json.dumps(self.edit(document, rule)).encode()

    def edit(self, document: Any, rule: "Rule") -> Any:
        """Return the changed document."""
        raise NotImplementedError


_PATH = {"path": "JSON path such as data[*].id; $ is the document"}


class SetJson(JsonEdit):
    """Value at a JSON path."""

    summary = "set a value in the JSON of the response"
    options: ClassVar = {**_PATH, "value": "JSON value, default null"}

    def edit(self, document: Any, rule: "Rule") -> Any:  # noqa: D102
        return json_path.set_value(document, rule.steps, rule.value)


class DropJson(JsonEdit):
    """Missing key at a JSON path."""

    summary = "remove a key or list item from the JSON of the response"
    options = _PATH

    def edit(self, document: Any, rule: "Rule") -> Any:  # noqa: D102
        return json_path.drop_value(document, rule.steps)


class RenameJson(JsonEdit):
    """Renamed key at a JSON path."""

    summary = "rename a key in the JSON of the response"
    options: ClassVar = {**_PATH, "value": "new name of the key"}

    def edit(self, document: Any, rule: "Rule") -> Any:  # noqa: D102
        return json_path.rename_key(document, rule.steps, str(rule.value))


class MetadataEdit(JsonEdit):
    """An edit of the metadata of every order in a list or status response."""

    endpoint = _ORDER_BODIES

    def edit(self, document: Any, rule: "Rule") -> Any:  # noqa: D102
        for row in _order_rows(document):
            self.edit_row(row, row["order"])
        return document

    def edit_row(self, row: dict[str, Any], order: dict[str, Any]) -> None:
        """Change one order: `row` is its response body, `order` the echoed request in it."""
        raise NotImplementedError


class MetadataAsStrings(MetadataEdit):
    """Metadata echoed as strings."""

    summary = "return every value of an order's metadata as a string"

    def edit_row(self, row: dict[str, Any], order: dict[str, Any]) -> None:  # noqa: D102
        order["metadata"] = _as_strings(order.get("metadata") or {})


class MetadataAbsent(MetadataEdit):
    """Metadata not echoed."""

    summary = "return orders without their metadata"

    def edit_row(self, row: dict[str, Any], order: dict[str, Any]) -> None:  # noqa: D102
        order.pop("metadata", None)


class MetadataAtRowLevel(MetadataEdit):
    """Metadata echoed outside the request."""

    summary = "return an order's metadata beside its ID instead of within `order`"

    def edit_row(self, row: dict[str, Any], order: dict[str, Any]) -> None:  # noqa: D102
        row["metadata"] = order.pop("metadata", None)


class IgnoreFilter(FaultKind):
    """Ignored list filter."""

    summary = "list orders without applying the filter parameter"
    endpoint = "GET /order"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        exchange.remove_query_parameter("filter")


class ListLag(FaultKind):
    """List that lags behind."""

    summary = "list orders only some time after they were placed"
    options: ClassVar = {"seconds": "age from which an order is listed, on the sandbox's clock, default 1"}
    endpoint = "GET /order"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        exchange.scope[LIST_LAG] = rule.duration


class ExpireToken(FaultKind):
    """Expired access token."""

    summary = "revoke the access token of the request, which then gets a 401"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        headers = dict(exchange.scope["headers"])
        exchange.state.tokens.expire(headers.get(b"authorization", b"").decode("latin-1"))


class RevokeRefreshToken(FaultKind):
    """Revoked refresh tokens."""

    summary = "revoke every refresh token, then process the request"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        exchange.state.tokens.revoke_refresh_tokens()


class Failure(FaultKind):
    """An order or a Select that ends with another status than SUCCEEDED."""

    options: ClassVar = {"final_status": "status at the end, default FAILED", "message": "status message"}

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        message = rule.message or "The request could not be processed"
        exchange.scope[PLANNED_OUTCOME] = PlannedOutcome(rule.final_status or "FAILED", message)


class FailOrder(Failure):
    """Order that fails."""

    summary = "accept the order, which fails at its end"
    endpoint = _ORDER
    dry_run = False


class FailSelect(Failure):
    """Select that fails."""

    summary = "accept the Select, which fails at its end"
    endpoint = "POST /select"


class StuckOrder(FaultKind):
    """Order that never ends."""

    summary = "accept the order, which stays RUNNING"
    endpoint = _ORDER
    dry_run = False

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:  # noqa: D102
        exchange.scope[PLANNED_OUTCOME] = PlannedOutcome(None)


KINDS: Mapping[str, FaultKind] = {
    "status": ErrorStatus(),
    "gateway_html": GatewayHtml(),
    "gateway_json": GatewayJson(),
    "latency": Latency(),
    "reset_before_accept": ResetBeforeAccept(),
    "reset_after_accept": ResetAfterAccept(),
    "tls_break_after_accept": TlsBreakAfterAccept(),
    "error_after_accept": ErrorAfterAccept(),
    "redirect_after_accept": RedirectAfterAccept(),
    "body": Body(),
    "set_json": SetJson(),
    "drop_json": DropJson(),
    "rename_json": RenameJson(),
    "empty_page": EmptyPage(),
    "ignore_filter": IgnoreFilter(),
    "list_lag": ListLag(),
    "metadata_as_strings": MetadataAsStrings(),
    "metadata_absent": MetadataAbsent(),
    "metadata_at_row_level": MetadataAtRowLevel(),
    "expire_token": ExpireToken(),
    "revoke_refresh_token": RevokeRefreshToken(),
    "fail_order": FailOrder(),
    "fail_select": FailSelect(),
    "stuck_order": StuckOrder(),
}


def describe_kinds() -> str:
    """Return the kinds with their options, one per line."""
    lines = []
    for name, kind in KINDS.items():
        options = "; ".join(f"{option}: {meaning}" for option, meaning in kind.options.items())
        lines.append(f"{name}: {kind.summary}" + (f" ({options})" if options else ""))
    return "\n".join(lines)


def _order_rows(document: Any) -> Iterator[dict[str, Any]]:
    rows = document.get("data", [document]) if isinstance(document, dict) else []
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("order"), dict):
            yield row


def _as_strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_strings(item) for item in value]
    return value if isinstance(value, str) else json.dumps(value)
