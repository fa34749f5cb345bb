"""Explain why a Connection is not defined. Airflow treats an environment variable that it cannot parse as missing."""

from __future__ import annotations

import json
import os

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.hooks.connection_fields import check_extra

VALID_FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")
_EXAMPLE = """JSON such as '{"conn_type": "ard", "login": "me@example.com", "password": "…"}'"""


def describe_missing_connection(ard_conn_id: str) -> str:
    """Return what to fix or to set. The message never contains the variable's value."""
    variable = f"AIRFLOW_CONN_{ard_conn_id.upper()}"
    if value := os.environ.get(variable, ""):
        return f"{variable} is set but cannot be parsed: {_describe_mistake(value.strip())}; set it to {_EXAMPLE}"
    return f"Connection {ard_conn_id!r} is not defined; add it to Airflow or set {variable} to {_EXAMPLE}"


def _describe_mistake(value: str) -> str:
    if not value.startswith("{"):
        return "expected a JSON object, or a URI like ard://user:password@host with special characters percent-encoded"
    try:
        fields = json.loads(value)
    except json.JSONDecodeError as error:
        return f"invalid JSON at line {error.lineno}, column {error.colno}"
    # The unknown name is not shown: it may be a value in the wrong field.
    unknown = fields.keys() - set(VALID_FIELDS)
    if extras := sorted(unknown & ARD_CONNECTION["conn-fields"].keys()):
        return f"{', '.join(extras)} belong in extra"
    if unknown:
        return f"unknown field; valid fields: {', '.join(VALID_FIELDS)}"
    extra = fields.get("extra") or {}
    try:
        # As Airflow stores it.
        check_extra(extra if isinstance(extra, str) else json.dumps(extra))
    except ArdRequestError:
        return "extra must be a JSON object"
    return "the value of a field has the wrong type"
