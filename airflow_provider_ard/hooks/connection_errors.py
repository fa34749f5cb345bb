"""Why Airflow finds no Connection. It takes a variable that it cannot read for one that is not there."""

from __future__ import annotations

import json
import os

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.hooks.connection_fields import check_extra

FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")


def why_missing(ard_conn_id: str) -> str:
    """Say what to mend, or what to set where nothing is. What is in the variable is never shown."""
    variable = f"AIRFLOW_CONN_{ard_conn_id.upper()}"
    if value := os.environ.get(variable, ""):
        return f"{variable} is set but cannot be read: {_fault(value.strip())}; see docs/connection.md"
    return f"the connection {ard_conn_id!r} is not defined: set {variable}, or store it, see docs/connection.md"


def _fault(value: str) -> str:
    if not value.startswith("{"):
        return "wanted a JSON object, or a URI like ard://user:password@host with what is special in it quoted"
    try:
        given = json.loads(value)
    except json.JSONDecodeError as error:
        return f"the JSON has a mistake at line {error.lineno}, column {error.colno}"
    # An unknown name is not repeated: it may be a value in the wrong place.
    unknown = given.keys() - set(FIELDS)
    if extras := sorted(unknown & ARD_CONNECTION["conn-fields"].keys()):
        return f"{', '.join(extras)} must be inside of extra"
    if unknown:
        return f"it has a field that is none of {', '.join(FIELDS)}"
    extra = given.get("extra") or {}
    try:
        # As Airflow makes a text of it.
        check_extra(extra if isinstance(extra, str) else json.dumps(extra))
    except ArdRequestError:
        return "extra must be a JSON object"
    return "a field has a value of a wrong type"
