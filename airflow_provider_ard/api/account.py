"""What an account keeps at the ARD API beside its orders."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StoredCredentials(BaseModel):
    """Credentials that an order can name by `credentials_id`; the API never returns the secret itself.

    `created` and `modified` are times as the API writes them, ISO 8601. Source: `registered_credentials` of
    `/admin/account/{id}/credentials`.
    """

    model_config = ConfigDict(extra="ignore")

    credentials_id: str
    account_id: str | int | None = None
    description: str | None = None
    created: str | None = None
    modified: str | None = None
