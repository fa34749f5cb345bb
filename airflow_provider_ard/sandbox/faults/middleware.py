"""The outermost layer of the API: logs every request and applies the faults that fire on it."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_ard.sandbox.backend.request_log import REDACTED, RequestRecord, parse_body
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.faults.exchange import Exchange, Response
from airflow_provider_ard.sandbox.faults.kinds import KINDS
from airflow_provider_ard.sandbox.paths import API_ROOT, DOWNLOADS_ROOT
from airflow_provider_ard.sandbox.validation.errors import error_for_status

MAX_BODY_BYTES = 10 * 2**20


class FaultMiddleware:
    """ASGI middleware for the request log, faults, and paths with or without a trailing slash."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith((API_ROOT, DOWNLOADS_ROOT)):
            # Pages and the control API are not part of the ARD API.
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        record = _record(scope, body)
        self._state.request_log.add(record)
        path = scope["path"].rstrip("/") or "/"
        scope = {**scope, "path": path, "raw_path": path.encode()}
        exchange = Exchange(self._app, scope, (receive, send), body, record=record, state=self._state)
        if len(body) > MAX_BODY_BYTES:
            exchange.response = Response.of_error(error_for_status(413))
        else:
            await self._apply_faults(exchange)
        await exchange.send()

    async def _apply_faults(self, exchange: Exchange) -> None:
        record = exchange.record
        fired = self._state.faults.fire(record.endpoint, record.dry_run)
        record.faults = [rule.kind for rule in fired]
        for rule in fired:
            if not exchange.closed:
                await KINDS[rule.kind].on_request(rule, exchange)
        if exchange.closed or exchange.response is not None:
            return
        await exchange.call_api()
        for rule in fired:
            if not exchange.closed:
                await KINDS[rule.kind].on_response(rule, exchange)


async def _read_body(receive: Receive) -> bytes:
    """Return the request body; one that is too large is received completely and returned in part."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if len(body) <= MAX_BODY_BYTES:
            body += message.get("body", b"")
        more = bool(message.get("more_body"))
    return bytes(body)


def _record(scope: Scope, body: bytes) -> RequestRecord:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path: str = scope["path"]
    content: Any = parse_body(body, headers.get("content-type", ""))
    if "authorization" in headers:
        headers["authorization"] = f"{headers['authorization'].split(' ')[0]} {REDACTED}"
    return RequestRecord(
        method=scope["method"],
        path=path,
        endpoint=f"{scope['method']} {path.removeprefix(API_ROOT).rstrip('/') or '/'}",
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers=headers,
        body=content,
        time=datetime.now(UTC),
    )
