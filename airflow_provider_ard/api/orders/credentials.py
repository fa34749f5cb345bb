"""Credentials of a delivery to Google or Azure: passed with the order, or stored with the API under an ID.

No error of this module contains the value: it may be the secret, or a secret in the wrong argument.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from pathlib import Path

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.sas_url import parse_sas_url

_CREDENTIALS_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


def check_credentials_id(value: object, argument: str) -> None:
    """Raise `ArdRequestError` for an invalid ID of stored credentials."""
    if not isinstance(value, str) or not _CREDENTIALS_ID.fullmatch(value):
        received = f"{len(value)} characters with others" if isinstance(value, str) else f"a {type(value).__name__}"
        raise ArdRequestError(f"expected letters, digits, _ and - only, got {received}", argument=argument)


def parse_credentials(value: object, argument: str) -> str:
    """Return credentials in the form in which the API stores them: a SAS URL, or a service account's key as base64.

    Accepts the forms of an `output_config`: the URL; the key's path, JSON (string or dictionary) or base64.
    """
    if isinstance(value, str) and re.match(r"https?:", value.strip(), re.IGNORECASE):
        return parse_sas_url(value, argument)
    return parse_service_credentials(value, argument)


def parse_service_credentials(value: object, argument: str) -> str:
    """Return the key of a Google service account as base64, from its file's path, its JSON or base64 of it.

    A base64 string is returned unchanged, except for whitespace, which the `base64` tool inserts.
    """
    expected = "expected the path, base64 or JSON of a Google service account's key"
    if isinstance(value, Mapping):
        try:
            value = json.dumps(dict(value))
        except (TypeError, ValueError, RecursionError):
            raise ArdRequestError(f"{expected}, got a dictionary that is not JSON", argument=argument) from None
    if not isinstance(value, str):
        raise ArdRequestError(f"{expected}, got a {type(value).__name__}", argument=argument)
    text = value.strip()
    if text.startswith("{"):
        raw = text.encode(errors="surrogateescape")
        encoded = base64.b64encode(raw).decode()
    elif (decoded := _decoded(text)) is not None:
        raw, encoded = decoded, "".join(text.split())
    else:
        try:
            raw = Path(text).expanduser().read_bytes()
        except (OSError, ValueError, RuntimeError):
            raise ArdRequestError(
                f"{expected}, got a string that is none of these (no such readable file)", argument=argument
            ) from None
        encoded = base64.b64encode(raw).decode()
    _check_key(raw, f"{expected}, got", argument)
    return encoded


def _check_key(raw: bytes, expected: str, argument: str) -> None:
    try:
        key = json.loads(raw)
    except (ValueError, RecursionError):
        raise ArdRequestError(f"{expected} content that is not JSON", argument=argument) from None
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise ArdRequestError(f'{expected} JSON without "type": "service_account"', argument=argument)
    if not key.get("private_key") or not isinstance(key["private_key"], str):
        raise ArdRequestError(f"{expected} JSON without a private_key", argument=argument)


def _decoded(text: str) -> bytes | None:
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    # A short path such as `keys/prod` is valid base64 too; a key file begins with a brace.
    return raw if raw.lstrip()[:1] == b"{" else None


def stored_credentials_id(uri: str, credentials_ids: Mapping[str, str]) -> str | None:
    """Return the stored credentials ID for a location: the longest match, None if there is none."""
    matches = {location: name for location, name in credentials_ids.items() if _lies_in(uri, location)}
    if not matches:
        return None
    credentials_id = matches[max(matches, key=lambda location: len(location.rstrip("/")))]
    check_credentials_id(credentials_id, "credentials_ids (of the Connection)")
    return credentials_id


def _lies_in(uri: str, location: str) -> bool:
    scheme, _, path = location.strip().partition("://")
    location = f"{scheme.lower()}://{path.rstrip('/')}"
    return (location.endswith("://") and uri.startswith(location)) or uri == location or uri.startswith(f"{location}/")
