"""The page's routes. Those with data are behind Airflow's login, all of them by way of one router."""

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
from airflow_provider_ard.hooks.suggestions import suggest_fix
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.plugins.orders_page.access import (
    check_connection,
    check_task,
    readable_connections,
    readable_dags,
)
from airflow_provider_ard.plugins.orders_page.details import details_of
from airflow_provider_ard.plugins.orders_page.order_cache import Shelf
from airflow_provider_ard.plugins.orders_page.rows import Row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")
T = TypeVar("T")

STATIC = Path(str(resources.files("airflow_provider_ard.plugins.orders_page").joinpath("static")))
# The page loads from Airflow alone, and stands in no frame but Airflow's own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# Eras that somebody may know of: as many API servers and changes of the Connection.
MOST_ERAS = 16
# Whatever may wait for the ARD API does so in threads of its own: Airflow's go on answering, however slow it is.
THREADS = 16

ConnId = Annotated[str, Query(min_length=1, max_length=250)]
OrderId = Annotated[str, Query(min_length=1, max_length=200)]
Seen = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]+:[0-9]{1,15}$")], ...], Query(max_length=MOST_ERAS)
]
_lock = threading.Lock()


def the_app() -> FastAPI:
    """Return the one application of this process."""
    with _lock:
        return _made()


@lru_cache(maxsize=1)
def _made() -> FastAPI:
    return make_app(Shelf())


def make_app(shelf: Shelf) -> FastAPI:
    """Return the application over the books of a shelf."""
    app = FastAPI(title="ARD orders", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    app.include_router(_data(shelf))
    app.add_exception_handler(ArdError, _refused)

    @app.get("/")
    def page() -> Response:
        """Return the page: without any data, which it fetches as who is logged in."""
        text = (STATIC / "index.html").read_text(encoding="utf-8").replace("{version}", _mark())
        return Response(text, media_type="text/html", headers={"Cache-Control": "no-cache"} | _SAFE)

    # Below a name that changes with the files, browsers keep them for good; Airflow's menu asks for the icons without.
    app.mount(f"/static/{_mark()}", _Files("public, max-age=31536000, immutable"))
    app.mount("/static", _Files("no-cache"))
    return app


class _Files(StaticFiles):
    """The page's own files, with what caches may do with them."""

    def __init__(self, caching: str) -> None:
        super().__init__(directory=STATIC)
        self._caching = caching

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file."""
        response = super().file_response(*args, **kwargs)
        response.headers.update({"Cache-Control": self._caching, "X-Content-Type-Options": "nosniff"})
        return response


_SAFE = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


def _data(shelf: Shelf) -> APIRouter:
    routes = APIRouter(prefix="/data", dependencies=[Depends(get_user)], default_response_class=_Private)
    threads = anyio.CapacityLimiter(THREADS)

    def aside(answer: Callable[P, T]) -> Callable[P, Awaitable[T]]:
        @wraps(answer)
        async def wait(*args: P.args, **kwargs: P.kwargs) -> T:
            return await anyio.to_thread.run_sync(lambda: answer(*args, **kwargs), limiter=threads)

        return wait

    @routes.get("/connections")
    def connections(user: GetUserDep) -> dict[str, Any]:
        """Return the Connections of type `ard` that the user may read."""
        return {"connections": readable_connections(user)}

    @routes.get("/orders")
    @aside
    def orders(user: GetUserDep, connection: ConnId, seen: Seen = ()) -> Response:
        """Return the orders of a Connection, those that have changed since an answer of the same era that was seen."""
        check_connection(user, connection)
        versions = [one.partition(":") for one in seen]
        look = shelf.book(connection).look({era: int(version) for era, _, version in versions})
        dags = readable_dags(user) if any(row.dag for row in look.rows) else set()
        return _Private({**look.facts, "columns": Row._fields, "rows": [row.seen_by(dags) for row in look.rows]})

    @routes.get("/order")
    @aside
    def order(user: GetUserDep, connection: ConnId, order: OrderId) -> dict[str, Any]:
        """Return one order with its tiles."""
        check_connection(user, connection)
        return {"columns": Row._fields, **details_of(shelf.client(connection), order, readable_dags(user))}

    @routes.get("/run")
    @aside
    def run(
        *, user: GetUserDep, connection: ConnId, dag_id: str, run_id: str, task_id: str, map_index: int = -1
    ) -> dict[str, Any]:
        """Return the orders that a task has placed through a Connection, or else those of its DAG run."""
        check_task(user, dag_id)
        check_connection(user, connection)
        rows = shelf.tasks(connection).look(IdempotencyKey(dag_id, task_id, run_id, map_index))
        return {"columns": Row._fields, "rows": rows}

    return routes


class _Private(JSONResponse):
    """Data of one user: no cache keeps it."""

    def init_headers(self, headers: Any = None) -> None:
        """Set the headers."""
        super().init_headers({"Cache-Control": "no-store", **_SAFE, **(headers or {})})

    def render(self, content: Any) -> bytes:
        """Return compact JSON."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ArdError)  # noqa: S101 -- what it is registered for
    status = 404 if isinstance(error, ArdNotFoundError) else 502
    return _Private({"detail": error.message, "advice": suggest_fix(error)}, status)


@lru_cache(maxsize=1)
def _mark() -> str:
    """Return what changes with the page's files, so that a browser fetches new ones after an upgrade."""
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(STATIC.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
