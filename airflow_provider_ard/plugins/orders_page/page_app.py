"""The page and its files. The routes with data are loaded when the page is requested: their imports take a moment."""

from __future__ import annotations

import asyncio
import hashlib
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from airflow_provider_ard import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

STATIC = Path(str(resources.files("airflow_provider_ard.plugins.orders_page").joinpath("static")))
# The page loads from Airflow only, and is embedded in Airflow's own pages only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def create_page_app(load_data_app: Callable[[], ASGIApp]) -> Starlette:
    """Return the application of the page. `load_data_app`: returns that of the routes below `/data`."""

    def page(_: Request) -> Response:
        """Return the page, without data: it requests them as the logged-in user."""
        text = (STATIC / "index.html").read_text(encoding="utf-8").replace("{version}", static_version())
        headers = {"Cache-Control": "no-cache"} | SECURITY_HEADERS
        # While the browser loads the page's files.
        return Response(text, media_type="text/html", headers=headers, background=BackgroundTask(load_data_app))

    return Starlette(
        routes=[
            Route("/", page),
            Mount("/data", _LoadedApp(load_data_app)),
            # Browsers cache files below the versioned path for good; Airflow's menu uses the icons without it.
            Mount(f"/static/{static_version()}", _CachedFiles("public, max-age=31536000, immutable")),
            Mount("/static", _CachedFiles("no-cache")),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)],
    )


class _LoadedApp:
    """An application that is loaded in a thread, off the event loop."""

    def __init__(self, load: Callable[[], ASGIApp]) -> None:
        self._load = load
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if self._app is None:
            self._app = await asyncio.to_thread(self._load)
        await self._app(scope, receive, send)


class _CachedFiles(StaticFiles):
    """Static files with a Cache-Control header."""

    def __init__(self, caching: str) -> None:
        super().__init__(directory=STATIC)
        self._caching = caching

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file."""
        response = super().file_response(*args, **kwargs)
        response.headers.update({"Cache-Control": self._caching, "X-Content-Type-Options": "nosniff"})
        return response


@lru_cache(maxsize=1)
def static_version() -> str:
    """Return a digest of the static files, so that browsers request them again after an upgrade."""
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(STATIC.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
