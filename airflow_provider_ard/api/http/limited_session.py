"""A session of `requests` that limits the total time and the size of each response.

The timeouts of `requests` only limit the time between two bytes: a response that arrives byte by byte, in its headers
or its body, would last for days. So each read from the socket waits no longer than what is left of the `time_limit`.
The name lookup has the limit of the operating system, and connecting and sending have the connect timeout, for each
address and for each block sent.
"""

from __future__ import annotations

import http.client
import io
import math
from functools import cache
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from airflow_provider_ard.api.http.time_limit import seconds_left, time_limit

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from urllib3 import HTTPConnectionPool, PoolManager

CONNECT_TIMEOUT_S = 10.0
# A page of 100 orders with large AOIs takes some megabytes, the results of a large Select some tens of megabytes.
MAX_RESPONSE_BYTES = 256 * 1024**2
# The total time of an exchange, in read timeouts: large results over a slow connection take minutes.
TOTAL_READ_TIMEOUTS = 5


class ResponseTooLarge(requests.RequestException):
    """A response is larger than `MAX_RESPONSE_BYTES`."""


class LimitedSession(requests.Session):
    """A session whose exchanges take at most five read timeouts, and whose responses have at most 256 MB.

    `timeout`: read timeout in seconds; the connect timeout is the same, but at most 10 s. Raises the errors of
    `requests`, and TimeoutError if an outer `time_limit` has passed before the request.
    """

    def __init__(self, *, verify: bool | str, timeout: float) -> None:
        super().__init__()
        self.timeout = timeout
        # Not the attribute `verify`, over which the environment's CA bundle takes precedence.
        self._verify = verify
        for scheme in ("https://", "http://"):
            self.mount(scheme, _LimitedAdapter())

    def exchange(self, method: str, url: str, **content: Any) -> requests.Response:
        """Send a request and return its complete response."""
        with time_limit(TOTAL_READ_TIMEOUTS * self.timeout):
            left = seconds_left()
            timeouts = (min(CONNECT_TIMEOUT_S, self.timeout, left), min(self.timeout, left))
            return self.request(method, url, verify=self._verify, timeout=timeouts, **content)


class _LimitedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _limit_responses(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        _limit_responses(manager)
        return manager

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = _LimitedResponse()
        vars(response).update(vars(super().build_response(req, resp)))
        return response


class _LimitedResponse(requests.Response):
    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[Any]:
        size = 0
        for chunk in super().iter_content(chunk_size, decode_unicode):
            size += len(chunk)
            if size > MAX_RESPONSE_BYTES:
                self.close()
                raise ResponseTooLarge
            yield chunk


class _TimedHTTPResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_TimedReader(sock, self.fp.detach()))


class _TimedReader(io.RawIOBase):
    """Reads from a socket, and waits for each byte no longer than what is left of the time limit."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._socket = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = seconds_left()
        if left < (self._socket.gettimeout() or math.inf):
            self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _limit_responses(manager: PoolManager) -> None:
    """Let the connections of a pool manager, which may be that of a proxy, read their responses within the limit."""
    manager.pool_classes_by_scheme = {
        scheme: _with_timed_responses(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@cache
def _with_timed_responses(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    connection: Any = pool.ConnectionCls
    if connection.response_class is _TimedHTTPResponse:
        return pool
    timed = type(connection.__name__, (connection,), {"response_class": _TimedHTTPResponse})
    return type(pool.__name__, (pool,), {"ConnectionCls": timed})
