"""Where an order is delivered: Amazon S3, Google Cloud Storage or Azure Blob Storage, and by which right."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from airflow_provider_ard.api.errors import ArdRequestError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NO_PREFIX = re.compile(r"[?#\\\x00-\x1f\x7f]")
_EMPTY_STEP = re.compile(r"//|(?:^|/)\.{1,2}(?:/|$)")
_CREDENTIALS_ID = re.compile(r"[A-Za-z0-9_-]+")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")


class Destination(BaseModel):
    """A place in a bucket or container, `prefix` without slashes around it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str = ""

    @staticmethod
    def echoed(config: Mapping[str, Any]) -> Destination | None:
        """Return the place that an order's status names, without credentials; None if its form is unknown."""
        platform, inner = ("amazon_s3", config) if "bucket" in config else next(iter(config.items()), ("", {}))
        if not isinstance(inner, Mapping):
            return None
        prefix = str(inner.get("prefix") or "").strip("/")
        if platform == "azure_blob_storage" and inner.get("container"):
            return AzureDestination(container=str(inner["container"]), prefix=prefix)
        if platform in {"amazon_s3", "google_cloud_storage"} and inner.get("bucket"):
            kind = S3Destination if platform == "amazon_s3" else GCSDestination
            return kind(bucket=str(inner["bucket"]), prefix=prefix)
        return None

    @property
    def uri(self) -> str:
        """The place as a URI, for example `s3://bucket/prefix`."""
        raise NotImplementedError

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets it carries, for redaction."""
        return ()

    def to_payload(self) -> dict[str, Any]:
        """Return `output_config` as it goes over the wire."""
        raise NotImplementedError


class S3Destination(Destination):
    """A place in Amazon S3. `bare`: sent as the API's short form, without the platform's name around it."""

    bucket: str
    role_arn: str | None = None
    bare: bool = False

    @property
    def uri(self) -> str:
        """The place as `s3://bucket/prefix`."""
        return _join("s3", self.bucket, self.prefix)

    def to_payload(self) -> dict[str, Any]:
        """Return the bare or the named form, as it came."""
        config = {"bucket": self.bucket, "prefix": self.prefix}
        if self.role_arn:
            config["role_arn"] = self.role_arn
        return config if self.bare else {"amazon_s3": config}


class GCSDestination(Destination):
    """A place in Google Cloud Storage, with base64 service credentials or the id of stored ones."""

    bucket: str
    service_credentials: SecretStr | None = None
    credentials_id: str | None = None

    @property
    def uri(self) -> str:
        """The place as `gs://bucket/prefix`."""
        return _join("gs", self.bucket, self.prefix)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The service credentials."""
        return _revealed(self.service_credentials)

    def to_payload(self) -> dict[str, Any]:
        """Return the documented form."""
        config = {"bucket": self.bucket, "prefix": self.prefix}
        return {"google_cloud_storage": _credentials(config, self, "service_credentials", self.service_credentials)}


