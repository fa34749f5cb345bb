"""Parse arguments as users and templates pass them: strings of literals, any iterable; format them for messages."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from datetime import timedelta
from typing import Any

from airflow_provider_ard.api.errors import ArdRequestError

_BLANK = {"", "None"}
_BRACKETS = ("[", "{", "(")
# For `isinstance`, which is much faster for a dictionary than for an abstract Mapping.
MAPPING_TYPES = (dict, Mapping)
_MAX_CHARACTERS = 60
# About ten years. Airflow cannot store the end of a much longer wait, or it overflows.
LONGEST_DURATION = timedelta(days=3660)
# Compiled when first used: DAG files load this module.
_USER_INFO = r"(?<=://)[^/@\s]*:[^/@\s]*@"


class _Omitted:
    def __repr__(self) -> str:
        return "OMITTED"


# Default of arguments that limit what is bought or searched. None is a value there, and an error: an upstream task that
# returned nothing must not widen an order.
OMITTED: Any = _Omitted()

# What `OrderRequest.of` takes from operators and commands.
ORDER_ARGUMENTS = (
    "acquisitions",
    "select_id",
    "destination",
    "output_config",
    "intersects",
    "bbox",
    "role_arn",
    "dry_run",
    "bba",
    "settings",
    "metadata",
    "email_notifications",
    "sns_notifications",
    "simplify_aoi",
    "drop_small_polygons",
)
# What `SelectRequest.of` takes from them.
SELECT_ARGUMENTS = (
    "ids",
    "datetime",
    "intersects",
    "bbox",
    "query",
    "stack_depth",
    "image_age_category",
    "simplify_aoi",
    "drop_small_polygons",
)


def reject_blank(value: object, argument: str) -> Any:
    """Return None for an omitted argument, else its value.

    Raises `ArdRequestError` if the value is blank: None, an empty string or container, or the string `None`.
    """
    if value is OMITTED:
        return None
    literal = parse_literal(value)
    if none_if_blank(literal) is None or _is_empty(literal):
        raise ArdRequestError(f"is {safe_repr(value)}; omit the argument to set no limit", argument=argument)
    return value


def _is_empty(value: object) -> bool:
    """Return whether a value is a container of any library without items."""
    try:
        return isinstance(value, Sized) and not isinstance(value, str) and len(value) == 0
    except Exception:  # noqa: BLE001 -- an array without dimensions, or the user's own code
        return False


def none_if_blank(value: object) -> Any:
    """Return None for an empty string and the string `None`, which templates render where there is no value."""
    if not isinstance(value, str):
        return value
    return None if value.strip() in _BLANK else value


def parse_literal(value: object) -> Any:
    """Return the value of a string that contains a list or dictionary, else the value itself.

    Jinja renders Python literals, with single quotes; other systems write JSON. Both are parsed.
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
    """Return a bool from a bool or the string true or false. Raises `ArdRequestError` for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise ArdRequestError(f"expected true or false, got {safe_repr(value)}", argument=argument)


def parse_limit(value: object, argument: str) -> float:
    """Return a limit from a number of at least 0 or a numeric string. Raises `ArdRequestError` for anything else."""
    if none_if_blank(value) is None:
        raise ArdRequestError(f"rendered to {value!r}; omit the argument to order without a limit", argument=argument)
    try:
        limit = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        limit = math.nan
    if not 0 <= limit < math.inf:
        raise ArdRequestError(f"expected a finite number of at least 0, got {safe_repr(value)}", argument=argument)
    return limit


def to_list(value: object, argument: str, expected: str) -> Sequence[Any]:
    """Return the items of any iterable that is neither a string nor a mapping.

    The items of a set are sorted: another process, such as a retry, must build the same order from them. Raises
    `ArdRequestError` for anything else.
    """
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str | bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        raise ArdRequestError(f"expected {expected}, got {safe_repr(value)}", argument=argument)
    try:
        return sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
    except Exception as error:  # noqa: BLE001 -- a generator runs the user's own code
        raise ArdRequestError(
            f"expected {expected}, got {safe_repr(value)} that raises {type(error).__name__}", argument=argument
        ) from None


def safe_repr(value: object) -> str:
    """Return a value for a message: a shortened string without a URL's password and query, or the type."""
    if isinstance(value, str):
        shortened = re.sub(_USER_INFO, "", value.split("?", 1)[0])
        return repr(shortened[:_MAX_CHARACTERS]) + ("…" if len(shortened) > _MAX_CHARACTERS else "")
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int) and abs(value) < 10**20:
        return repr(value)
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun: `1 tile`, `2,000 tiles`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    """Return a hint: the nearest valid name, or all of them."""
    import difflib  # noqa: PLC0415 -- heavy, and needed for a misspelled name only, and DAG files import this module

    names = list(valid)
    close = difflib.get_close_matches(str(name)[:_MAX_CHARACTERS], names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; valid names: {', '.join(names)}"


def parse_seconds(value: object, argument: str, *, longest: timedelta = LONGEST_DURATION) -> float:
    """Return seconds above 0 from a timedelta, a number or a numeric string. Raises `ArdRequestError` otherwise."""
    seconds = _seconds(value)
    if isinstance(value, bool) or not 0 < seconds < math.inf:
        raise ArdRequestError(f"expected seconds above 0 or a timedelta, got {safe_repr(value)}", argument=argument)
    check_duration(seconds, argument, longest=longest)
    return seconds


def check_duration(value: object, argument: str, *, longest: timedelta = LONGEST_DURATION) -> None:
    """Raise `ArdRequestError` for a timedelta or seconds above `longest`; any other value is left to the caller."""
    seconds = _seconds(value)
    if seconds > longest.total_seconds():
        raise ArdRequestError(f"expected at most {longest.days:,} days, got {seconds:g} s", argument=argument)


def _seconds(value: object) -> float:
    """Return a duration in seconds, NaN for a value that is not a duration."""
    try:
        return value.total_seconds() if isinstance(value, timedelta) else float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        return math.nan
