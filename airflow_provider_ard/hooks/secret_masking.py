"""Registration of secrets with Airflow's masker, which replaces them in logs and rendered fields."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_provider_ard.api.http.redaction import encodings
from airflow_provider_ard.version_compat import mask_secret


def mask_secrets(secrets: Iterable[Any]) -> None:
    """Register secrets with Airflow's masker in every encoding, and the parts of them that are secret by themselves.

    A secret is a string, such as a token or SAS URL, or the dictionary of a service account's key.
    """
    parts = {part for secret in secrets for part in _secret_parts(secret)}
    forms = sorted({form for part in parts for form in encodings(part)})
    if forms:
        # One call, as Airflow passes each on to the supervisor of the task.
        mask_secret([*forms])


def _secret_parts(secret: Any) -> Iterator[str]:
    if isinstance(secret, Mapping):
        private_key = str(secret.get("private_key") or "")
        yield from (private_key, str(secret.get("private_key_id") or ""))
        # Its lines, as the line feeds between them may come back in any form.
        yield from (line for line in private_key.splitlines() if not line.startswith("-----"))
        return
    text = str(secret)
    yield text
    with suppress(ValueError):
        yield from parse_qs(urlsplit(text).query).get("sig", [])
    try:
        key = json.loads(text if text.lstrip().startswith("{") else base64.b64decode(text, validate=True))
    except (ValueError, RecursionError):
        return
    if isinstance(key, Mapping):
        yield from _secret_parts(key)
