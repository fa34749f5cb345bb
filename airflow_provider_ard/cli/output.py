"""Output of the commands: tables for people, JSON for programs, messages on standard error."""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Wide enough for complete lines in a pipe or file.
_WIDTH_OF_NO_TERMINAL = 1000


@cache
def stdout() -> TextIO:
    """Return standard output, which from the first call on contains only the output of this module.

    Airflow logs to it as well, in lines that programs cannot distinguish from the result. They go to standard error.
    """
    stream = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="replace")
    sys.stdout.flush()
    os.dup2(2, 1)
    return stream


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text unchanged, without markup."""
    stream = sys.stderr if stderr else stdout()
    width = None if stream.isatty() else _WIDTH_OF_NO_TERMINAL
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def text(value: object) -> Text:
    """Return a value as one line of text, without control characters that the API may have sent."""
    characters = "" if value is None else str(value)
    return Text("".join(character if character.isprintable() else " " for character in characters))


def amount(value: float | None) -> Text:
    """Return a number with separators and two decimals."""
    return Text("" if value is None else f"{value:,.2f}", justify="right")


def print_json(value: Any) -> None:
    """Print JSON."""
    stdout().write(f"{json.dumps(value, indent=2, ensure_ascii=False)}\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Text]]) -> None:
    """Print a table."""
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console().print(table)


def print_details(details: Iterable[tuple[str, object]]) -> None:
    """Print names with their values; unknown values are skipped."""
    table = Table.grid("name", "value", padding=(0, 2))
    for name, value in details:
        if value is not None and value != "":
            table.add_row(Text(name, style="bold"), value if isinstance(value, Text) else text(value))
    console().print(table)


def print_message(message: str) -> None:
    """Print a message for people, on standard error."""
    console(stderr=True).print(text(message), soft_wrap=True)


def print_error(message: str) -> None:
    """Print an error in one line, on standard error."""
    print_message(f"error: {message}")
