"""The API as an ASGI application."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

from airflow_provider_ard.sandbox.errors import ApiError, of_status
from airflow_provider_ard.sandbox.gate import ROOT, Gate
from airflow_provider_ard.sandbox.routes import auth, orders
from airflow_provider_ard.sandbox.state import State


def build(state: State) -> ASGIApp:
    """Return the application over a state; every error it answers with has the API's shape."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    for module in (auth, orders):
        app.include_router(module.router(state), prefix=ROOT)

    @app.exception_handler(ApiError)
    async def refuse(_: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.body(), error.status)

    @app.exception_handler(HTTPException)
    async def framework(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse(of_status(error.status_code).body(), error.status_code)

    @app.exception_handler(RequestValidationError)
    async def unread(_: Request, __: RequestValidationError) -> JSONResponse:
        return JSONResponse(of_status(400).body(), 400)

    @app.exception_handler(Exception)
    async def crash(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse(of_status(500).body(), 500)

    return Gate(app, state)
