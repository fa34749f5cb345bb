"""An ASGI application served by uvicorn in a thread."""

import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from airflow_provider_ard.sandbox.faults.transport import TransportProtocol
from airflow_provider_ard.sandbox.tls import TlsFiles

START_TIMEOUT = 20.0
# Longer than the usual poll interval of a minute; uvicorn's own 5 s would race with polls that are 5 s apart.
KEEP_ALIVE_S = 75


class HttpServer:
    """Serves `app` on `host` and `port`; port 0 picks a free one, which `stop()` and `start()` keep."""

    def __init__(self, app: ASGIApp, host: str, port: int, tls: TlsFiles | None = None) -> None:
        self.app = app
        self.tls = tls
        self._host = host
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port, without a path or a trailing slash; final once the server has started."""
        return f"{'https' if self.tls else 'http'}://{self._host}:{self._port}"

    def start(self) -> None:
        """Listen, and return when requests are served.

        Raises RuntimeError if the server is running already or does not start, OSError if it cannot bind.
        """
        if self._thread is not None:
            raise RuntimeError("the sandbox is running already")
        listener = self._bind()
        config = uvicorn.Config(
            self.app,
            http=TransportProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=KEEP_ALIVE_S,
            ssl_certfile=str(self.tls.server) if self.tls else None,
        )
        server = self._server = uvicorn.Server(config)
        thread = self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="ard-sandbox", daemon=True
        )
        thread.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start; see its log")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop listening and close every connection; a server that is not running is no error."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._server = self._thread = None

    def _bind(self) -> socket.socket:
        # Without an explicit protocol, asyncio leaves Nagle's algorithm on and every response takes 40 ms longer.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        return listener
