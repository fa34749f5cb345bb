"""Where an order is to be delivered: the three storage platforms, and the bare S3 form."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from airflow_provider_ard.sandbox.errors import invalid

SECRETS = ("sas_url", "service_credentials")

_CREDENTIALS_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Destination:
    """Where an order goes: a bucket or container, and a prefix in it without outer slashes."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class _Platform:
    container: str
    optional: frozenset[str] = frozenset()
    credentials: frozenset[str] = frozenset()


_S3 = _Platform("bucket", optional=frozenset({"role_arn"}))
_PLATFORMS = {
    "amazon_s3": _S3,
    "google_cloud_storage": _Platform("bucket", credentials=frozenset({"service_credentials", "credentials_id"})),
    "azure_blob_storage": _Platform("container", credentials=frozenset({"sas_url", "credentials_id"})),
}


def check_output_config(config: Any) -> Destination:
    """Return the destination of an output_config, or raise a 400.

    It is ``{PLATFORM: {…}}``, or ``{"bucket", "prefix", "role_arn"?}`` for S3.
    """
    if not isinstance(config, dict) or not config:
        raise invalid("output_config is required")
    named = [name for name in _PLATFORMS if name in config]
    if not named:
        return _check_platform("output_config", config, _S3)
    if len(config) > 1:
        raise invalid("output_config must name one storage platform only")
    if not isinstance(config[named[0]], dict):
        raise invalid(f"{named[0]} must be an object")
    return _check_platform(named[0], config[named[0]], _PLATFORMS[named[0]])


def _check_platform(name: str, params: dict[str, Any], platform: _Platform) -> Destination:
    container = platform.container
    unknown = sorted(set(params) - {container, "prefix"} - platform.optional - platform.credentials)
    if unknown:
        raise invalid(f"Unknown parameters of {name}: {', '.join(unknown)}")
    wrong = sorted(key for key, value in params.items() if not isinstance(value, str))
    if wrong:
        raise invalid(f"{name}: {', '.join(wrong)} must be text")
    bucket = params.get(container, "")
    if not bucket or "/" in bucket or ":" in bucket or bucket.startswith("."):
        raise invalid(f"{name}: {container} must be the name of a {container}")
    prefix = params.get("prefix", "").strip("/")
    if ".." in prefix.split("/"):
        raise invalid(f"{name}: prefix may not climb out of the {container}")
    if platform.credentials:
        _check_credentials(name, params, platform.credentials)
    return Destination(bucket, prefix)


def _check_credentials(name: str, params: dict[str, str], credentials: frozenset[str]) -> None:
    given = sorted(credentials & set(params))
    if len(given) != 1:
        raise invalid(f"{name}: give one of {' and '.join(sorted(credentials))}")
    value = params[given[0]]
    if given[0] == "credentials_id" and not _CREDENTIALS_ID.fullmatch(value):
        raise invalid(f"{name}: credentials_id may have letters, digits, _ and - only")
    if given[0] == "sas_url" and not value.startswith("https://"):
        raise invalid(f"{name}: sas_url must be an https URL")
    if given[0] == "service_credentials":
        try:
            document = json.loads(base64.b64decode(value, validate=True))
        except ValueError:
            document = None
        if not isinstance(document, dict) or "type" not in document:
            raise invalid(f"{name}: service_credentials must be a key file (JSON) in base64")
