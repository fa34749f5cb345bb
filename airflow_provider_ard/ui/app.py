"""The page's routes. Those with data are behind Airflow's login, all of them by way of one router."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from airflow_provider_ard import __version__
from airflow_provider_ard.api.errors import ArdError, ArdNotFoundError
from airflow_provider_ard.api.placement import TAG_PREFIX
from airflow_provider_ard.hooks.advice import advice
from airflow_provider_ard.ui.access import check_connection, check_task, readable_connections, readable_dags
from airflow_provider_ard.ui.book import OrderBook, Shelf
from airflow_provider_ard.ui.details import details_of
from airflow_provider_ard.ui.rows import Row, row_of

STATIC = Path(str(resources.files("airflow_provider_ard.ui").joinpath("static")))
# The page loads from Airflow alone, and stands in no frame but Airflow's own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# Orders of one DAG run: one for each mapped task instance, and more where some failed.
MOST_OF_A_RUN = 1_000

ConnId = Annotated[str, Query(min_length=1, max_length=250)]
OrderId = Annotated[str, Query(min_length=1, max_length=200)]
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

    @routes.get("/connections")
    def connections(user: GetUserDep) -> dict[str, Any]:
        """Return the Connections of type `ard` that the user may read."""
        return {"connections": readable_connections(user)}

    @routes.get("/orders")
    def orders(user: GetUserDep, connection: ConnId, since: int = 0, era: str = "") -> Response:
        """Return the orders of a Connection, those that have changed since an earlier answer of the same era."""
        check_connection(user, connection)
        look = shelf.book(connection).look(since, era)
        dags = readable_dags(user) if any(row.dag for row in look.rows) else set()
        return _Private({**look.facts, "columns": Row._fields, "rows": [row.seen_by(dags) for row in look.rows]})

    @routes.get("/order")
    def order(user: GetUserDep, connection: ConnId, order: OrderId) -> dict[str, Any]:
        """Return one order with its tiles."""
        check_connection(user, connection)
        return details_of(shelf.book(connection).client(), order, readable_dags(user))

    @routes.get("/run")
    def run(user: GetUserDep, connection: ConnId, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return the orders that the tasks of a DAG run have placed through a Connection."""
        check_task(user, dag_id)
        check_connection(user, connection)
        return {"columns": Row._fields, "rows": _rows_of_run(shelf.book(connection), dag_id, run_id)}

    return routes


def _rows_of_run(book: OrderBook, dag_id: str, run_id: str) -> list[Row]:
    found = book.client().list_orders(filter=f"metadata.{TAG_PREFIX}run_id:{run_id}", limit=MOST_OF_A_RUN)
    rows = (row_of(order) for order in found)
    # A filter that the API ignores must not show another run's orders.
    return [row for row in rows if row.dag == dag_id and row.run == run_id]


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
    return _Private({"detail": error.message, "advice": advice(error)}, status)


@lru_cache(maxsize=1)
def _mark() -> str:
    """Return what changes with the page's files, so that a browser fetches new ones after an upgrade."""
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(STATIC.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
