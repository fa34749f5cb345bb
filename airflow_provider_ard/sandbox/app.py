"""The API as an ASGI application."""

from functools import cached_property
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.backend.tenants import Tenants
from airflow_provider_ard.sandbox.faults.middleware import FaultMiddleware
from airflow_provider_ard.sandbox.paths import API_ROOT
from airflow_provider_ard.sandbox.routes import admin, auth, control, metadata, monitors, orders, pages, select
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
    """ASGI middleware that serves the requests of the other account, whose access token they carry.

    Logins and everything without a token of that account go to `app`, the application of the first account.
    """

    def __init__(self, app: ASGIApp, other: State) -> None:
        self._app = app
        self._other = other

    @cached_property
    def _other_app(self) -> ASGIApp:
        # Few sandboxes need it, and an application takes long to create.
        return _create_api(self._other)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = dict(scope.get("headers", ()))
        account_id = self._other.tokens.account_id(headers.get(b"authorization", b"").decode("latin-1"))
        is_other = account_id == self._other.account.account_id and scope["path"].startswith(API_ROOT)
        await (self._other_app if is_other else self._app)(scope, receive, send)


def create_app(tenants: Tenants) -> ASGIApp:
    """Return the application of a sandbox."""
    app = _create_api(tenants.first)
    for state in tenants.all:
        app.include_router(select.downloads(state))
    app.include_router(control.router(tenants))
    app.include_router(pages.router())
    return FaultMiddleware(AccountMiddleware(app, tenants.other), tenants.first)


def _create_api(state: State) -> FastAPI:
    """Return the API of an account; every error response has the API's form."""
    app = FastAPI(
        title="ARD sandbox",
        description="A local ARD API, and the control API of the sandbox itself.",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={400: _ERROR, 401: _ERROR, 403: _ERROR, 404: _ERROR},
    )
    for module in (auth, orders, select, metadata, admin, monitors):
        app.include_router(module.router(state), prefix=API_ROOT)
    app.include_router(metadata.browse(state), prefix=API_ROOT)

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
