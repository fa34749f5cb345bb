"""One request and its response, which faults delay, replace, edit or drop."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_ard.sandbox.backend.request_log import RequestRecord
from airflow_provider_ard.sandbox.faults import transport
from airflow_provider_ard.sandbox.validation.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_ard.sandbox.backend.state import State

logger = logging.getLogger(__name__)

# Keys of the ASGI scope by which faults reach the routes.
PLANNED_OUTCOME = "ard.planned_outcome"
DELIVERY_DEFECTS = "ard.delivery_defects"
LIST_LAG = "ard.list_lag"

_WITHOUT_BODY = (204, 304)


@dataclass
class Response:
    """A complete HTTP response; header names are lower case."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_text(cls, status: int, content_type: str, text: str | bytes) -> "Response":
        """Return a response with a text body."""
        return cls(status, text.encode() if isinstance(text, str) else text, {"content-type": content_type})

    @classmethod
    def of_error(cls, error: ApiError, headers: Mapping[str, str] | None = None) -> "Response":
        """Return an error response of the API."""
        response = cls.of_text(error.status, "application/json", json.dumps(error.body()))
        response.headers |= headers or {}
        return response


class Exchange:
    """One request and its response, which is held back until the faults have been applied.

    `response` is None until the API or a fault has responded; `closed` is set once the response has been sent or
    the connection has been dropped.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        channel: tuple[Receive, Send],
        body: bytes,
        *,
        record: RequestRecord,
        state: "State",
    ) -> None:
        self.scope = scope
        self.record = record
        self.state = state
        self.request_body = body
        self.response: Response | None = None
        self.closed = False
        self._app = app
        self._receive, self._send = channel
        self._body: bytes | None = body
        self._start = time.monotonic()

    @property
    def is_reused(self) -> bool:
        """Whether the connection has served a request before."""
        return bool(self.scope.get(transport.IS_REUSED))

    def has_query_parameter(self, name: str) -> bool:
        """Return whether the request has a query parameter with a value."""
        return name in dict(parse_qsl(self.scope["query_string"].decode("latin-1")))

    def remove_body_field(self, name: str) -> None:
        """Remove a field of the request's JSON object before the API processes it."""
        content = json.loads(self.request_body)
        content.pop(name, None)
        self._body = json.dumps(content).encode()

    def remove_query_parameter(self, name: str) -> None:
        """Remove a query parameter from the request before the API processes it."""
        query = parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        remaining = [(key, value) for key, value in query if key != name]
        self.scope["query_string"] = urlencode(remaining).encode("latin-1")

    async def call_api(self) -> None:
        """Let the API process the request, and hold its response."""
        messages: list[Message] = []

        async def receive() -> Message:
            if self._body is None:
                return await self._receive()
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}

        async def hold(message: Message) -> None:
            messages.append(message)

        try:
            await self._app(self.scope, receive, hold)
        except Exception:
            # Starlette raises exceptions again after it has responded with a 500; that response is sent.
            logger.exception("The sandbox failed on %s", self.record.endpoint)
        response = Response(500, b"")
        for message in messages:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = {
                    name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]
                }
            response.body += message.get("body", b"")
        self.response = response

    async def send(self) -> None:
        """Send the response."""
        if self.response is None or self.closed:
            return
        self._close()
        await self._start_response(self.response)
        await self._send({"type": "http.response.body", "body": self.response.body})

    async def truncate(self) -> None:
        """Send the first half of the response, with the length of all of it, and close the connection."""
        if self.response is None:
            return
        body = self.response.body
        await self._start_response(self.response)
        await self._send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await self._drop(transport.close_connection)

    async def trickle(self, seconds: float) -> None:
        """Send the response byte by byte, with a pause before each."""
        if self.response is None:
            return
        self._close()
        await self._start_response(self.response)
        connection: asyncio.Transport = self.scope[transport.TRANSPORT]
        for byte in self.response.body:
            await asyncio.sleep(seconds)
            if connection.is_closing():
                return
            await self._send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def reset(self) -> None:
        """Reset the TCP connection instead of responding."""
        await self._drop(transport.reset_connection)

    async def close(self) -> None:
        """Close the TCP connection instead of responding."""
        await self._drop(transport.close_connection)

    async def break_tls(self) -> None:
        """Corrupt the TLS connection instead of responding."""
        await self._drop(transport.break_tls)

    async def _start_response(self, response: Response) -> None:
        self.record.status = response.status
        headers = dict(response.headers)
        if response.status in _WITHOUT_BODY:
            response.body = b""
        else:
            headers["content-length"] = str(len(response.body))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": response.status, "headers": encoded})

    async def _drop(self, drop: "Callable[[asyncio.Transport], None]") -> None:
        self._close()
        connection: asyncio.Transport = self.scope[transport.TRANSPORT]
        drop(connection)
        # Returning earlier would make uvicorn respond with a 500.
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _close(self) -> None:
        self.closed = True
        self.record.seconds = time.monotonic() - self._start
