"""One server for all contenders: the part of each API that a wait needs, 20 ms per response, with counters.

`python -m benchmarks.waiting.server` prints its address and serves until its standard input ends. Requests to
`/bench/…` control the measurement; they are neither counted nor delayed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from benchmarks.waiting.orders import Orders, id_of, number_of

if TYPE_CHECKING:
    from collections.abc import Callable

LATENCY_S = 0.02
KEEP_ALIVE_S = 600
_TOKEN = json.dumps(
    {"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 43200, "refresh_token": "refresh"}
).encode()

connections: set[tuple[str, int]] = set()


class Protocol(HttpToolsProtocol):
    """HTTP that notices when a connection ends, so the next one of the same port is counted again."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection."""
        if self.client:
            connections.discard(self.client)
        super().connection_lost(exc)


class ErrorResponse(Exception):  # noqa: N818 -- a response, not a fault
    """A response other than 200."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.body = status, json.dumps({"message": message, "code": "x", "type": "x"}).encode()


class Server:
    """The ASGI application, and its counters."""

    def __init__(self) -> None:
        self.orders = Orders(0)
        self.counts: Counter[str] = Counter()
        self._routes: dict[str, Callable[[str, dict[str, str], bytes], bytes]] = {
            "/api/v1/auth/authenticate": self._login,
            "/api/v1/order/status/": self._ard_status,
            "/api/v1/order/": self._ard_list,
            "/oidc/v1/token": self._login,
            "/api/2.2/jobs/runs/get": self._databricks,
            "/api/v2/accounts/1/runs/": self._dbt_cloud,
            "/v1/connectors/": self._fivetran,
            "/jobs/": self._http,
        }

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Respond to one request (ASGI)."""
        query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
        content = b""
        more = True
        while more:
            message = await receive()
            content += message.get("body", b"")
            more = message.get("more_body", False)
        status, body = 200, b""
        if scope["path"].startswith("/bench/"):
            body = self._control(scope["path"].removeprefix("/bench/"), query)
        else:
            self.counts["requests"] += 1
            if scope["client"] not in connections:
                connections.add(scope["client"])
                self.counts["connections"] += 1
            await asyncio.sleep(LATENCY_S)
            try:
                body = self._respond(scope["path"], query, content)
            except ErrorResponse as error:
                status, body = error.status, error.body
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _control(self, what: str, query: dict[str, str]) -> bytes:
        if what == "reset":
            self.counts.clear()
            self.orders = Orders(int(query["orders"]))
        elif what == "finish":
            return json.dumps({"begin": self.orders.finish(float(query["over"]))}).encode()
        return json.dumps(self.counts).encode()

    def _respond(self, path: str, query: dict[str, str], content: bytes) -> bytes:
        for prefix, handler in self._routes.items():
            if path.startswith(prefix):
                return handler(path[len(prefix) :].rstrip("/"), query, content)
        raise ErrorResponse(404, f"no such path: {path}")

    def _count(self, order_id: str) -> int:
        number = number_of(order_id)
        if number not in self.orders.rows:
            raise ErrorResponse(404, f"There is no order {order_id}")
        self.counts["statuses"] += number >= 0
        return number

    def _login(self, *_: object) -> bytes:
        self.counts["logins"] += 1
        return _TOKEN

    def _ard_status(self, rest: str, *_: object) -> bytes:
        return self.orders.row(self._count(rest))

    def _ard_list(self, rest: str, query: dict[str, str], _: bytes) -> bytes:
        if rest or query.keys() - {"limit", "start_date", "starting_after"}:
            raise ErrorResponse(400, f"not emulated: {rest} {query}")
        oldest = self.orders.since(query.get("start_date"))
        after = query.get("starting_after")
        newest = number_of(after) - 1 if after else self.orders.count - 1
        last = max(oldest, newest - int(query.get("limit", 100)) + 1)
        numbers = range(newest, last - 1, -1)
        self.counts["statuses"] += sum(number >= 0 for number in numbers)
        rows = b",".join(map(self.orders.row, numbers))
        return b'{"data":[' + rows + b'],"has_more":' + (b"true}" if last > oldest else b"false}")

    def _databricks(self, rest: str, _: dict[str, str], content: bytes) -> bytes:
        number = self._count(str(json.loads(content)["run_id"]))
        state = (
            '"life_cycle_state":"TERMINATED","result_state":"SUCCESS"'
            if self.orders.is_done(number)
            else '"life_cycle_state":"RUNNING"'
        )
        return f'{{"job_id":1,"run_id":{id_of(number)},"state":{{{state},"state_message":""}},"tasks":[]}}'.encode()

    def _dbt_cloud(self, rest: str, *_: object) -> bytes:
        number = self._count(rest)
        return f'{{"data":{{"id":{rest},"status":{10 if self.orders.is_done(number) else 3}}}}}'.encode()

    def _fivetran(self, rest: str, *_: object) -> bytes:
        done = self.orders.is_done(self._count(rest))
        succeeded, state = ("2026-02-01T00:00:00Z", "scheduled") if done else ("2026-01-01T00:00:00Z", "syncing")
        return (
            f'{{"code":"Success","data":{{"id":"{rest}","service":"s3","schema":"s","schedule_type":"auto","succeeded_at":'
            f'"{succeeded}","failed_at":null,"status":{{"setup_state":"connected","sync_state":"{state}"}}}}}}'
        ).encode()

    def _http(self, rest: str, *_: object) -> bytes:
        if not self.orders.is_done(self._count(rest)):
            raise ErrorResponse(404, "not yet")
        return b"{}"


class AnnouncingServer(uvicorn.Server):
    """Prints its address, and serves until the standard input ends."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, print the address, and wait for the end of the input."""
        await super().startup(sockets)
        assert sockets
        print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
        self._end = asyncio.create_task(self._wait_for_end())

    async def _wait_for_end(self) -> None:
        await asyncio.to_thread(sys.stdin.read)
        self.should_exit = True


def main() -> None:
    """Serve on a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            Server(),
            http=Protocol,
            loop="uvloop",
            lifespan="off",
            log_level="error",
            access_log=False,
            backlog=4096,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
        )
        AnnouncingServer(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
