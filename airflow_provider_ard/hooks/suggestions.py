"""Which Connection field to check, for each reason why the ARD API cannot be used."""

from __future__ import annotations

from typing import NamedTuple

from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdNotFoundError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.hooks.connection_fields import EXTRA

_LABELS = ARD_CONNECTION["ui-field-behaviour"]["relabeling"] | {
    name: field["label"] for name, field in ARD_CONNECTION["conn-fields"].items()
}
_FIELDS = {*_LABELS, "extra"}
_PAIRS = {"login": ("login", "password"), "client_id": ("client_id", "client_secret")}


class Suggestion(NamedTuple):
    """How to fix an error. `fields`: names of the Connection fields to check, none if another cause is more likely."""

    text: str
    fields: tuple[str, ...] = ()


def suggest_fix(error: ArdError, *, with_port: bool = False) -> Suggestion | None:
    """Return how to fix an error, None if unknown. `with_port`: the Connection's Port is part of the address."""
    setting = error.setting
    if isinstance(error, ArdRequestError) and error.argument:
        setting = error.argument.removeprefix(EXTRA)
    elif isinstance(error, ArdNotFoundError) and setting is None:
        setting = "host"
    if setting is not None and setting in _FIELDS:
        fields = ("host", "port") if setting == "host" and with_port else _PAIRS.get(setting, (setting,))
        return Suggestion(f"Check: {' or '.join(_label(name) for name in fields)}.", fields)
    if isinstance(error, ArdAuthError) and error.status == 403:
        return Suggestion("The login is valid, but lacks this permission: ask the administrator of the account.")
    if isinstance(error, ArdUnavailableError):
        return Suggestion("The API is unavailable now; no field has to be changed. Try again later.")
    return None


def _label(name: str) -> str:
    return str(_LABELS.get(name, name.capitalize()))
