"""Where an order is to be delivered: the three storage platforms, and the bare S3 form."""

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
    """Where an order goes: a bucket or container, and a prefix in it without outer slashes.

    `platform` is one of `amazon_s3`, `google_cloud_storage` and `azure_blob_storage`; `secret` is what opens
    the last two: a key file in base64, or a SAS URL.
    """

    bucket: str
    prefix: str
    platform: str = S3
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Credentials:
    """Where stored credentials are looked up, and the time by which SAS URLs expire."""

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


def check_output_config(config: Any, credentials: Credentials) -> Destination:
    """Return the destination of an output_config, or raise a 400.

    It is `{PLATFORM: {…}}`, or `{"bucket", "prefix", "role_arn"?}` for S3.
    """
    if not isinstance(config, dict) or not config:
        raise bad_request("output_config is required")
    named = [name for name in _PLATFORMS if name in config]
    if not named:
        return _check_platform("output_config", S3, config, credentials)
    if len(config) > 1:
        raise bad_request("output_config must name one storage platform only")
    if not isinstance(config[named[0]], dict):
        raise bad_request(f"{named[0]} must be an object")
    return _check_platform(named[0], named[0], config[named[0]], credentials)


def expiry(sas_url: str) -> datetime | None:
    """Return when a SAS URL expires, or None if it does not say; raises ValueError for what is no time."""
    stated = parse_qs(urlsplit(sas_url).query).get("se")
    if not stated:
        return None
    moment = datetime.fromisoformat(stated[0])
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _check_platform(name: str, key: str, params: dict[str, Any], credentials: Credentials) -> Destination:
    platform = _PLATFORMS[key]
    container = platform.container
    unknown = sorted(set(params) - {container, "prefix"} - platform.optional - platform.credentials)
    if unknown:
        raise bad_request(f"Unknown parameters of {name}: {', '.join(unknown)}")
    wrong = sorted(key for key, value in params.items() if not isinstance(value, str))
    if wrong:
        raise bad_request(f"{name}: {', '.join(wrong)} must be text")
    bucket = params.get(container, "")
    if not bucket or any(sign in bucket for sign in "/:\0") or bucket.startswith("."):
        raise bad_request(f"{name}: {container} must be the name of a {container}")
    prefix = params.get("prefix", "").strip("/")
    if {"..", "."} & set(prefix.split("/")) or "\0" in prefix:
        raise bad_request(f"{name}: prefix may not climb out of the {container}")
    secret = _check_credentials(name, params, platform.credentials, credentials) if platform.credentials else None
    return Destination(bucket, prefix, key, secret)


def _check_credentials(name: str, params: dict[str, str], known: frozenset[str], credentials: Credentials) -> str:
    given = sorted(known & set(params))
    if len(given) != 1:
        raise bad_request(f"{name}: give one of {' and '.join(sorted(known))}")
    secret = params[given[0]]
    if given[0] == "credentials_id":
        if not CREDENTIALS_ID.fullmatch(secret):
            raise bad_request(f"{name}: credentials_id may have letters, digits, _ and - only")
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
    wrong: ApiError = bad_request(f"{name}: sas_url must be an https URL with a shared access signature")
    try:
        until = expiry(sas_url)
        address = urlsplit(sas_url)
    except ValueError as error:
        raise wrong from error
    if address.scheme != "https" or not address.netloc:
        raise wrong
    if until is not None and until <= now:
        raise bad_request(f"{name}: the SAS URL expired at {until.isoformat()}")


def _check_key_file(name: str, encoded: str) -> None:
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "type" not in document:
        raise bad_request(f"{name}: service_credentials must be a key file (JSON) in base64")
