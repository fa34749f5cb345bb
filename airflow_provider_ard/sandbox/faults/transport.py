"""Uvicorn's HTTP protocol with access to the connection, which faults reset or corrupt."""

import asyncio
import os
import socket
import struct
from itertools import count

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

TRANSPORT = "ard.transport"
IS_REUSED = "ard.is_reused"


class TransportProtocol(H11Protocol):
    """Adds to the ASGI scope the transport of the connection, and whether it has served a request before."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Add the facts of this connection to each of its requests."""
        super().connection_made(transport)
        app, requests = self.app, count()

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, TRANSPORT: transport, IS_REUSED: next(requests) > 0}, receive, send)

        self.app = with_transport

    def shutdown(self) -> None:
        """Close the connection immediately; a TLS client that keeps it open would delay the shutdown."""
        # Not `super().shutdown()` first: Python 3.11.2, that of Debian 12, cannot abort a TLS transport closed twice.
        self.transport.abort()


def reset_connection(transport: asyncio.Transport) -> None:
    """Reset the TCP connection."""
    # A linger time of zero makes the kernel send RST instead of FIN.
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def close_connection(transport: asyncio.Transport) -> None:
    """Close the connection after the data that has been written."""
    if not transport.is_closing():
        transport.close()


def break_tls(transport: asyncio.Transport) -> None:
    """Send plain text on the TLS connection, which the client rejects as an invalid record, and close it."""
    # Writes to the socket itself, below the TLS layer of the transport.
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as raw:
        raw.send(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
    transport.abort()
