"""The account of a login, and the credentials stored in it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# Value of a balance or limit that means unlimited.
UNLIMITED = -1


class StoredCredentials(BaseModel):
    """Credentials that an order can name by `credentials_id`; the API never returns the secret itself.

    `created` and `modified` are ISO 8601 times as the API returns them. Source: `registered_credentials` of
    `/admin/account/{id}/credentials`.
    """

    model_config = ConfigDict(extra="ignore")

    credentials_id: str
    account_id: str | int | None = None
    description: str | None = None
    created: str | None = None
    modified: str | None = None


class Account(BaseModel):
    """The account and user of a login. Source: `GET /auth/self`."""

    model_config = ConfigDict(extra="ignore")

    account_id: str | int | None = None
    user_id: str | int | None = None
    name: str | None = None
    email: str | None = None
    limits: dict[str, Any] = Field(default_factory=dict)
