"""The SAS URL of an Azure container: what it allows, and whether an order can be delivered with it.

Source of the query parameters: "Create a service SAS" in Microsoft's documentation of Azure Storage. No error of this
module contains the URL, which is a secret.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

# The documented maximum.
LONGEST_ORDER = timedelta(days=3)
# The clocks of this machine and of Azure may differ.
_CLOCK_SKEW = timedelta(minutes=15)
_EXPECTED = "expected an https SAS URL with a signature (sig=…)"
# Azure's own addresses, in which the path begins with the container.
_AZURE_HOST = re.compile(r"\.(?:blob|dfs)\.(?:core|storage)\.")


def parse_sas_url(value: object, argument: str) -> str:
    """Return the SAS URL of an Azure container.

    Raises `ArdRequestError` if it is invalid or cannot be used now: expired, not valid yet, without write permission,
    or for something else than a container or directory.
    """
    if not isinstance(value, str):
        raise ArdRequestError(f"{_EXPECTED}, got a {type(value).__name__}", argument=argument)
    url = value.strip()
    try:
        parts = urlsplit(url)
        host, query = parts.hostname, _query(url)
    except ValueError:
        raise ArdRequestError(f"{_EXPECTED}, got no URL", argument=argument) from None
    if parts.scheme != "https" or not host or re.search(r"[\s\x00-\x1f\x7f\ud800-\udfff]", url):
        raise ArdRequestError(f"{_EXPECTED}, got no https URL", argument=argument)
    if "sig" not in query:
        raise ArdRequestError(f"{_EXPECTED}, got a URL without a signature", argument=argument)
    _check_period(query, argument)
    _check_permissions(query, argument)
    return url


def check_sas_location(url: str, container: str, prefix: str, argument: str) -> None:
    """Raise `ArdRequestError` if a valid SAS URL is for another container or directory."""
    parts = urlsplit(url)
    path = unquote(parts.path).strip("/")
    signed_container, _, directory = path.partition("/")
    if not _AZURE_HOST.search(parts.hostname or "") or not signed_container:
        return
    if signed_container != container:
        raise ArdRequestError(
            f"is for the container {safe_repr(signed_container)}, the order for {safe_repr(container)}",
            argument=argument,
        )
    is_inside = f"{prefix.strip('/')}/".startswith(f"{directory.strip('/')}/")
    if _query(url).get("sr") == "d" and not is_inside:
        raise ArdRequestError(
            f"is for the directory {safe_repr(directory)}, the order for {safe_repr(prefix)}", argument=argument
        )


def sas_warnings(url: str, argument: str) -> tuple[str, ...]:
    """Return what may prevent a delivery with a valid SAS URL."""
    query = _query(url)
    expiry = _time(query.get("se"))
    warnings = []
    if expiry and expiry < datetime.now(UTC) + LONGEST_ORDER:
        warnings.append(f"{argument}: expires {expiry:%Y-%m-%d %H:%M} UTC, and an order can take 3 days")
    if "sip" in query:
        warnings.append(f"{argument}: is restricted to the IP addresses {safe_repr(query['sip'])}")
    return tuple(warnings)


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def _check_period(query: dict[str, str], argument: str) -> None:
    now = datetime.now(UTC)
    expiry, start = _time(query.get("se")), _time(query.get("st"))
    if expiry and expiry < now:
        raise ArdRequestError(
            f"expected a SAS URL that has not expired, got one that expired {expiry}", argument=argument
        )
    if start and start > now + _CLOCK_SKEW:
        raise ArdRequestError(
            f"expected a SAS URL that is valid now, got one that is from {start} on", argument=argument
        )


def _check_permissions(query: dict[str, str], argument: str) -> None:
    resource, permissions = query.get("sr", "c"), query.get("sp")
    if resource not in {"c", "d"}:
        raise ArdRequestError(
            f"expected the SAS URL of a container (sr=c), got one of another resource, sr={safe_repr(resource)}",
            argument=argument,
        )
    # A SAS of the account states the services and the types of resources.
    if "b" not in query.get("ss", "b") or "o" not in query.get("srt", "o"):
        raise ArdRequestError("expected a SAS URL for blobs (ss=b) and objects (srt=o)", argument=argument)
    # Without `sp`, a stored access policy holds the permissions.
    if permissions is not None and not {"c", "w"} & set(permissions):
        raise ArdRequestError(
            f"expected a SAS URL that permits to create or write, got the permissions {safe_repr(permissions)}",
            argument=argument,
        )


def _time(stated: str | None) -> datetime | None:
    """Return a time in UTC, None without a valid one: a stored access policy may hold it instead."""
    try:
        time = datetime.fromisoformat(stated or "")
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
