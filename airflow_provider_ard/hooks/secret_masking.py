"""Telling Airflow's secret masker of the secrets that an order's arguments carry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_provider_ard.version_compat import mask_secret

_SECRET_KEYS = ("sas_url", "service_credentials")


def mask_output_config(output_config: Any) -> None:
    """Mask the credentials in an `output_config`, wherever Airflow would show them from now on.

    Takes whatever form a user may have given it in, and never raises: a wrong form is another step's to refuse.
    """
    if isinstance(output_config, str):
        try:
            output_config = json.loads(output_config)
        except ValueError:
            # What cannot be read cannot be told apart: all of it is kept back.
            if any(key in str(output_config) for key in _SECRET_KEYS):
                mask_secret(output_config)
            return
    for secret in _found(output_config):
        mask_secret(secret)


class MaskedValue:
    """A secret that stands in a DAG file. Airflow renders it, and stores three stars for it in the serialized DAG."""

    template_fields = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "***"

    def serialize(self) -> str:
        """Return what Airflow may store."""
        return "***"


def mask_credentials(output_config: Any) -> Any:
    """Return a copy of an `output_config` with its credentials concealed; other forms come back as they are."""
    if not isinstance(output_config, dict):
        return output_config
    return {
        key: MaskedValue(inner)
        if key in _SECRET_KEYS and isinstance(inner, str | dict) and not _is_path(inner)
        else mask_credentials(inner)
        for key, inner in output_config.items()
    }


def unmask(value: Any) -> Any:
    """Return a copy of a value with what `concealed` hid."""
    if isinstance(value, MaskedValue):
        return value.value
    if isinstance(value, dict):
        return {key: unmask(inner) for key, inner in value.items()}
    return value


def mask_secrets(secrets: tuple[str, ...]) -> None:
    """Mask secrets that became known only now, such as the contents of a credentials file."""
    for secret in secrets:
        for form in _forms(secret):
            mask_secret(form)


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _SECRET_KEYS and inner and not _is_path(inner):
                yield from _forms(inner)
            else:
                yield from _found(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _found(inner)


def _is_path(secret: object) -> bool:
    # Credentials may be named by the path of their file. Masking a path would blot out innocent words of the log.
    return isinstance(secret, str) and len(secret) < 256 and not secret.lstrip().startswith(("{", "http"))


def _forms(secret: Any) -> Iterator[str]:
    """Yield the secret and the parts of it that are secret by themselves."""
    if isinstance(secret, Mapping):
        yield from (str(secret[key]) for key in ("private_key", "private_key_id") if secret.get(key))
        return
    text = str(secret)
    yield text
    try:
        yield from parse_qs(urlsplit(text).query).get("sig", [])
    except ValueError:
        return
