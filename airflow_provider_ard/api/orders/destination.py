"""Where an order is delivered: Amazon S3, Google Cloud Storage or Azure Blob Storage, and by which right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr

from airflow_provider_ard.api.arguments import did_you_mean, none_if_blank, safe_repr
from airflow_provider_ard.api.delivery.layout import Place, check_names, parse_location
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.credentials import (
    check_credentials_id,
    read_sas_url,
    read_service_credentials,
    stored_credentials_id,
)

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+")


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
        return Place("s3", self.bucket, self.prefix).uri

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
        return Place("gs", self.bucket, self.prefix).uri

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
        return Place("az", self.container, self.prefix).uri

    @property
    def secrets(self) -> tuple[str, ...]:
        """The SAS URL."""
        return _revealed(self.sas_url)

    def to_payload(self) -> dict[str, Any]:
        """Return the documented form."""
        config = {"container": self.container, "prefix": self.prefix}
        return {"azure_blob_storage": _credentials(config, self, "sas_url", self.sas_url)}


def read_destination(
    destination: object = None,
    output_config: object = None,
    role_arn: object = None,
    credentials_ids: Mapping[str, str] | None = None,
) -> tuple[Destination, tuple[str, ...]]:
    """Return where to deliver to, from the order's arguments, and notes on what was given and is not used.

    `credentials_ids` are the connection's stored credentials: storage location -> credentials id; the longest location
    that the destination lies in is taken when the arguments themselves hold no credentials.

    Raises `ArdRequestError` naming the argument for anything that is not one clear, complete place.
    """
    if destination is not None and output_config is not None:
        raise ArdRequestError("give one of destination and output_config, not both", argument="destination")
    notes: tuple[str, ...] = ()
    if destination is not None:
        found = _from_uri(destination)
    elif output_config is not None:
        found, notes = _from_config(output_config)
    else:
        raise ArdRequestError(
            "an order needs a destination (s3://, gs:// or az://) or an output_config", argument="destination"
        )
    if role_arn is not None:
        found = _with_role(found, role_arn)
    if isinstance(found, GCSDestination | AzureDestination):
        argument = "destination" if destination is not None else "output_config"
        found = _with_credentials(found, credentials_ids or {}, argument)
    return found, notes


def _from_uri(destination: object) -> Destination:
    scheme, bucket, prefix = parse_location(destination)
    if scheme == "s3":
        return S3Destination(bucket=bucket, prefix=prefix, bare=True)
    if scheme == "gs":
        return GCSDestination(bucket=bucket, prefix=prefix)
    return AzureDestination(container=bucket, prefix=prefix)


_KEYS = {
    "amazon_s3": ("bucket", "prefix", "role_arn"),
    "google_cloud_storage": ("bucket", "prefix", "service_credentials", "credentials_id"),
    "azure_blob_storage": ("container", "prefix", "sas_url", "credentials_id"),
}


def _from_config(output_config: object) -> tuple[Destination, tuple[str, ...]]:
    if not isinstance(output_config, Mapping):
        # A text is not repeated: it may be a broken configuration with a secret in it.
        came = "a text that is none" if isinstance(output_config, str) else safe_repr(output_config)
        raise ArdRequestError(
            f"wanted a dictionary with one of {', '.join(_KEYS)}, got {came}", argument="output_config"
        )
    if {"bucket", "prefix"} & output_config.keys():
        # The API's short form for S3, as an order's status echoes it.
        return S3Destination(bare=True, **_checked("amazon_s3", output_config, "output_config")), ()
    if len(output_config) != 1:
        names = ", ".join(map(safe_repr, output_config)) or "none"
        raise ArdRequestError(
            f"wanted exactly one of {', '.join(_KEYS)}, got {len(output_config)}: {names}", argument="output_config"
        )
    platform, config = next(iter(output_config.items()))
    if platform not in _KEYS:
        raise ArdRequestError(
            f"unknown platform {safe_repr(platform)}{did_you_mean(platform, _KEYS)}", argument="output_config"
        )
    where = f"output_config.{platform}"
    checked = _checked(platform, config, where)
    if platform == "amazon_s3":
        return S3Destination(**checked), ()
    notes = _one_credential(checked, where)
    if "service_credentials" in checked:
        key = read_service_credentials(checked["service_credentials"], f"{where}.service_credentials")
        checked["service_credentials"] = SecretStr(key)
    if "sas_url" in checked:
        checked["sas_url"] = SecretStr(read_sas_url(checked["sas_url"], f"{where}.sas_url"))
    kind = GCSDestination if platform == "google_cloud_storage" else AzureDestination
    return kind(**checked), notes


def _checked(platform: str, config: object, where: str) -> dict[str, Any]:
    """Return a platform's settings, known, textual and without the empty ones."""
    if not isinstance(config, Mapping):
        came = "a text" if isinstance(config, str) else safe_repr(config)
        raise ArdRequestError(f"wanted a dictionary, got {came}", argument=where)
    known = _KEYS[platform]
    # A template leaves the word None where nothing is.
    config = {
        key: "" if isinstance(value, str) and not value else none_if_blank(value) for key, value in config.items()
    }
    for key, value in config.items():
        if key not in known:
            raise ArdRequestError(f"unknown key {safe_repr(key)}{did_you_mean(key, known)}", argument=where)
        if value is not None and not isinstance(value, str) and key != "service_credentials":
            raise ArdRequestError(f"wanted a text, got {safe_repr(value)}", argument=f"{where}.{key}")
    container = known[0]
    for key in (container, "prefix"):
        if config.get(key) is None:
            raise ArdRequestError(f"the {key} is missing", argument=where)
    check_names(where, config[container], config["prefix"], container)
    if config.get("role_arn"):
        _check_role(config["role_arn"], f"{where}.role_arn")
    checked = {key: value for key, value in config.items() if none_if_blank(value) is not None}
    return checked | {"prefix": config["prefix"].strip("/")}


