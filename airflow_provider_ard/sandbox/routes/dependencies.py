"""What the routes share: who asks, and where the API is."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from airflow_provider_ard.sandbox.backend.accounts import User
from airflow_provider_ard.sandbox.backend.state import State
from airflow_provider_ard.sandbox.faults.middleware import API_ROOT
from airflow_provider_ard.sandbox.validation.errors import forbidden, not_found


async def _read(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_read)]


def login(state: State) -> Any:
    """Return the dependency of routes that need a good access token; `user` then tells whose it is."""

    def check(request: Request) -> None:
        request.state.user = state.tokens.check(request.headers.get("authorization"))

    return Depends(check)


def user(request: Request) -> User:
    """Return who asks."""
    found: User = request.state.user
    return found


def admin(request: Request) -> User:
    """Return who asks; raises a 403 unless it is an administrator."""
    asking = user(request)
    if not asking.admin:
        raise forbidden("This needs the role of an administrator")
    return asking


def check_account(state: State, account_id: str) -> None:
    """Raise a 404 for an account that is not the user's own."""
    if account_id != state.account.account_id:
        raise not_found(f"There is no account {account_id}")


def api_url_builder(request: Request) -> Callable[[str], str]:
    """Return what makes a path below the API's root a URL, as the client knows the server."""
    return lambda path: f"{base(request)}{API_ROOT}{path}"


def base(request: Request) -> str:
    """Return scheme and authority of the server, as the client knows it."""
    return f"{request.url.scheme}://{request.headers.get('host') or request.url.netloc}"


def request_body(schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    """Return what the API's description says of a body that the routes read themselves."""
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def parameters(**described: str) -> dict[str, Any]:
    """Return what the API's description says of query parameters that the routes read themselves."""
    return {
        "parameters": [
            {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
            for name, text in described.items()
        ]
    }
