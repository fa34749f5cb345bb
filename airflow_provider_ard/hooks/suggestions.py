"""Which field of the Connection to mend, for each way in which the ARD API can be out of reach."""

from __future__ import annotations

from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdNotFoundError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.hooks.connection_fields import EXTRA

_FORM = ARD_CONNECTION["ui-field-behaviour"]["relabeling"] | {
    name: field["label"] for name, field in ARD_CONNECTION["conn-fields"].items()
}
_FIELDS = {*_FORM, "extra"}
_PAIRS = {"login": ("login", "password"), "client_id": ("client_id", "client_secret")}


def suggest_fix(error: ArdError, *, by_port: bool = False) -> str | None:
    """Return a sentence that says which field to mend, by its label in the form; None where no field is to blame.

    `by_port`: whether the connection's Port is part of the address.
    """
    setting = error.setting
    if isinstance(error, ArdRequestError) and error.argument:
        setting = error.argument.removeprefix(EXTRA)
    elif isinstance(error, ArdNotFoundError) and setting is None:
        setting = "host"
    if setting is not None and setting in _FIELDS:
        fields = ("host", "port") if setting == "host" and by_port else _PAIRS.get(setting, (setting,))
        return f"Mend: {' or '.join(_label(name) for name in fields)}."
    if isinstance(error, ArdAuthError) and error.status == 403:
        return "The login is right, but it may not do this: ask the administrator of the account."
    if isinstance(error, ArdUnavailableError):
        return "No field is to blame: the API is not available now. Try again later."
    return None


def _label(name: str) -> str:
    return str(_FORM.get(name, name.capitalize()))