def _check_role(role_arn: object, where: str) -> None:
    if not isinstance(role_arn, str) or not _ROLE_ARN.fullmatch(role_arn):
        raise ArdRequestError(
            f"wanted a role like arn:aws:iam::123456789012:role/name, got {safe_repr(role_arn)}", argument=where
        )


def _with_role(found: Destination, role_arn: object) -> Destination:
    if not isinstance(found, S3Destination):
        raise ArdRequestError(f"goes with Amazon S3 only, not with {found.uri}", argument="role_arn")
    _check_role(role_arn, "role_arn")
    if found.role_arn and found.role_arn != role_arn:
        raise ArdRequestError("role_arn and output_config name two different roles", argument="role_arn")
    return found.model_copy(update={"role_arn": role_arn})


def _with_credentials(
    found: GCSDestination | AzureDestination, credentials_ids: Mapping[str, str], argument: str
) -> Destination:
    if found.credentials_id or found.secrets:
        return found
    if chosen := stored_credentials_id(found.uri, credentials_ids):
        return found.model_copy(update={"credentials_id": chosen})
    secret = "service_credentials" if isinstance(found, GCSDestination) else "sas_url"
    raise ArdRequestError(
        f"no credentials for {found.uri}: put credentials_id or {secret} into output_config, or name {found.uri} "
        "in the connection's credentials_ids",
        argument=argument,
    )


def _one_credential(checked: dict[str, Any], where: str) -> tuple[str, ...]:
    """Take the secret out where a stored credential is named too, and note it."""
    if "credentials_id" not in checked:
        return ()
    check_credentials_id(checked["credentials_id"], f"{where}.credentials_id")
    secrets = [secret for secret in ("service_credentials", "sas_url") if checked.pop(secret, None)]
    return tuple(f"{where}: credentials_id {checked['credentials_id']!r} is used, {s} is not" for s in secrets)


def _credentials(
    config: dict[str, Any], owner: GCSDestination | AzureDestination, name: str, secret: SecretStr | None
) -> dict[str, Any]:
    if owner.credentials_id:
        return config | {"credentials_id": owner.credentials_id}
    return config | {name: secret.get_secret_value()} if secret else config


def _revealed(secret: SecretStr | None) -> tuple[str, ...]:
    return (secret.get_secret_value(),) if secret else ()
