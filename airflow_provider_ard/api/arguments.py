"""Arguments as they come: texts that a template left of them, any iterable, and how they are shown in an error."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow_provider_ard.api.errors import ArdRequestError

_NOTHING = {"", "None"}
_BRACKETS = ("[", "{", "(")
_SHOWN_CHARACTERS = 60
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")


class _Omitted:
    def __repr__(self) -> str:
        return "OMITTED"


# Default of arguments that limit what is bought or searched. None is a value there, and an error: an upstream task that
# returned nothing must not widen an order.
OMITTED: Any = _Omitted()


def require_value(value: object, argument: str) -> Any:
    """Return None for an omitted argument, else its value.

    Raises `ArdRequestError` if the value is nothing: None, an empty string or container, or the string `None`.
    """
    if value is OMITTED:
        return None
    is_empty = isinstance(value, Mapping | list | tuple | set | frozenset) and not value
    literal = parse_literal(value)
    if none_if_blank(literal) is None or is_empty or (isinstance(literal, list | tuple | dict) and not literal):
        raise ArdRequestError(f"is {safe_repr(value)}; omit the argument to set no limit", argument=argument)
    return value


def none_if_blank(value: object) -> Any:
    """Return None for what a template leaves where nothing is: an empty text or the word None."""
    if not isinstance(value, str):
        return value
    return None if value.strip() in _NOTHING else value


def parse_literal(value: object) -> Any:
    """Return what a text stands for if it looks like a list or dictionary, else the value itself.

    Jinja renders a list as Python writes it, with single quotes; JSON is what other systems write. Both are read.
    """
    if not isinstance(value, str) or not value.lstrip().startswith(_BRACKETS):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return value


def parse_bool(value: object, argument: str) -> bool:
    """Return a truth value from a bool or the text true or false; `ArdRequestError` for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise ArdRequestError(f"wanted true or false, got {safe_repr(value)}", argument=argument)


def to_list(value: object, argument: str, wish: str) -> Sequence[Any]:
    """Return the members of any iterable that is neither a text nor a mapping; `ArdRequestError` for anything else.

    Those of a set come sorted: another process, such as a retry, must make the same order of them.
    """
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str | bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        raise ArdRequestError(f"wanted {wish}, got {safe_repr(value)}", argument=argument)
    try:
        return sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
    except Exception as error:  # noqa: BLE001 -- a generator runs the user's own code
        raise ArdRequestError(
            f"wanted {wish}, got {safe_repr(value)} that raises {type(error).__name__}", argument=argument
        ) from None


def safe_repr(value: object) -> str:
    """Show what came in an error: a text cut short and without a URL's password and query, of the rest the type."""
    if isinstance(value, str):
        text = _PASSWORD.sub("", value.split("?", 1)[0])
        return repr(text[:_SHOWN_CHARACTERS]) + ("…" if len(text) > _SHOWN_CHARACTERS else "")
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int) and abs(value) < 10**20:
        return repr(value)
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"


def pluralize(number: int, noun: str) -> str:
    """Return a number of things in words: `1 tile`, `2,000 tiles`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return a hint at the known name that was probably meant, or at all of them."""
    import difflib  # noqa: PLC0415 -- heavy for what only a misspelt name needs, and DAG files import this module

    names = list(known)
    close = difflib.get_close_matches(str(name)[:_SHOWN_CHARACTERS], names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(names)}"


def parse_seconds(value: object, argument: str) -> float:
    """Return seconds above 0 from a timedelta, a number or the string of one; `ArdRequestError` for anything else."""
    try:
        seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        seconds = 0.0
    if isinstance(value, bool) or not 0 < seconds < float("inf"):
        raise ArdRequestError(f"expected seconds above 0 or a timedelta, got {safe_repr(value)}", argument=argument)
    return seconds
