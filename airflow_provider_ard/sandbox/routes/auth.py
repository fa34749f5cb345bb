"""`/auth`: logging in, renewing a token, asking who one is."""

import base64
import binascii
from typing import Any

from fastapi import APIRouter, Request

from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.routes.dependencies import request_body
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import ApiError, bad_request, unauthorized
from airflow_provider_ard.sandbox.validation.orders import parse_object


def router(state: State) -> APIRouter:
    """Return the routes of `/auth`."""
    routes = APIRouter(prefix="/auth", tags=["Auth"])

    @routes.post("/authenticate", openapi_extra=request_body(schemas.LOGIN, "application/x-www-form-urlencoded"))
    async def authenticate(request: Request) -> dict[str, Any]:
        """Log in by password, or renew a token; form fields or JSON."""
        fields = await _fields(request)
        grant = fields.get("grant_type", "password")
        if grant == "password":
            return state.tokens.password_login(_need(fields, "username"), _need(fields, "password"))
        if grant == "refresh_token":
            return state.tokens.refresh(_need(fields, "refresh_token"))
        raise bad_request(f"Unknown grant_type: {grant}")

    @routes.post(
        "/authenticate/oauth2/token",
        openapi_extra=request_body(schemas.CLIENT_LOGIN, "application/x-www-form-urlencoded"),
    )
    async def client_token(request: Request) -> dict[str, Any]:
        """Log in by client credentials, sent as Basic authentication."""
        fields = await _fields(request)
        if fields.get("grant_type", "client_credentials") != "client_credentials":
            raise bad_request("grant_type must be client_credentials here")
        return state.tokens.client_login(*_basic(request.headers.get("authorization")))

    @routes.get("/self")
    async def whoami(request: Request) -> dict[str, Any]:
        """Tell who the access token belongs to, and what the account may spend."""
        user = state.tokens.check(request.headers.get("authorization"))
        described = {
            "account_id": state.account.account_id,
            "user_id": user.user_id,
            "name": user.name,
            "email": user.login,
            "role": "admin" if user.admin else "user",
            "limits": state.billing.limits(),
        }
        return {"user": described}

    return routes


async def _fields(request: Request) -> dict[str, Any]:
    """Return the fields of a form or JSON body; whatever else is in it is of no concern."""
    if "json" in request.headers.get("content-type", ""):
        return parse_object(await request.body())
    form = await request.form()
    return {key: value for key, value in form.items() if isinstance(value, str)}


def _need(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise bad_request(f"{name} is required", "invalid_input")
    return value


def _basic(authorization: str | None) -> tuple[str, str]:
    refused: ApiError = unauthorized("Client credentials are needed: send them as Authorization: Basic")
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        raise refused
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refused from error
    if not colon:
        raise refused
    return client_id, secret
