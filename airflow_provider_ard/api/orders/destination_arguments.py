"""The arguments `destination`, `output_config` and `role_arn` of an order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from airflow_provider_ard.api.arguments import did_you_mean, none_if_blank, safe_repr
from airflow_provider_ard.api.delivery.layout import check_names, parse_location
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.credentials import (
    check_credentials_id,
    parse_service_credentials,
    stored_credentials_id,
)
from airflow_provider_ard.api.orders.destination import AzureDestination, Destination, GCSDestination, S3Destination
from airflow_provider_ard.api.orders.sas_url import check_sas_location, parse_sas_url, sas_warnings

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+")
_NATIVE_PREFIX = "; with render_template_as_native_obj, Airflow converts digits to numbers: write 2026/, with a slash"
_KEYS = {
    "amazon_s3": ("bucket", "prefix", "role_arn"),
    "google_cloud_storage": ("bucket", "prefix", "service_credentials", "credentials_id"),
    "azure_blob_storage": ("container", "prefix", "sas_url", "credentials_id"),
}


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
