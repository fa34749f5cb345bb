"""An HTTP proxy for tests: forwards plain requests and CONNECT tunnels, and passes on connection resets."""

import re
import socket
import socketserver
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

_BUFFER = 65_536
_TIMEOUT = 60.0
_CONNECT = re.compile(rb"CONNECT ([^ :]+):(\d+) HTTP/")
_ABSOLUTE = re.compile(rb"([A-Z]+) http://([^/ :]+):(\d+)(/?)")


class Proxy:
    """An HTTP proxy in a thread, to test clients behind `HTTP_PROXY` and `HTTPS_PROXY`.

    A reset of the upstream connection resets the client's connection, so `reset_before_accept`, `reset_after_accept`
    and the other connection faults of a sandbox also work through the proxy:

        with Sandbox() as ard, Proxy() as proxy:
            ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
            requests.post(f"{ard.url}/api/v1/order/", proxies={"http": proxy.url}, ...)

    `targets` are the host and port of each forwarded connection, in order.
    """

    def __init__(self) -> None:
        self.targets: list[tuple[str, int]] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, name="ard-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """URL of the proxy."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    proxy: Proxy

    def shutdown_request(self, request: Any) -> None:
        """Close the connection without sending FIN first, which would precede a reset."""
        self.close_request(request)


class _Handler(socketserver.BaseRequestHandler):
    """One connection of a client."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        """Connect to the target of the first request, and forward data in both directions."""
        self._is_reset = threading.Event()
        self.request.settimeout(_TIMEOUT)
        head = self.request.recv(_BUFFER)
        connect, absolute = _CONNECT.match(head), _ABSOLUTE.match(head)
        if connect is not None:
            host, port = connect.groups()
        elif absolute is not None:
            _, host, port, _ = absolute.groups()
        else:
            return
        target = host.decode("latin-1"), int(port)
        self.server.proxy.targets.append(target)
        try:
            upstream = socket.create_connection(target, timeout=_TIMEOUT)
        except OSError:
            self.request.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        with upstream:
            if connect is not None:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                upstream.sendall(_origin_form(head))
            back = threading.Thread(target=self._forward, args=(upstream, self.request), daemon=True)
            back.start()
            self._forward(self.request, upstream, plain=connect is None)
            back.join()

    def _forward(self, source: socket.socket, target: socket.socket, *, plain: bool = False) -> None:
        """Forward data until one side closes or resets its connection."""
        try:
            while data := source.recv(_BUFFER):
                target.sendall(_origin_form(data) if plain else data)
        except OSError:
            self._is_reset.set()
            for connection in (source, target):
                # With a linger time of zero, closing the connection sends RST.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for connection in (source, target):
            # Ends the other direction, which may be waiting for data. Writing ends with FIN, so not before a reset.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD if self._is_reset.is_set() else socket.SHUT_RDWR)


def _origin_form(data: bytes) -> bytes:
    """Replace the URL at the start of a request by its path, which origin servers expect."""
    return _ABSOLUTE.sub(rb"\1 /", data, count=1) if _ABSOLUTE.match(data) else data
