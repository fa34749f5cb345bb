"""The outermost layer: every request passes here, is written down, and meets the faults in force."""

import asyncio
import json
import logging
import socket
import struct
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_ard.sandbox.backend.orders import PlannedOutcome
from airflow_provider_ard.sandbox.backend.request_log import REDACTED, RequestRecord, parse_body
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.faults.rules import Rule
from airflow_provider_ard.sandbox.validation.errors import ApiError, error_for_status

logger = logging.getLogger(__name__)

API_ROOT = "/api/v1"
DOWNLOADS_ROOT = "/signed"
MAX_BODY = 10 * 2**20
TRANSPORT = "ard.transport"
PLANNED_OUTCOME = "ard.planned_outcome"
_HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


class TransportProtocol(H11Protocol):
    """Uvicorn's HTTP protocol, which also tells the application the transport, so that it can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the transport to every request of this connection."""
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, TRANSPORT: transport}, receive, send)

        self.app = with_transport

    def shutdown(self) -> None:
        """Hang up at once when the server stops; a TLS client that keeps its connection would never let go."""
        super().shutdown()
        self.transport.abort()


class FaultMiddleware:
    """ASGI middleware around the API: request_log, faults, and paths with or without a closing slash."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith((API_ROOT, DOWNLOADS_ROOT)):
            # What is not the API's is the sandbox's own, and neither written down nor disturbed.
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        record = _record(scope, body)
        self._state.request_log.add(record)
        path = scope["path"].rstrip("/") or "/"
        scope = {**scope, "path": path, "raw_path": path.encode()}
        exchange = _Exchange(self._app, scope, (receive, send), body, record)
        if len(body) > MAX_BODY:
            await exchange.refuse(error_for_status(413))
        else:
            await self._serve(exchange)

    async def _serve(self, exchange: "_Exchange") -> None:
        record = exchange.record
        fired = self._state.faults.fire(record.endpoint, record.dry_run)
        record.faults = [rule.kind for rule in fired]
        for rule in fired:
            self._prepare(rule, exchange)
        for rule in fired:
            if await _meet(rule, exchange):
                return
        await exchange.call()
        await exchange.flush()

    def _prepare(self, rule: Rule, exchange: "_Exchange") -> None:
        match rule.kind:
            case "expire_token":
                headers = dict(exchange.scope["headers"])
                self._state.tokens.expire(headers.get(b"authorization", b"").decode("latin-1"))
            case "revoke_refresh_token":
                self._state.tokens.revoke_refresh_tokens()
            case "fail_order" | "fail_select":
                message = rule.message or "The request could not be processed"
                exchange.scope[PLANNED_OUTCOME] = PlannedOutcome(rule.final_status, message)
            case "stuck_order":
                exchange.scope[PLANNED_OUTCOME] = PlannedOutcome(None)


async def _meet(rule: Rule, exchange: "_Exchange") -> bool:
    """Do what a rule wants; True if the request has had its answer, or will never have one."""
    match rule.kind:
        case "latency":
            await asyncio.sleep(float(rule.seconds))  # type: ignore[arg-type]
            return False
        case "status":
            headers = {} if rule.retry_after is None else {"retry-after": str(rule.retry_after)}
            await exchange.refuse(error_for_status(rule.status or 500, rule.message), headers)
        case "gateway_html":
            await exchange.answer(rule.status or 502, "text/html", _HTML.format(rule.message or "Bad Gateway"))
        case "reset_before_accept":
            await exchange.cut()
        case "reset_after_accept":
            await exchange.call()
            await exchange.cut()
        case "error_after_accept":
            await exchange.call()
            await exchange.refuse(error_for_status(rule.status or 500, rule.message))
        case "empty_page":
            await exchange.answer(200, "application/json", json.dumps({"data": [], "has_more": True}))
        case _:
            return False
    return True


class _Exchange:
    """One request and its answer, held back until it is known what becomes of it."""

    def __init__(
        self, app: ASGIApp, scope: Scope, wire: tuple[Receive, Send], body: bytes, record: RequestRecord
    ) -> None:
        self.scope = scope
        self.record = record
        self._app = app
        self._receive, self._send = wire
        self._body: bytes | None = body
        self._held: list[Message] = []
        self._began = time.monotonic()

    async def call(self) -> None:
        """Let the API work on the request, and hold its answer back."""

        async def receive() -> Message:
            if self._body is None:
                return await self._receive()
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}

        async def hold(message: Message) -> None:
            self._held.append(message)

        try:
            await self._app(self.scope, receive, hold)
        except Exception:
            # The framework raises again what it has answered already; the answer is what counts.
            logger.exception("The sandbox failed on %s", self.record.endpoint)

    async def flush(self) -> None:
        """Send the answer that was held back."""
        self.record.seconds = time.monotonic() - self._began
        for message in self._held:
            if message["type"] == "http.response.start":
                self.record.status = message["status"]
            await self._send(message)

    async def refuse(self, error: ApiError, headers: dict[str, str] | None = None) -> None:
        """Answer with an error of the API."""
        await self.answer(error.status, "application/json", json.dumps(error.body()), headers)

    async def answer(self, status: int, content_type: str, text: str, headers: dict[str, str] | None = None) -> None:
        """Answer in place of the API."""
        body = text.encode()
        named = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
        self._held = [
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            },
            {"type": "http.response.body", "body": body},
        ]
        await self.flush()

    async def cut(self) -> None:
        """Reset the TCP connection, and wait until the server has taken notice."""
        self.record.seconds = time.monotonic() - self._began
        transport: asyncio.Transport = self.scope[TRANSPORT]
        # Lingering for zero seconds makes the kernel send RST where it would send FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _read(receive: Receive) -> bytes:
    """Return the body; of one that is too long, only enough to tell, though the client may send it all."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if len(body) <= MAX_BODY:
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
