"""Parse the fields of a Connection. An invalid field raises an `ArdRequestError` that names it."""

from __future__ import annotations

import json
import os.path
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import none_if_blank, parse_literal
from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_ard.api.budgets import Budget
    from airflow_provider_ard.version_compat import Connection

# Prefix of an extra's name in errors.
EXTRA = "the Connection's extra "
# Sockets raise an OverflowError for some hundred years.
LONGEST_TIMEOUT_S = 86_400.0
_OBJECT = 'a JSON object like {"timeout": 30}'


def host(connection: Connection) -> str | None:
    """Return the API's address, including the Port if it applies; None for the default."""
    address = (connection.host or "").strip()
    if not address or not port_applies(connection):
        return address or None
    scheme, mark, rest = address.rpartition("://")
    name, slash, path = rest.partition("/")
    return f"{scheme}{mark}{name}:{connection.port}{slash}{path}"


def port_applies(connection: Connection) -> bool:
    """Return whether the field Port applies: not for an address with a port, nor for the default address."""
    name = (connection.host or "").rpartition("://")[2].partition("/")[0]
    return bool(connection.port and name and ":" not in name)


def extras(connection: Connection) -> Mapping[str, Any]:
    """Return the extras without the whitespace around them, such as the line feed at the end of a file.

    Airflow ignores an Extra that is not JSON, which would hide a typo.
    """
    check_extra(connection.extra or "{}")
    # It masks the secrets in them.
    extra = connection.extra_dejson
    return {name: value.strip() if isinstance(value, str) else value for name, value in extra.items()}


def check_extra(extra: str) -> None:
    """Raise `ArdRequestError` unless the Extra is a JSON object."""
    try:
        value = json.loads(extra)
    except ValueError:
        raise ArdRequestError(f"expected {_OBJECT}, got invalid JSON", argument="extra") from None
    if not isinstance(value, dict):
        raise ArdRequestError(f"expected {_OBJECT}, got a {type(value).__name__}", argument="extra")


def string(value: object, name: str) -> str | None:
    """Return the extra `name`, None if it is empty."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _wrong(name, "a string", value)
    return value


def verify(value: object) -> bool | str:
    """Return the TLS verification: True, False or the path of a CA bundle."""
    if value is None or value == "":
        return True
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    if isinstance(value, bool):
        return value
    # Unlike a `Path`, it returns False for what cannot be a path, such as the content of the file.
    if isinstance(value, str) and os.path.exists(value):  # noqa: PTH110
        return value
    raise _wrong("verify", "true, false or the path of a CA bundle on this machine", value)


def timeout(value: object, default: float) -> float:
    """Return the timeout in seconds."""
    if value is None or value == "":
        return default
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMEOUT_S:
        raise _wrong("timeout", "seconds above 0, and at most a day", value)
    return seconds


def cells_key(value: object) -> str:
    """Return the key of the cell filter in requests."""
    if value in (None, ""):
        return "cells"
    if value not in ("cells", "cell_ids"):
        raise _wrong("cells_key", "cells or cell_ids", value)
    return str(value)


def namespace(value: object) -> str:
    """Return the namespace of idempotency keys, an empty string by default."""
    return (string(value, "namespace") or "").strip()


def budgets(value: object) -> tuple[Budget, ...]:
    """Return the budgets of all orders of the Connection, none by default. The form stores them as a string."""
    if none_if_blank(value) is None:
        return ()
    # A process that only polls needs none.
    from airflow_provider_ard.api.budgets import ACCOUNT_SCOPE, parse_budgets

    if isinstance(parse_literal(value), str):
        raise _wrong("budget", 'JSON like {"cost": 5000, "per": "month"}', value)
    return parse_budgets(value, argument=f"{EXTRA}budget", default_scope=ACCOUNT_SCOPE)


def credentials_ids(extra: Mapping[str, Any]) -> dict[str, str]:
    """Return the stored credentials: storage location -> `credentials_id`. The form stores them as a string."""
    value = extra.get("credentials_ids")
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
        raise _wrong("credentials_ids", 'JSON like {"gs://my-bucket": "our-stored-credentials"}', value)
    return {location: name.strip() for location, name in value.items()}


def _wrong(name: str, expected: str, value: object) -> ArdRequestError:
    # The message does not contain the value: it may be a secret in the wrong field.
    return ArdRequestError(f"expected {expected}, got a {type(value).__name__}", argument=f"{EXTRA}{name}")
