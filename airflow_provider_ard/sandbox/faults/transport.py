"""Uvicorn's HTTP protocol with access to the connection, which faults reset or corrupt."""

import asyncio
import os
import socket
import struct

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

TRANSPORT = "ard.transport"


class TransportProtocol(H11Protocol):
    """Adds the transport of the connection to the ASGI scope, under `TRANSPORT`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Add the transport to every request of this connection."""
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, TRANSPORT: transport}, receive, send)

        self.app = with_transport

    def shutdown(self) -> None:
        """Close the connection immediately; a TLS client that keeps it open would delay the shutdown."""
        super().shutdown()
        self.transport.abort()


def reset_connection(transport: asyncio.Transport) -> None:
    """Reset the TCP connection."""
    # A linger time of zero makes the kernel send RST instead of FIN.
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def close_connection(transport: asyncio.Transport) -> None:
    """Close the connection after the data that has been written."""
    transport.close()


def break_tls(transport: asyncio.Transport) -> None:
    """Send plain text on the TLS connection, which the client rejects as an invalid record, and close it."""
    # Writes to the socket itself, below the TLS layer of the transport.
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as raw:
        raw.send(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
    transport.abort()
