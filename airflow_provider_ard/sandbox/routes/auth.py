"""`/auth`: login, token refresh, and the current user."""

import base64
import binascii
from typing import Any

from fastapi import APIRouter, Request

from airflow_provider_ard.sandbox.routes.dependencies import AccountState, request_body
from airflow_provider_ard.sandbox.validation import schemas
from airflow_provider_ard.sandbox.validation.errors import ApiError, bad_request, unauthorized
from airflow_provider_ard.sandbox.validation.orders import parse_object

router = APIRouter(prefix="/auth", tags=["Auth"])


@router.post("/authenticate", openapi_extra=request_body(schemas.LOGIN, "application/x-www-form-urlencoded"))
async def authenticate(request: Request, state: AccountState) -> dict[str, Any]:
    """Log in with a password or refresh a token; form fields or JSON."""
    fields = await _fields(request)
    grant = fields.get("grant_type", "password")
    if grant == "password":
        return state.tokens.password_login(_required(fields, "username"), _required(fields, "password"))
    if grant == "refresh_token":
        return state.tokens.refresh(_required(fields, "refresh_token"))
    raise bad_request(f"Unknown grant_type: {grant}")


@router.post(
    "/authenticate/oauth2/token",
    openapi_extra=request_body(schemas.CLIENT_LOGIN, "application/x-www-form-urlencoded"),
)
async def client_token(request: Request, state: AccountState) -> dict[str, Any]:
    """Log in with client credentials, sent as Basic authentication."""
    fields = await _fields(request)
    if fields.get("grant_type", "client_credentials") != "client_credentials":
        raise bad_request("grant_type must be client_credentials")
    return state.tokens.client_login(*_basic(request.headers.get("authorization")))


@router.get("/self")
async def current_user(request: Request, state: AccountState) -> dict[str, Any]:
    """Return the user of the access token and the limits of the account."""
    user = state.tokens.check(request.headers.get("authorization"))
    description = {
        "account_id": state.account.account_id,
        "user_id": user.user_id,
        "name": user.name,
        "email": user.login,
        "role": "admin" if user.admin else "user",
        "limits": state.billing.limits(),
    }
    return {"user": description}


async def _fields(request: Request) -> dict[str, Any]:
    """Return the fields of a form or JSON body."""
    if "json" in request.headers.get("content-type", ""):
        return parse_object(await request.body())
    form = await request.form()
    return {key: value for key, value in form.items() if isinstance(value, str)}


def _required(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise bad_request(f"{name} is required", "invalid_input")
    return value


def _basic(authorization: str | None) -> tuple[str, str]:
    error: ApiError = unauthorized("Client credentials are required: send them as Authorization: Basic")
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        raise error
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as cause:
        raise error from cause
    if not colon:
        raise error
    return client_id, secret
