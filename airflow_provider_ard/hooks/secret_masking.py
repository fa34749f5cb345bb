"""Masking of the secrets in an order's arguments, in logs, rendered fields and the serialized DAG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_provider_ard.version_compat import mask_secret

_SECRET_KEYS = ("sas_url", "service_credentials")


def mask_output_config(output_config: Any) -> None:
    """Register the credentials in an `output_config` with Airflow's secret masker.

    Accepts any form, and never raises: an invalid form is refused when the order is validated.
    """
    if isinstance(output_config, str):
        try:
            output_config = json.loads(output_config)
        except ValueError:
            # The secrets in an unreadable string are unknown, so that all of it is masked.
            if any(key in str(output_config) for key in _SECRET_KEYS):
                mask_secret(output_config)
            return
    for secret in _secrets(output_config):
        mask_secret(secret)


class MaskedValue:
    """A secret in a DAG file. Airflow renders it, and stores `***` for it in the serialized DAG."""

    template_fields = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "***"

    def serialize(self) -> str:
        """Return the value that Airflow stores."""
        return "***"


def mask_credentials(output_config: Any) -> Any:
    """Return a copy of an `output_config` with its credentials masked; other forms are returned unchanged."""
    if not isinstance(output_config, dict):
        return output_config
    return {
        key: MaskedValue(item)
        if key in _SECRET_KEYS and isinstance(item, str | dict) and not _is_path(item)
        else mask_credentials(item)
        for key, item in output_config.items()
    }


def unmask(value: Any) -> Any:
    """Return a copy of a value with the secrets that `mask_credentials` replaced."""
    if isinstance(value, MaskedValue):
        return value.value
    if isinstance(value, dict):
        return {key: unmask(item) for key, item in value.items()}
    return value


def mask_secrets(secrets: tuple[str, ...]) -> None:
    """Register more secrets with Airflow's masker, such as the content of a credentials file."""
    for secret in secrets:
        for form in _secret_parts(secret):
            mask_secret(form)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _SECRET_KEYS and item and not _is_path(item):
                yield from _secret_parts(item)
            else:
                yield from _secrets(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item)


def _is_path(secret: object) -> bool:
    # Credentials may be the path of their file. Masking a path would hide harmless words of the log.
    return isinstance(secret, str) and len(secret) < 256 and not secret.lstrip().startswith(("{", "http"))


def _secret_parts(secret: Any) -> Iterator[str]:
    """Yield the secret, and the parts of it that are secret by themselves."""
    if isinstance(secret, Mapping):
        yield from (str(secret[key]) for key in ("private_key", "private_key_id") if secret.get(key))
        return
    text = str(secret)
    yield text
    try:
        yield from parse_qs(urlsplit(text).query).get("sig", [])
    except ValueError:
        return
