"""Values of command line arguments: dates, durations, IDs. Imports no Airflow."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import LONGEST_DURATION

if TYPE_CHECKING:
    from datetime import date

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*[smhdw]\s*)+", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.ASCII | re.IGNORECASE)
_SECONDS = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
# Short enough for a date.
_MAX_SECONDS = 1000 * 366 * 86_400


def duration(text: str) -> float:
    """Return a duration such as `90`, `30s`, `2h`, `1h30m` or `7d` in seconds, at least 1 and at most ten years."""
    seconds = _parse_duration(text.strip())
    if seconds is None or not 1 <= seconds <= LONGEST_DURATION.total_seconds():
        raise argparse.ArgumentTypeError(
            f"expected a duration of 1 s to ten years, like 90, 30s, 2h or 7d, got {text!r}"
        )
    return seconds


def date_or_age(text: str) -> str:
    """Return an ISO 8601 date unchanged, and a duration such as `7d` as the time that long ago."""
    stripped = text.strip()
    seconds = None if _SECONDS.fullmatch(stripped) else _parse_duration(stripped)
    if seconds is not None and seconds <= _MAX_SECONDS:
        return f"{datetime.now(UTC) - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a date like 2026-01-31, or a duration before now like 7d, got {text!r}"
        ) from None
    return text


def order_id(text: str) -> str:
    """Return an order ID without surrounding spaces."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected an order ID, got an empty string")
    return text.strip()


def order_key(text: str) -> str:
    """Return an idempotency key without surrounding spaces."""
    key = text.strip()
    if not 0 < len(key) <= 100 or not key.isprintable():
        raise argparse.ArgumentTypeError(f"expected a name of 1 to 100 printable characters, got {text[:100]!r}")
    return key


def count(text: str) -> int:
    """Return a number, 0 or more."""
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number, 0 for all, got {text!r}")
    return int(text)


def pair(text: str) -> tuple[str, str]:
    """Return key and value of `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE, got {text!r}")
    return key, value


def acquisition(text: str) -> str | dict[str, Any]:
    """Return an acquisition of an order from `ID` or `ID:CELL,CELL`; IDs and cells are validated later.

    A list or dictionary in JSON is returned unchanged.
    """
    if text.lstrip().startswith(("[", "{")):
        return text
    acquisition_id, colon, cells = text.partition(":")
    if not colon:
        return text
    if not all(cell_ids := [cell.strip() for cell in cells.split(",")]):
        # No cells would be all cells of the acquisition.
        raise argparse.ArgumentTypeError(f"expected ID or ID:CELL,CELL, got {text!r}")
    return {"id": acquisition_id, "cells": cell_ids}


def dates_problem(args: argparse.Namespace) -> str | None:
    """Return the problem of a start after the end, for which the API would return an empty result."""
    if args.start_date and args.end_date and _day(args.start_date) > _day(args.end_date):
        return f"--start-date: {args.start_date} is after --end-date {args.end_date}"
    return None


def confirmation_problem(args: argparse.Namespace) -> str | None:
    """Return the problem of a command that has to ask for a confirmation without a terminal."""
    return None if args.yes or sys.stdin.isatty() else "--yes: required without a terminal"


def _parse_duration(text: str) -> float | None:
    if _SECONDS.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit.lower()] for number, unit in _PART.findall(text))


def _day(text: str) -> date:
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
