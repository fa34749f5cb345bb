"""Where an order is delivered (Amazon S3, Google Cloud Storage, Azure Blob Storage), and with which credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr

from airflow_provider_ard.api.arguments import did_you_mean, none_if_blank, safe_repr
from airflow_provider_ard.api.delivery.layout import StorageLocation, check_names, parse_location
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.credentials import (
    check_credentials_id,
    parse_service_credentials,
    stored_credentials_id,
)
from airflow_provider_ard.api.orders.sas_url import check_sas_location, parse_sas_url, sas_warnings

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+")


class Destination(BaseModel):
    """A location in a bucket or container; `prefix` has no slashes around it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str = ""

    @staticmethod
    def echoed(config: Mapping[str, Any]) -> Destination | None:
        """Return the location in an order's status, without credentials; None if its form is unknown."""
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
        """The location as a URI, for example `s3://bucket/prefix`."""
        raise NotImplementedError

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its secrets, for redaction."""
        return ()

    def to_payload(self) -> dict[str, Any]:
        """Return the `output_config` of the request."""
        raise NotImplementedError


class S3Destination(Destination):
    """A location in Amazon S3. `bare`: sent in the API's short form, without the platform key."""

    bucket: str
    role_arn: str | None = None
    bare: bool = False

    @property
    def uri(self) -> str:
        """The location as `s3://bucket/prefix`."""
        return StorageLocation("s3", self.bucket, self.prefix).uri

    def to_payload(self) -> dict[str, Any]:
        """Return the bare form or the one with the platform key."""
        config = {"bucket": self.bucket, "prefix": self.prefix}
        if self.role_arn:
            config["role_arn"] = self.role_arn
        return config if self.bare else {"amazon_s3": config}


class GCSDestination(Destination):
    """A location in Google Cloud Storage, with base64 service credentials or the ID of stored ones."""

    bucket: str
    service_credentials: SecretStr | None = None
    credentials_id: str | None = None

    @property
    def uri(self) -> str:
        """The location as `gs://bucket/prefix`."""
        return StorageLocation("gs", self.bucket, self.prefix).uri

    @property
    def secrets(self) -> tuple[str, ...]:
        """The service credentials."""
        return _unmask(self.service_credentials)

    def to_payload(self) -> dict[str, Any]:
        """Return the destination as in an order's request."""
        config = {"bucket": self.bucket, "prefix": self.prefix}
        return {"google_cloud_storage": _credentials(config, self, "service_credentials", self.service_credentials)}


class AzureDestination(Destination):
    """A location in Azure Blob Storage, with a SAS URL or the ID of a stored one."""

    container: str
    sas_url: SecretStr | None = None
    credentials_id: str | None = None

    @property
    def uri(self) -> str:
        """The location as `az://container/prefix`."""
        return StorageLocation("az", self.container, self.prefix).uri

    @property
    def secrets(self) -> tuple[str, ...]:
        """The SAS URL."""
        return _unmask(self.sas_url)

    def to_payload(self) -> dict[str, Any]:
        """Return the destination as in an order's request."""
        config = {"container": self.container, "prefix": self.prefix}
        return {"azure_blob_storage": _credentials(config, self, "sas_url", self.sas_url)}


def parse_destination(
    destination: object = None,
    output_config: object = None,
    role_arn: object = None,
    credentials_ids: Mapping[str, str] | None = None,
) -> tuple[Destination, tuple[str, ...]]:
    """Return the destination of an order, and warnings about arguments that are not used.

    `credentials_ids`: the Connection's stored credentials, storage location -> credentials ID. The longest match is
    used if the arguments contain no credentials.

    Raises `ArdRequestError`, which names the argument, for anything but one complete location.
    """
    if destination is not None and output_config is not None:
        raise ArdRequestError("expected one of destination and output_config, got both", argument="destination")
    warnings: tuple[str, ...] = ()
    if destination is not None:
        result = _from_uri(destination)
    elif output_config is not None:
        result, warnings = _from_config(output_config)
    else:
        raise ArdRequestError(
            "an order needs a destination (s3://, gs:// or az://) or an output_config", argument="destination"
        )
    if role_arn is not None:
        result = _with_role(result, role_arn)
    if isinstance(result, GCSDestination | AzureDestination):
        argument = "destination" if destination is not None else "output_config"
        result = _with_credentials(result, credentials_ids or {}, argument)
    return result, warnings


def _from_uri(destination: object) -> Destination:
    scheme, bucket, prefix = parse_location(destination)
    if scheme == "s3":
        return S3Destination(bucket=bucket, prefix=prefix, bare=True)
    if scheme == "gs":
        return GCSDestination(bucket=bucket, prefix=prefix)
    return AzureDestination(container=bucket, prefix=prefix)


_NATIVE_PREFIX = "; with render_template_as_native_obj, Airflow converts digits to numbers: write 2026/, with a slash"
_KEYS = {
    "amazon_s3": ("bucket", "prefix", "role_arn"),
    "google_cloud_storage": ("bucket", "prefix", "service_credentials", "credentials_id"),
    "azure_blob_storage": ("container", "prefix", "sas_url", "credentials_id"),
}


