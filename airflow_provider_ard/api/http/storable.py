"""Values of the API in the form that every store of Airflow accepts: events of triggers, XCom, the task state store.

PostgreSQL rejects NUL characters, NaN and infinity in JSON, UTF-8 cannot encode lone surrogates, and the triggerer ends
with all of its triggers for an integer of more than 64 bits. None of these has a meaning in the API.
"""

from __future__ import annotations

import math
import re
from typing import Any

_LARGEST = 2**63
# A surrogate pair and every other escape are kept; each alternative begins at a backslash that is not escaped itself.
_ESCAPE = (
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|(\\.)"
)


def storable_json(content: bytes) -> bytes:
    """Return a JSON document without the escapes of NUL characters and lone surrogates in its strings.

    Parsers reject a document with a lone surrogate, so one in a field that is only displayed would hide all others.
    """
    return re.sub(_ESCAPE, rb"\1\2", content) if b"\\u" in content else content


def storable_text(text: str) -> str:
    """Return a text without NUL characters and lone surrogates."""
    return re.sub("[\0\ud800-\udfff]", "", text)


def storable_numbers(value: Any) -> Any:
    """Return a JSON value with integers of more than 64 bits as floats, and numbers that are not finite as None."""
    if isinstance(value, dict):
        return {key: storable_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable_numbers(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        try:
            return float(value)
        except OverflowError:
            return None
    return value