class AzureDestination(Destination):
    """A place in Azure Blob Storage, with a SAS URL or the id of a stored one."""

    container: str
    sas_url: SecretStr | None = None
    credentials_id: str | None = None

    @property
    def uri(self) -> str:
        """The place as `az://container/prefix`."""
        return _join("az", self.container, self.prefix)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The SAS URL."""
        return _revealed(self.sas_url)

    def to_payload(self) -> dict[str, Any]:
        """Return the documented form."""
        config = {"container": self.container, "prefix": self.prefix}
        return {"azure_blob_storage": _credentials(config, self, "sas_url", self.sas_url)}


def read_destination(
    destination: str | None = None,
    output_config: Mapping[str, Any] | None = None,
    role_arn: str | None = None,
    credentials_ids: Mapping[str, str] | None = None,
) -> Destination:
    """Return where to deliver to, from the order's arguments.

    `credentials_ids` are the connection's stored credentials: storage location -> credentials id; the longest location
    that the destination lies in is taken when the arguments themselves hold no credentials.

    Raises `ArdRequestError` naming the argument for anything that is not one clear, complete place.
    """
    if destination is not None and output_config is not None:
        raise ArdRequestError("give one of destination and output_config, not both", argument="destination")
    if destination is not None:
        found = _from_uri(destination)
    elif output_config is not None:
        found = _from_config(output_config)
    else:
        raise ArdRequestError(
            "an order needs a destination (s3://, gs:// or az://) or an output_config", argument="destination"
        )
    if role_arn is not None:
        found = _with_role(found, role_arn)
    return _with_credentials(found, credentials_ids or {})


def _from_uri(destination: object) -> Destination:
    if not isinstance(destination, str) or not destination.strip():
        raise ArdRequestError(
            f"wanted a text like s3://bucket/prefix, got {_shown(destination)}", argument="destination"
        )
    text = destination.strip()
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else "s3"
    bucket, _, prefix = (text[match.end() :] if match else text).partition("/")
    _check_names("destination", bucket, prefix, "container" if scheme == "az" else "bucket")
    prefix = prefix.strip("/")
    if scheme == "s3":
        return S3Destination(bucket=bucket, prefix=prefix, bare=True)
    if scheme == "gs":
        return GCSDestination(bucket=bucket, prefix=prefix)
    if scheme == "az":
        return AzureDestination(container=bucket, prefix=prefix)
    raise ArdRequestError(f"wanted s3://, gs:// or az://, got {scheme}://", argument="destination")


_KEYS = {
    "amazon_s3": ("bucket", "prefix", "role_arn"),
    "google_cloud_storage": ("bucket", "prefix", "service_credentials", "credentials_id"),
    "azure_blob_storage": ("container", "prefix", "sas_url", "credentials_id"),
}


def _from_config(output_config: object) -> Destination:
    if not isinstance(output_config, Mapping):
        raise ArdRequestError(
            f"wanted a dictionary with one of {', '.join(_KEYS)}, got {_shown(output_config)}",
            argument="output_config",
        )
    if {"bucket", "prefix"} & set(output_config):
        # The API's short form for S3, as an order's status echoes it.
        return S3Destination(bare=True, **_checked("amazon_s3", output_config, "output_config"))
    if len(output_config) != 1:
        raise ArdRequestError(
            f"wanted exactly one platform, got {len(output_config)}: {_names(output_config) or 'none'}",
            argument="output_config",
        )
    platform, config = next(iter(output_config.items()))
    if platform not in _KEYS:
        raise ArdRequestError(f"unknown platform {platform!r}{nearest(platform, _KEYS)}", argument="output_config")
    where = f"output_config.{platform}"
    checked = _checked(platform, config, where)
    if platform == "amazon_s3":
        return S3Destination(**checked)
    _one_credential(checked, where)
    if platform == "google_cloud_storage":
        if checked.get("service_credentials"):
            checked["service_credentials"] = SecretStr(
                _service_credentials(checked["service_credentials"], f"{where}.service_credentials")
            )
        return GCSDestination(**checked)
    if checked.get("sas_url"):
        checked["sas_url"] = SecretStr(_sas_url(checked["sas_url"], f"{where}.sas_url"))
    return AzureDestination(**checked)


def _checked(platform: str, config: object, where: str) -> dict[str, Any]:
    """Return a platform's settings, known, textual and without the empty ones."""
    if not isinstance(config, Mapping):
        raise ArdRequestError(f"wanted a dictionary, got {_shown(config)}", argument=where)
    known = _KEYS[platform]
    for key, value in config.items():
        if key not in known:
            raise ArdRequestError(f"unknown key {key!r}{nearest(key, known)}", argument=where)
        if value is not None and not isinstance(value, str) and key != "service_credentials":
            raise ArdRequestError(f"wanted a text, got a {type(value).__name__}", argument=f"{where}.{key}")
    container = known[0]
    for key in (container, "prefix"):
        if config.get(key) is None:
            raise ArdRequestError(f"{key} is missing", argument=where)
    _check_names(where, config[container], config["prefix"], container)
    if config.get("role_arn"):
        _check_role(config["role_arn"], f"{where}.role_arn")
    checked = {key: value for key, value in config.items() if value not in (None, "")}
    return checked | {"prefix": config["prefix"].strip("/")}


def _check_names(where: str, bucket: str, prefix: str, container: str) -> None:
    if not bucket:
        raise ArdRequestError(f"the {container} is missing", argument=where)
    if not _BUCKET.fullmatch(bucket):
        raise ArdRequestError(f"not the name of a {container}: {_shown(bucket)}", argument=where)
    # A prefix with a query would be a signed URL put into the wrong place; its text is not repeated.
    if _NO_PREFIX.search(prefix):
        raise ArdRequestError("the prefix holds a character that no prefix can have (? # \\)", argument=where)
    if _EMPTY_STEP.search(prefix.strip("/")):
        raise ArdRequestError(f"the prefix has an empty or dotted step: {_shown(prefix)}", argument=where)


def _check_role(role_arn: object, where: str) -> None:
    if not isinstance(role_arn, str) or not _ROLE_ARN.fullmatch(role_arn):
        raise ArdRequestError(
            f"wanted a role like arn:aws:iam::123456789012:role/name, got {_shown(role_arn)}", argument=where
        )


def _with_role(found: Destination, role_arn: str) -> Destination:
    if not isinstance(found, S3Destination):
        raise ArdRequestError(f"goes with Amazon S3 only, not with {found.uri}", argument="role_arn")
    _check_role(role_arn, "role_arn")
    if found.role_arn and found.role_arn != role_arn:
        raise ArdRequestError("role_arn and output_config name two different roles", argument="role_arn")
    return found.model_copy(update={"role_arn": role_arn})


