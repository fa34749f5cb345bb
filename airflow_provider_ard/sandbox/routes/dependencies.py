"""Shared by the routes: the sandbox of a request, authentication, URLs and OpenAPI fragments."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from airflow_provider_ard.sandbox.backend.accounts import User
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.backend.tenants import Tenants
from airflow_provider_ard.sandbox.paths import API_ROOT
from airflow_provider_ard.sandbox.validation.errors import forbidden, not_found

# Keys of a request's scope: the sandbox that it was sent to, and the account that it is of.
TENANTS, STATE = "ard_tenants", "ard_state"


async def _tenants(request: Request) -> Tenants:
    tenants: Tenants = request.scope[TENANTS]
    return tenants


async def _state(request: Request) -> State:
    state: State = request.scope[STATE]
    return state


async def _read(request: Request) -> bytes:
    return await request.body()


AllAccounts = Annotated[Tenants, Depends(_tenants)]
AccountState = Annotated[State, Depends(_state)]
Body = Annotated[bytes, Depends(_read)]


def _check_login(request: Request, state: AccountState) -> None:
    request.state.user = state.tokens.check(request.headers.get("authorization"))


# Of routes that require a valid access token; see `current_user`.
LOGIN = Depends(_check_login)


def current_user(request: Request) -> User:
    """Return the user of the request's access token."""
    user: User = request.state.user
    return user


def check_account(state: State, account_id: str) -> None:
    """Raise a 404 for another account."""
    if account_id != state.account.account_id:
        raise not_found(f"Unknown account {account_id}")


def check_administrator(request: Request, state: State, account_id: str) -> None:
    """Raise a 403 unless the user of the request is an administrator, and a 404 for another account."""
    if not current_user(request).admin:
        raise forbidden("This requires the administrator role")
    check_account(state, account_id)


def api_url_builder(request: Request) -> Callable[[str], str]:
    """Return a function from an API path to its URL, with the host of the request."""
    return lambda path: f"{base_url(request)}{API_ROOT}{path}"


def base_url(request: Request) -> str:
    """Return the scheme and authority of the server, with the host of the request."""
    return f"{request.url.scheme}://{request.headers.get('host') or request.url.netloc}"


def request_body(schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    """Return the OpenAPI description of a body that the route parses itself."""
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def query_parameters(**descriptions: str) -> dict[str, Any]:
    """Return the OpenAPI description of query parameters that the route parses itself."""
    return {
        "parameters": [
            {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
            for name, description in descriptions.items()
        ]
    }
