"""Validation of `output_config`: the three storage platforms and the bare S3 form."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_provider_ard.sandbox.backend.credential_store import CREDENTIALS_ID
from airflow_provider_ard.sandbox.validation.errors import ApiError, bad_request

SECRETS = ("sas_url", "service_credentials")

S3, GCS, AZURE = "amazon_s3", "google_cloud_storage", "azure_blob_storage"


@dataclass(frozen=True)
class Destination:
    """The destination of an order: a bucket or container, and a prefix without outer slashes.

    `platform` is one of `amazon_s3`, `google_cloud_storage` and `azure_blob_storage`; `secret` is the base64-encoded
    key file or the SAS URL of the last two.
    """

    bucket: str
    prefix: str
    platform: str = S3
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class CredentialLookup:
    """Returns the secret of stored credentials; `now` decides whether a SAS URL has expired."""

    find: Callable[[str], str | None]
    now: datetime


@dataclass(frozen=True)
class _Platform:
    container: str
    optional: frozenset[str] = frozenset()
    credentials: frozenset[str] = frozenset()


_PLATFORMS = {
    S3: _Platform("bucket", optional=frozenset({"role_arn"})),
    GCS: _Platform("bucket", credentials=frozenset({"service_credentials", "credentials_id"})),
    AZURE: _Platform("container", credentials=frozenset({"sas_url", "credentials_id"})),
}


def check_output_config(config: Any, credentials: CredentialLookup) -> Destination:
    """Return the destination of an output_config; raises a 400.

    It is `{PLATFORM: {…}}`, or `{"bucket", "prefix", "role_arn"?}` for S3.
    """
    if not isinstance(config, dict) or not config:
        raise bad_request("output_config is required")
    platforms = [name for name in _PLATFORMS if name in config]
    if not platforms:
        return _check_platform("output_config", S3, config, credentials)
    if len(config) > 1:
        raise bad_request("output_config must have exactly one storage platform")
    if not isinstance(config[platforms[0]], dict):
        raise bad_request(f"{platforms[0]} must be an object")
    return _check_platform(platforms[0], platforms[0], config[platforms[0]], credentials)


def expiry(sas_url: str) -> datetime | None:
    """Return the expiry of a SAS URL, None if it has none; raises ValueError if it is malformed."""
    values = parse_qs(urlsplit(sas_url).query).get("se")
    if not values:
        return None
    expires_at = datetime.fromisoformat(values[0])
    return expires_at if expires_at.tzinfo else expires_at.replace(tzinfo=UTC)


def _check_platform(name: str, key: str, params: dict[str, Any], credentials: CredentialLookup) -> Destination:
    platform = _PLATFORMS[key]
    container = platform.container
    unknown = sorted(set(params) - {container, "prefix"} - platform.optional - platform.credentials)
    if unknown:
        raise bad_request(f"Unknown parameters of {name}: {', '.join(unknown)}")
    not_strings = sorted(key for key, value in params.items() if not isinstance(value, str))
    if not_strings:
        raise bad_request(f"{name}: {', '.join(not_strings)} must be strings")
    bucket = params.get(container, "")
    if not bucket or any(character in bucket for character in "/:\0") or bucket.startswith("."):
        raise bad_request(f"{name}: {container} must be the name of a {container}")
    prefix = params.get("prefix", "").strip("/")
    if {"..", "."} & set(prefix.split("/")) or "\0" in prefix:
        raise bad_request(f"{name}: prefix must not leave the {container}")
    secret = _check_credentials(name, params, platform.credentials, credentials) if platform.credentials else None
    return Destination(bucket, prefix, key, secret)


def _check_credentials(
    name: str, params: dict[str, str], allowed: frozenset[str], credentials: CredentialLookup
) -> str:
    names = sorted(allowed & set(params))
    if len(names) != 1:
        raise bad_request(f"{name}: exactly one of {' and '.join(sorted(allowed))} is required")
    secret = params[names[0]]
    if names[0] == "credentials_id":
        if not CREDENTIALS_ID.fullmatch(secret):
            raise bad_request(f"{name}: credentials_id consists of letters, digits, _ and -")
        stored = credentials.find(secret)
        if stored is None:
            raise bad_request(f"{name}: the account has no stored credentials {secret}")
        secret = stored
    if name == AZURE:
        _check_sas(name, secret, credentials.now)
    else:
        _check_key_file(name, secret)
    return secret


def _check_sas(name: str, sas_url: str, now: datetime) -> None:
    malformed: ApiError = bad_request(f"{name}: sas_url must be an https URL with a shared access signature")
    try:
        expires_at = expiry(sas_url)
        address = urlsplit(sas_url)
    except ValueError as error:
        raise malformed from error
    if address.scheme != "https" or not address.netloc:
        raise malformed
    if expires_at is not None and expires_at <= now:
        raise bad_request(f"{name}: the SAS URL expired at {expires_at.isoformat()}")


def _check_key_file(name: str, encoded: str) -> None:
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "type" not in document:
        raise bad_request(f"{name}: service_credentials must be a base64-encoded key file (JSON)")