def _with_credentials(found: Destination, credentials_ids: Mapping[str, str]) -> Destination:
    if not isinstance(found, GCSDestination | AzureDestination):
        return found
    if found.credentials_id or found.secrets:
        return found
    inside = [place for place in credentials_ids if _lies_in(found.uri, place)]
    if not inside:
        secret = "service_credentials" if isinstance(found, GCSDestination) else "sas_url"
        raise ArdRequestError(
            f"no credentials for {found.uri}: put credentials_id or {secret} into output_config, or name {found.uri} "
            "in the connection's credentials_ids",
            argument="destination",
        )
    chosen = credentials_ids[max(inside, key=len)]
    _check_credentials_id(chosen, "credentials_ids (in the connection)")
    return found.model_copy(update={"credentials_id": chosen})


def _lies_in(uri: str, place: str) -> bool:
    scheme, _, path = place.partition("://")
    place = f"{scheme.lower()}://{path.rstrip('/')}"
    return (place.endswith("://") and uri.startswith(place)) or uri == place or uri.startswith(f"{place}/")


def _one_credential(checked: dict[str, Any], where: str) -> None:
    if not checked.get("credentials_id"):
        return
    _check_credentials_id(checked["credentials_id"], f"{where}.credentials_id")
    for secret in ("service_credentials", "sas_url"):
        if checked.pop(secret, None):
            warnings.warn(
                f"{where}: credentials_id {checked['credentials_id']!r} is used, {secret} is not",
                stacklevel=2,
            )


def _check_credentials_id(value: object, where: str) -> None:
    if not isinstance(value, str) or not _CREDENTIALS_ID.fullmatch(value):
        raise ArdRequestError("wanted letters, digits, _ and - only", argument=where)


def _service_credentials(given: object, where: str) -> str:
    """Return base64 service credentials from a path, base64 or JSON; a valid base64 text is sent as it came."""
    wish = "wanted a path, a base64 text or the JSON of a Google service account key"
    if isinstance(given, Mapping):
        given = json.dumps(dict(given))
    if not isinstance(given, str):
        raise ArdRequestError(f"{wish}, got a {type(given).__name__}", argument=where)
    text = given.strip()
    if text.startswith("{"):
        raw = text.encode()
        encoded = base64.b64encode(raw).decode()
    elif (decoded := _decoded(text)) is not None:
        raw, encoded = decoded, given
    else:
        try:
            raw = Path(text).expanduser().read_bytes()
        except (OSError, ValueError, RuntimeError):
            raise ArdRequestError(f"{wish}; got none of them (no such file can be read)", argument=where) from None
        encoded = base64.b64encode(raw).decode()
    try:
        key = json.loads(raw)
    except ValueError:
        raise ArdRequestError(f"{wish}; what came is not JSON", argument=where) from None
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise ArdRequestError(f'{wish}; the JSON has no "type": "service_account"', argument=where)
    return encoded


def _decoded(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # A short path such as `keys/prod` is valid base64 too; a key file begins with a brace.
    return raw if raw.lstrip()[:1] == b"{" else None


def _sas_url(given: str, where: str) -> str:
    try:
        parts = urlsplit(given.strip())
        query = parse_qs(parts.query)
    except ValueError:
        parts, query = urlsplit(""), {}
    if parts.scheme != "https" or not parts.hostname or "sig" not in query:
        raise ArdRequestError("wanted an https SAS URL with a signature (sig=…)", argument=where)
    return given


def _credentials(
    config: dict[str, Any], owner: GCSDestination | AzureDestination, name: str, secret: SecretStr | None
) -> dict[str, Any]:
    if owner.credentials_id:
        return config | {"credentials_id": owner.credentials_id}
    return config | {name: secret.get_secret_value()} if secret else config


def _revealed(secret: SecretStr | None) -> tuple[str, ...]:
    return (secret.get_secret_value(),) if secret else ()


def _join(scheme: str, bucket: str, prefix: str) -> str:
    return f"{scheme}://{bucket}/{prefix}" if prefix else f"{scheme}://{bucket}"


def nearest(name: object, known: Any) -> str:
    """Return a hint at the known name that was probably meant, empty if there is none."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _names(mapping: Mapping[Any, Any]) -> str:
    return ", ".join(str(key) for key in mapping)


def _shown(value: object) -> str:
    """Show a value in an error message, cut short; never a URL's query, which may be a signature."""
    text = value.split("?", 1)[0] if isinstance(value, str) else type(value).__name__
    return repr(text[:80]) if isinstance(value, str) else f"a {text}"
