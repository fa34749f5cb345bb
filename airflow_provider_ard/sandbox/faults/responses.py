"""Kinds of fault that respond in place of the API."""

import base64
import json
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from airflow_provider_ard.sandbox.faults.base import FaultKind
from airflow_provider_ard.sandbox.faults.exchange import Exchange, Response
from airflow_provider_ard.sandbox.validation.errors import error_for_status

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.faults.rules import Rule

_JSON = "application/json"
_HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


class ReplacedResponse(FaultKind):
    """A response in place of that of the API; with `after_accept` the API has processed the request."""

    after_accept: ClassVar[bool] = False

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        if not self._after_accept(rule) and exchange.response is None:
            exchange.response = self.response(rule, exchange)

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:
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

    def response(self, rule: "Rule", exchange: Exchange) -> Response:
        headers = {} if rule.retry_after is None else {"retry-after": str(rule.retry_after)}
        return Response.of_error(error_for_status(rule.status or 500, rule.message), headers)


class ErrorAfterAccept(ErrorStatus):
    """Error of the API after the request has been processed."""

    summary = "process the request, then respond with an error of the API"
    after_accept = True


class EchoRequest(ErrorStatus):
    """Error of the API that repeats the request."""

    summary = "respond with an error that repeats headers and body of the request: raw, percent-encoded and in base64"
    options: ClassVar = {"status": "HTTP status, default 400"}

    def response(self, rule: "Rule", exchange: Exchange) -> Response:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.scope["headers"]}
        body = exchange.request_body.decode(errors="replace")
        request = f"{json.dumps(headers)} {body}"
        message = f"cannot process {request} {quote(request, safe='')} {base64.b64encode(request.encode()).decode()}"
        return Response.of_error(error_for_status(rule.status or 400, message))


class GatewayHtml(ReplacedResponse):
    """HTML page of a gateway."""

    summary = "respond with the HTML page of a gateway"
    options: ClassVar = {
        "status": "HTTP status, default 502",
        "message": "title of the page",
        "accept": "process the request before responding, default false",
    }

    def response(self, rule: "Rule", exchange: Exchange) -> Response:
        return Response.of_text(rule.status or 502, "text/html", _HTML.format(rule.message or "Bad Gateway"))


class GatewayJson(ReplacedResponse):
    """JSON error of a gateway."""

    summary = "respond with the JSON error of a gateway, which has no code and no type"
    options: ClassVar = {
        "status": "HTTP status, default 403",
        "message": "message of the error, default Forbidden",
        "accept": "process the request before responding, default false",
    }

    def response(self, rule: "Rule", exchange: Exchange) -> Response:
        return Response.of_text(rule.status or 403, _JSON, json.dumps({"message": rule.message or "Forbidden"}))


class RedirectAfterAccept(ReplacedResponse):
    """Redirect after the request has been processed."""

    summary = "process the request, then respond with a redirect"
    options: ClassVar = {
        "status": "HTTP status, default 303",
        "location": "Location header, default the path of the request",
    }
    after_accept = True

    def response(self, rule: "Rule", exchange: Exchange) -> Response:
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

    def response(self, rule: "Rule", exchange: Exchange) -> Response:
        response = Response.of_text(rule.status or 200, rule.content_type or _JSON, rule.body or "")
        response.headers |= {name.lower(): value for name, value in (rule.headers or {}).items()}
        return response


class EmptyPage(ReplacedResponse):
    """List page that is empty and not the last."""

    summary = 'respond with {"data": [], "has_more": true}'

    def response(self, rule: "Rule", exchange: Exchange) -> Response:
        return Response.of_text(200, _JSON, json.dumps({"data": [], "has_more": True}))
