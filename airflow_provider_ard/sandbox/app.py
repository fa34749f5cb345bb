"""The API as an ASGI application."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

from airflow_provider_ard.sandbox.backend.state import State
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


def create_app(state: State) -> ASGIApp:
    """Return the application for a state; every error response has the API's form."""
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
    app.include_router(select.downloads(state))
    app.include_router(control.router(state))
    app.include_router(pages.router())

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

    return FaultMiddleware(app, state)
