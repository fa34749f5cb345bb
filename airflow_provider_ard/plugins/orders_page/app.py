"""The routes with data. One router puts all of them behind Airflow's login."""

from __future__ import annotations

import json
import threading
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import anyio
from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import StringConstraints

from airflow_provider_ard.api.errors import ArdError, ArdNotFoundError
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.plugins.orders_page.access import (
    check_connection,
    check_task,
    readable_connections,
    readable_dags,
)
from airflow_provider_ard.plugins.orders_page.caches import OrderCaches
from airflow_provider_ard.plugins.orders_page.details import order_details
from airflow_provider_ard.plugins.orders_page.order_cache import error_content
from airflow_provider_ard.plugins.orders_page.page_app import SECURITY_HEADERS
from airflow_provider_ard.plugins.orders_page.rows import Row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")
T = TypeVar("T")

# Generations that a browser may know: one for each API server process and each change of the Connection.
MAX_GENERATIONS = 16
# Requests to the ARD API run in their own threads, so that a slow API cannot exhaust Airflow's, nor images the page's.
MAX_THREADS = 16
MAX_QUICKLOOK_THREADS = 4

ConnId = Annotated[str, Query(min_length=1, max_length=250)]
OrderId = Annotated[str, Query(min_length=1, max_length=200)]
AcquisitionId = Annotated[str, Query(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
CellId = Annotated[str, Query(pattern=r"^Z[0-9]{2}-[0-3]{12}$")]
KnownVersions = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]+:[0-9]{1,15}$")], ...], Query(max_length=MAX_GENERATIONS)
]
PRIVATE_HEADERS = {"Cache-Control": "no-store", **SECURITY_HEADERS}
_lock = threading.Lock()


def get_app() -> FastAPI:
    """Return the application of this process. Thread-safe."""
    with _lock:
        return _create_shared_app()


@lru_cache(maxsize=1)
def _create_shared_app() -> FastAPI:
    return create_app(OrderCaches())


def create_app(caches: OrderCaches) -> FastAPI:
    """Return an application over these caches."""
    app = FastAPI(title="ARD orders", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_data(caches))
    app.add_exception_handler(ArdError, _handle_error)
    return app


def _data(caches: OrderCaches) -> APIRouter:
    routes = APIRouter(dependencies=[Depends(get_user)], default_response_class=PrivateResponse)
    in_thread, in_quicklook_thread = _in_threads(MAX_THREADS), _in_threads(MAX_QUICKLOOK_THREADS)

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
        rows = [row.visible_to(dags) for row in snapshot.rows]
        return PrivateResponse(
            {**snapshot.metadata, "budgets": caches.budgets(connection), "columns": Row._fields, "rows": rows}
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

    @routes.get("/quicklook")
    @in_quicklook_thread
    def quicklook(user: GetUserDep, connection: ConnId, acquisition: AcquisitionId, cell: CellId) -> Response:
        """Return the quicklook of a tile, an image."""
        check_connection(user, connection)
        image = caches.quicklooks(connection).get(acquisition, cell)
        return Response(image.content, media_type=image.media_type, headers=PRIVATE_HEADERS)

    return routes


def _in_threads(number: int) -> Callable[[Callable[P, T]], Callable[P, Awaitable[T]]]:
    """Return a decorator that runs a route in one of `number` threads."""
    threads = anyio.CapacityLimiter(number)

    def in_thread(handler: Callable[P, T]) -> Callable[P, Awaitable[T]]:
        @wraps(handler)
        async def wait(*args: P.args, **kwargs: P.kwargs) -> T:
            return await anyio.to_thread.run_sync(lambda: handler(*args, **kwargs), limiter=threads)

        return wait

    return in_thread


class PrivateResponse(JSONResponse):
    """Data of one user, which must not be cached."""

    def init_headers(self, headers: Any = None) -> None:
        """Set the headers."""
        super().init_headers({**PRIVATE_HEADERS, **(headers or {})})

    def render(self, content: Any) -> bytes:
        """Return compact JSON."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _handle_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ArdError)  # noqa: S101 -- registered for this class
    status = 404 if isinstance(error, ArdNotFoundError) else 502
    return PrivateResponse(error_content(error), status)
