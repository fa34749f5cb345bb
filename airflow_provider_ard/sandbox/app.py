"""The API as an ASGI application."""

from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_ard.sandbox.backend.tenants import Tenants
from airflow_provider_ard.sandbox.faults.middleware import FaultMiddleware
from airflow_provider_ard.sandbox.paths import API_ROOT
from airflow_provider_ard.sandbox.routes import admin, auth, control, metadata, monitors, orders, pages, select
from airflow_provider_ard.sandbox.routes.dependencies import STATE, TENANTS
from airflow_provider_ard.sandbox.validation.errors import ApiError, error_for_status

_ERROR: dict[str, Any] = {
    "description": "An error of the API",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["message", "code", "type"],
                "properties": {name: {"type": "string"} for name in ("message", "code", "type")},
            }
        }
    },
}


class AccountMiddleware:
    """ASGI middleware that passes the sandbox and the account of a request to the routes.

    The account is that of the request's access token, for logins and everything without a token the first one.
    """

    def __init__(self, app: ASGIApp, tenants: Tenants) -> None:
        self._app = app
        self._tenants = tenants

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        tenants, headers = self._tenants, dict(scope.get("headers", ()))
        account_id = tenants.other.tokens.account_id(headers.get(b"authorization", b"").decode("latin-1"))
        is_other = account_id == tenants.other.account.account_id and scope["path"].startswith(API_ROOT)
        scope[TENANTS] = tenants
        scope[STATE] = tenants.other if is_other else tenants.first
        await self._app(scope, receive, send)


def create_app(tenants: Tenants) -> ASGIApp:
    """Return the application of a sandbox."""
    return FaultMiddleware(AccountMiddleware(_api(), tenants), tenants.first)


@cache
def _api() -> FastAPI:
    """Return the routes of all sandboxes of this process: creating them takes a tenth of a second.

    Every error response has the API's form.
    """
    app = FastAPI(
        title="ARD sandbox",
        description="A local ARD API, and the control API of the sandbox itself.",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={400: _ERROR, 401: _ERROR, 403: _ERROR, 404: _ERROR},
    )
    for router in (auth.router, orders.router, select.router, metadata.router, admin.router, monitors.router):
        app.include_router(router, prefix=API_ROOT)
    app.include_router(metadata.browse, prefix=API_ROOT)
    for router in (select.downloads, control.router, pages.router):
        app.include_router(router)

    @app.exception_handler(ApiError)
    async def api_error(_: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.body(), error.status)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse(error_for_status(error.status_code).body(), error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(_: Request, __: RequestValidationError) -> JSONResponse:
        return JSONResponse(error_for_status(400).body(), 400)

    @app.exception_handler(Exception)
    async def unexpected_error(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse(error_for_status(500).body(), 500)

    return app
