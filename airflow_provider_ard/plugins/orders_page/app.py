"""The routes of the page. One router puts all routes with data behind Airflow's login."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import lru_cache, wraps
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import anyio
from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import StringConstraints
from starlette.middleware.gzip import GZipMiddleware

from airflow_provider_ard import __version__
from airflow_provider_ard.api.errors import ArdError, ArdNotFoundError
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.plugins.orders_page.access import (
    check_connection,
    check_task,
    readable_connections,
    readable_dags,
)
from airflow_provider_ard.plugins.orders_page.details import order_details
from airflow_provider_ard.plugins.orders_page.order_cache import OrderCaches, error_content
from airflow_provider_ard.plugins.orders_page.rows import Row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")
T = TypeVar("T")

STATIC = Path(str(resources.files("airflow_provider_ard.plugins.orders_page").joinpath("static")))
# The page loads from Airflow only, and is embedded in Airflow's own pages only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# Generations that a browser may know: one for each API server process and each change of the Connection.
MAX_GENERATIONS = 16
# Requests to the ARD API run in their own threads, so that a slow API cannot exhaust Airflow's.
MAX_THREADS = 16

ConnId = Annotated[str, Query(min_length=1, max_length=250)]
OrderId = Annotated[str, Query(min_length=1, max_length=200)]
KnownVersions = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]+:[0-9]{1,15}$")], ...], Query(max_length=MAX_GENERATIONS)
]
_lock = threading.Lock()


def get_app() -> FastAPI:
    """Return the application of this process."""
    with _lock:
        return _create_shared_app()


@lru_cache(maxsize=1)
def _create_shared_app() -> FastAPI:
    return create_app(OrderCaches())


def create_app(caches: OrderCaches) -> FastAPI:
    """Return an application over these caches."""
    app = FastAPI(title="ARD orders", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    app.include_router(_data(caches))
    app.add_exception_handler(ArdError, _handle_error)

    @app.get("/")
    def page() -> Response:
        """Return the page, without data: it requests them as the logged-in user."""
        text = (STATIC / "index.html").read_text(encoding="utf-8").replace("{version}", _static_version())
        return Response(text, media_type="text/html", headers={"Cache-Control": "no-cache"} | _SECURITY_HEADERS)

    # Browsers cache files below the versioned path for good; Airflow's menu uses the icons without it.
    app.mount(f"/static/{_static_version()}", _CachedFiles("public, max-age=31536000, immutable"))
    app.mount("/static", _CachedFiles("no-cache"))
    return app


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


_SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def _data(caches: OrderCaches) -> APIRouter:
    routes = APIRouter(prefix="/data", dependencies=[Depends(get_user)], default_response_class=PrivateResponse)
    threads = anyio.CapacityLimiter(MAX_THREADS)

    def in_thread(handler: Callable[P, T]) -> Callable[P, Awaitable[T]]:
        @wraps(handler)
        async def wait(*args: P.args, **kwargs: P.kwargs) -> T:
            return await anyio.to_thread.run_sync(lambda: handler(*args, **kwargs), limiter=threads)

        return wait

    @routes.get("/connections")
    def connections(user: GetUserDep) -> dict[str, Any]:
        """Return the Connections of type `ard` that the user may read."""
        return {"connections": readable_connections(user)}

    @routes.get("/orders")
    @in_thread
    def orders(user: GetUserDep, connection: ConnId, known_versions: KnownVersions = ()) -> Response:
        """Return the orders of a Connection that changed since the known versions of its generations."""
        check_connection(user, connection)
        versions = [item.partition(":") for item in known_versions]
        snapshot = caches.order_cache(connection).snapshot(
            {generation: int(version) for generation, _, version in versions}
        )
        dags = readable_dags(user) if any(row.dag for row in snapshot.rows) else set()
        return PrivateResponse(
            {**snapshot.metadata, "columns": Row._fields, "rows": [row.visible_to(dags) for row in snapshot.rows]}
        )

    @routes.get("/order")
    @in_thread
    def order(user: GetUserDep, connection: ConnId, order: OrderId) -> dict[str, Any]:
        """Return one order with its tiles."""
        check_connection(user, connection)
        return {"columns": Row._fields, **order_details(caches.client(connection), order, readable_dags(user))}

    @routes.get("/run")
    @in_thread
    def run(
        *, user: GetUserDep, connection: ConnId, dag_id: str, run_id: str, task_id: str, map_index: int = -1
    ) -> dict[str, Any]:
        """Return the orders that a task has placed through a Connection, or those of its DAG run if it has none."""
        check_task(user, dag_id)
        check_connection(user, connection)
        rows = caches.task_orders(connection).find(IdempotencyKey(dag_id, task_id, run_id, map_index))
        return {"columns": Row._fields, "rows": rows}

    return routes


class PrivateResponse(JSONResponse):
    """Data of one user, which must not be cached."""

    def init_headers(self, headers: Any = None) -> None:
        """Set the headers."""
        super().init_headers({"Cache-Control": "no-store", **_SECURITY_HEADERS, **(headers or {})})

    def render(self, content: Any) -> bytes:
        """Return compact JSON."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _handle_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ArdError)  # noqa: S101 -- registered for this class
    status = 404 if isinstance(error, ArdNotFoundError) else 502
    return PrivateResponse(error_content(error), status)


@lru_cache(maxsize=1)
def _static_version() -> str:
    """Return a digest of the static files, so that browsers request them again after an upgrade."""
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(STATIC.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
