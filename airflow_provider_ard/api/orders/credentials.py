"""The credentials of a delivery to Google or Azure: given, or stored with the API and known by an id.

No error of this module repeats what came: it may be the secret, or the secret in the wrong place.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from airflow_provider_ard.api.errors import ArdRequestError

_CREDENTIALS_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


def check_credentials_id(value: object, where: str) -> None:
    """Raise `ArdRequestError` for what cannot be the id of stored credentials."""
    if not isinstance(value, str) or not _CREDENTIALS_ID.fullmatch(value):
        came = f"{len(value)} characters with others" if isinstance(value, str) else f"a {type(value).__name__}"
        raise ArdRequestError(f"wanted letters, digits, _ and - only, got {came}", argument=where)


def read_credentials(given: object, where: str) -> str:
    """Return what is stored for a later delivery: a SAS URL, or the key of a Google service account as base64.

    Takes what an `output_config` takes: the URL; the key's path, JSON (text or dictionary) or base64.
    """
    if isinstance(given, str) and re.match(r"https?:", given.strip(), re.IGNORECASE):
        return read_sas_url(given, where)
    return read_service_credentials(given, where)


def read_service_credentials(given: object, where: str) -> str:
    """Return the key of a Google service account as base64, from its file's path, its JSON or base64 of it.

    A base64 text is returned as it came, but for line breaks and blanks, which the `base64` tool puts in.
    """
    wish = "wanted a path, a base64 text or the JSON of a Google service account's key"
    if isinstance(given, Mapping):
        try:
            given = json.dumps(dict(given))
        except (TypeError, ValueError, RecursionError):
            raise ArdRequestError(f"{wish}, got a dictionary that JSON cannot hold", argument=where) from None
    if not isinstance(given, str):
        raise ArdRequestError(f"{wish}, got a {type(given).__name__}", argument=where)
    text = given.strip()
    if text.startswith("{"):
        raw = text.encode(errors="surrogateescape")
        encoded = base64.b64encode(raw).decode()
    elif (decoded := _decoded(text)) is not None:
        raw, encoded = decoded, "".join(text.split())
    else:
        try:
            raw = Path(text).expanduser().read_bytes()
        except (OSError, ValueError, RuntimeError):
            raise ArdRequestError(f"{wish}, got none of them (no such file can be read)", argument=where) from None
        encoded = base64.b64encode(raw).decode()
    _check_key(raw, f"{wish}, got", where)
    return encoded


def _check_key(raw: bytes, wish: str, where: str) -> None:
    try:
        key = json.loads(raw)
    except (ValueError, RecursionError):
        raise ArdRequestError(f"{wish} what is not JSON", argument=where) from None
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise ArdRequestError(f'{wish} JSON without "type": "service_account"', argument=where)
    if not key.get("private_key") or not isinstance(key["private_key"], str):
        raise ArdRequestError(f"{wish} JSON without a private_key", argument=where)


def _decoded(text: str) -> bytes | None:
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    # A short path such as `keys/prod` is valid base64 too; a key file begins with a brace.
    return raw if raw.lstrip()[:1] == b"{" else None


def read_sas_url(given: object, where: str) -> str:
    """Return the SAS URL of an Azure container; `ArdRequestError` for what is none, and for one that has expired."""
    wish = "wanted an https SAS URL with a signature (sig=…)"
    if not isinstance(given, str):
        raise ArdRequestError(f"{wish}, got a {type(given).__name__}", argument=where)
    url = given.strip()
    try:
        parts = urlsplit(url)
        host, query = parts.hostname, parse_qs(parts.query)
    except ValueError:
        raise ArdRequestError(f"{wish}, got what is no URL", argument=where) from None
    if parts.scheme != "https" or not host or re.search(r"[\s\x00-\x1f\x7f\ud800-\udfff]", url):
        raise ArdRequestError(f"{wish}, got no https URL", argument=where)
    if "sig" not in query:
        raise ArdRequestError(f"{wish}, got a URL without one", argument=where)
    _check_expiry(query.get("se", [""])[0], where)
    return url


def _check_expiry(stated: str, where: str) -> None:
    try:
        expiry = datetime.fromisoformat(stated)
        past = (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)) < datetime.now(UTC)
    except (ValueError, OverflowError):
        # A stored access policy may hold the time instead.
        return
    if past:
        raise ArdRequestError(f"wanted a SAS URL that is valid still, got one that expired {expiry}", argument=where)


def stored_credentials_id(uri: str, credentials_ids: Mapping[str, str]) -> str | None:
    """Return the stored credential for a place, by the longest location that it lies in; None if there is none."""
    inside = {place: name for place, name in credentials_ids.items() if _lies_in(uri, place)}
    if not inside:
        return None
    chosen = inside[max(inside, key=lambda place: len(place.rstrip("/")))]
    check_credentials_id(chosen, "credentials_ids (in the connection)")
    return chosen


def _lies_in(uri: str, place: str) -> bool:
    scheme, _, path = place.strip().partition("://")
    place = f"{scheme.lower()}://{path.rstrip('/')}"
    return (place.endswith("://") and uri.startswith(place)) or uri == place or uri.startswith(f"{place}/")
