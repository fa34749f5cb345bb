"""A server that sends the bytes of a response as a test wants them, also such as no HTTP server would send."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def response(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """Return a complete response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def raw_server(serve: Callable[[socket.socket], object]) -> Iterator[str]:
    """Yield the URL of a server that calls `serve` with each connection, whose first request it has read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def send(content: bytes) -> Callable[[socket.socket], object]:
    """Return a function that sends the bytes at once."""
    return lambda connection: connection.sendall(content)


def trickle(content: bytes, pause: float = 0.05, *, after: bytes = b"") -> Callable[[socket.socket], object]:
    """Return a function that sends bytes one by one, `after` others; `pause`: seconds before each."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(after)
        for byte in content:
            time.sleep(pause)
            connection.sendall(bytes([byte]))

    return serve


def _accept(listener: socket.socket, serve: Callable[[socket.socket], object]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, serve), daemon=True).start()


def _serve(connection: socket.socket, serve: Callable[[socket.socket], object]) -> None:
    with connection, suppress(OSError):
        connection.recv(65536)
        serve(connection)