def _from_config(output_config: object) -> tuple[Destination, tuple[str, ...]]:
    if not isinstance(output_config, Mapping):
        # The string may be a malformed configuration with a secret in it.
        received = "another string" if isinstance(output_config, str) else safe_repr(output_config)
        raise ArdRequestError(
            f"expected a dictionary with one of {', '.join(_KEYS)}, got {received}", argument="output_config"
        )
    if {"bucket", "prefix"} & output_config.keys():
        # The API's short form for S3, as an order's status echoes it.
        return S3Destination(bare=True, **_checked("amazon_s3", output_config, "output_config")), ()
    if len(output_config) != 1:
        names = ", ".join(map(safe_repr, output_config)) or "none"
        raise ArdRequestError(
            f"expected exactly one of {', '.join(_KEYS)}, got {len(output_config)}: {names}", argument="output_config"
        )
    platform, config = next(iter(output_config.items()))
    if platform not in _KEYS:
        raise ArdRequestError(
            f"unknown platform {safe_repr(platform)}{did_you_mean(platform, _KEYS)}", argument="output_config"
        )
    argument = f"output_config.{platform}"
    checked = _checked(platform, config, argument)
    if platform == "amazon_s3":
        return S3Destination(**checked), ()
    warnings = _one_credential(checked, argument)
    if "service_credentials" in checked:
        key = parse_service_credentials(checked["service_credentials"], f"{argument}.service_credentials")
        checked["service_credentials"] = SecretStr(key)
    if "sas_url" in checked:
        url = parse_sas_url(checked["sas_url"], f"{argument}.sas_url")
        check_sas_location(url, checked["container"], checked["prefix"], f"{argument}.sas_url")
        warnings += sas_warnings(url, f"{argument}.sas_url")
        checked["sas_url"] = SecretStr(url)
    kind = GCSDestination if platform == "google_cloud_storage" else AzureDestination
    return kind(**checked), warnings


def _checked(platform: str, config: object, argument: str) -> dict[str, Any]:
    """Return the validated settings of a platform, without empty ones."""
    if not isinstance(config, Mapping):
        received = "a string" if isinstance(config, str) else safe_repr(config)
        raise ArdRequestError(f"expected a dictionary, got {received}", argument=argument)
    valid_keys = _KEYS[platform]
    # Templates render `None` where there is no value.
    config = {
        key: "" if isinstance(value, str) and not value else none_if_blank(value) for key, value in config.items()
    }
    for key, value in config.items():
        if key not in valid_keys:
            raise ArdRequestError(f"unknown key {safe_repr(key)}{did_you_mean(key, valid_keys)}", argument=argument)
        if value is not None and not isinstance(value, str) and key != "service_credentials":
            # A number may be `2026` or `2_026`: guessing could deliver to another location.
            hint = _NATIVE_PREFIX if key == "prefix" else ""
            raise ArdRequestError(f"expected a string, got {safe_repr(value)}{hint}", argument=f"{argument}.{key}")
    container = valid_keys[0]
    for key in (container, "prefix"):
        if config.get(key) is None:
            hint = '; "/" is the root of the bucket' if key == "prefix" else ""
            raise ArdRequestError(f"the {key} is missing{hint}", argument=argument)
    check_names(argument, config[container], config["prefix"], container)
    if config.get("role_arn"):
        _check_role(config["role_arn"], f"{argument}.role_arn")
    checked = {key: value for key, value in config.items() if none_if_blank(value) is not None}
    return checked | {"prefix": config["prefix"].strip("/")}


def _check_role(role_arn: object, argument: str) -> None:
    if not isinstance(role_arn, str) or not _ROLE_ARN.fullmatch(role_arn):
        raise ArdRequestError(
            f"expected a role like arn:aws:iam::123456789012:role/name, got {safe_repr(role_arn)}", argument=argument
        )


def _with_role(result: Destination, role_arn: object) -> Destination:
    if not isinstance(result, S3Destination):
        raise ArdRequestError(f"works with Amazon S3 only, not with {result.uri}", argument="role_arn")
    _check_role(role_arn, "role_arn")
    if result.role_arn and result.role_arn != role_arn:
        raise ArdRequestError("role_arn and output_config name two different roles", argument="role_arn")
    return result.model_copy(update={"role_arn": role_arn})


def _with_credentials(
    result: GCSDestination | AzureDestination, credentials_ids: Mapping[str, str], argument: str
) -> Destination:
    if result.credentials_id or result.secrets:
        return result
    if credentials_id := stored_credentials_id(result.uri, credentials_ids):
        return result.model_copy(update={"credentials_id": credentials_id})
    secret = "service_credentials" if isinstance(result, GCSDestination) else "sas_url"
    raise ArdRequestError(
        f"no credentials for {result.uri}: put credentials_id or {secret} into output_config, or name {result.uri} "
        "in the Connection's credentials_ids",
        argument=argument,
    )


def _one_credential(checked: dict[str, Any], argument: str) -> tuple[str, ...]:
    """Return the warnings for secrets that are ignored in favor of a stored credential."""
    if "credentials_id" not in checked:
        return ()
    check_credentials_id(checked["credentials_id"], f"{argument}.credentials_id")
    secrets = [secret for secret in ("service_credentials", "sas_url") if checked.pop(secret, None)]
    return tuple(f"{argument}: credentials_id {checked['credentials_id']!r} is used, {s} is not" for s in secrets)


def _credentials(
    config: dict[str, Any], owner: GCSDestination | AzureDestination, name: str, secret: SecretStr | None
) -> dict[str, Any]:
    if owner.credentials_id:
        return config | {"credentials_id": owner.credentials_id}
    return config | {name: secret.get_secret_value()} if secret else config


def _unmask(secret: SecretStr | None) -> tuple[str, ...]:
    return (secret.get_secret_value(),) if secret else ()
