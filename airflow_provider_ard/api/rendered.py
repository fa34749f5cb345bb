"""Arguments that a template turned into text, and their way back."""

from __future__ import annotations

import ast
import json

from airflow_provider_ard.api.errors import ArdRequestError


def parsed(value: object) -> object:
    """Return what a text stands for if it looks like a list or dictionary, else the value itself.

    Jinja renders a list as Python writes it, with single quotes; JSON is what other systems write. Both are read.
    """
    if not isinstance(value, str) or value.strip()[:1] not in {"[", "{", "("}:
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return value


def boolean(value: object, argument: str) -> bool:
    """Return a truth value from a bool or the text true or false; `ArdRequestError` for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    shown = repr(value[:40]) if isinstance(value, str) else f"a {type(value).__name__}"
    raise ArdRequestError(f"wanted true or false, got {shown}", argument=argument)
