"""IDs of Connections in arguments: a template may render to anything, and a URI there contains a password."""

from __future__ import annotations

import re

from airflow_provider_ard.api.arguments import none_if_blank, safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

# Airflow's metadata database accepts no other IDs.
_CONN_ID = r"[\w#!()\-.:/\\]{1,250}"


def check_conn_id(value: object, argument: str) -> str:
    """Return the ID of a Connection. Raises `ArdRequestError` for anything else; no message contains a URI."""
    is_uri = isinstance(value, str) and ("://" in value or "@" in value)
    if not isinstance(value, str) or is_uri or none_if_blank(value) is None or not re.fullmatch(_CONN_ID, value):
        received = "a URI" if is_uri else safe_repr(value)
        raise ArdRequestError(f"expected the ID of a Connection, got {received}", argument=argument)
    return value


def check_optional_conn_id(value: object, argument: str) -> str | None:
    """Return the ID of a Connection, None for a blank value. Raises `ArdRequestError` for anything else."""
    value = none_if_blank(value)
    return None if value is None else check_conn_id(value, argument)
