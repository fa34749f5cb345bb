"""Secrets in what the API or a library reports: replaced in every encoding in which they may come back."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_ard.api.errors import ArdError

# A signature inside a SAS URL is a secret wherever it appears, also in a URL that was shortened or encoded again.
_SAS_SIGNATURE = re.compile(r"(?i)(sig(?:=|%3D))[^&\s\"'<>]+")
# Shorter ones are no secrets worth the name, and would blank out innocent words.
_SHORTEST = 4


def redact(error: ArdError, secrets: Iterable[str]) -> ArdError:
    """Return the error with these secrets, and any SAS signature, replaced in its message and fields."""
    for name in ("message", "code", "type", "request_id"):
        value = getattr(error, name)
        if isinstance(value, str):
            setattr(error, name, redact_text(value, secrets))
    error.args = (error.message,)
    return error


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text with these secrets, and any SAS signature, replaced by `***`."""
    text = _SAS_SIGNATURE.sub(r"\1***", text)
    forms = {form for secret in secrets for form in encodings(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def encodings(secret: str) -> Iterator[str]:
    """Yield a secret raw, URL-encoded, JSON-escaped and in base64 at each of the three offsets."""
    if len(secret) < _SHORTEST:
        return
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    raw = secret.encode(errors="surrogateescape")
    for offset in range(3):
        # Inside of a longer text, such as `user:password`, a secret begins at any of three places of a base64 group.
        encoded = base64.b64encode(b"\0" * offset + raw)
        start, end = (offset * 8 + 5) // 6, (offset + len(raw)) * 8 // 6
        core = encoded[start:end].decode()
        if len(core) >= 2 * _SHORTEST:
            yield core
            yield core.replace("+", "-").replace("/", "_")
