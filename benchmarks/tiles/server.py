"""An S3 server that is not the bottleneck: static documents in memory, each response after a fixed time.

`python -m benchmarks.tiles.server TILES LATENCY_MS` prints its address and serves until its standard input ends. It
supports what the readers of a delivery send, GET with ranges, HEAD and ListObjectsV2, and ignores signatures. `/count`
is the number of requests, which it resets.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import uvicorn

from benchmarks.tiles.documents import BUCKET, build_documents
from benchmarks.waiting.server import AnnouncingServer


class Storage:
    """The ASGI application."""

    def __init__(self, tiles: int, latency_ms: int) -> None:
        self._objects = build_documents(tiles)
        self._latency_s = latency_ms / 1000
        self._requests = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Respond to one request (ASGI)."""
        path = scope["path"].strip("/")
        if path == "count":
            body, self._requests = str(self._requests).encode(), 0
            await self._send(send, 200, body, {})
            return
        self._requests += 1
        await asyncio.sleep(self._latency_s)
        key = path.removeprefix(BUCKET).lstrip("/")
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        if "list-type" in query:
            await self._send(send, 200, self._listing(query.get("prefix", "")), {"content-type": "application/xml"})
        elif (content := self._objects.get(key)) is None:
            error = b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"
            await self._send(send, 404, error, {"content-type": "application/xml"})
        else:
            await self._send_object(scope, send, content)

    async def _send_object(self, scope: dict[str, Any], send: Any, content: bytes) -> None:
        headers = {"content-type": "application/json", "etag": '"1"', "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        requested = dict(scope["headers"]).get(b"range", b"").decode().removeprefix("bytes=")
        if scope["method"] == "HEAD":
            await self._send(send, 200, b"", headers | {"content-length": str(len(content))})
            return
        if not requested:
            await self._send(send, 200, content, headers)
            return
        first, _, last = requested.partition("-")
        start, end = int(first), min(int(last or len(content)), len(content) - 1)
        headers |= {"content-range": f"bytes {start}-{end}/{len(content)}"}
        await self._send(send, 206, content[start : end + 1], headers)

    def _listing(self, prefix: str) -> bytes:
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size><ETag>1</ETag>"
            "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
            for key, content in self._objects.items()
            if key.startswith(prefix)
        )
        head = f"<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>"
        return f"{head}{entries}</ListBucketResult>".encode()

    @staticmethod
    async def _send(send: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
        fields = {"content-length": str(len(body))} | headers
        encoded = [(name.encode(), value.encode()) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})


def main(tiles: int, latency_ms: int) -> None:
    """Serve on a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            Storage(tiles, latency_ms),
            http="httptools",
            loop="uvloop",
            lifespan="off",
            log_level="error",
            access_log=False,
        )
        AnnouncingServer(config).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
