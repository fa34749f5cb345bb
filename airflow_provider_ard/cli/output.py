"""How commands speak: tables for people, JSON for programs, all else on standard error."""

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

# Wide enough that a pipe or a file gets whole lines.
_WIDTH_OF_NO_TERMINAL = 1000


@cache
def stdout() -> TextIO:
    """Return standard output, which from the first call on carries what this module prints and nothing else.

    Airflow logs to it too, in lines that no program could tell from the result. They go to standard error.
    """
    ours = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="replace")
    sys.stdout.flush()
    os.dup2(2, 1)
    return ours


def console(*, stderr: bool = False) -> Console:
    """Return a console that shows texts as they are, without markup of its own."""
    stream = sys.stderr if stderr else stdout()
    width = None if stream.isatty() else _WIDTH_OF_NO_TERMINAL
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def text(value: object) -> Text:
    """Return a value as a text in one line. What comes from the API is not trusted to leave the terminal alone."""
    shown = "" if value is None else str(value)
    return Text("".join(character if character.isprintable() else " " for character in shown))


def amount(value: float | None) -> Text:
    """Return a number as people write it."""
    return Text("" if value is None else f"{value:,.2f}", justify="right")


def print_json(value: Any) -> None:
    """Print JSON."""
    stdout().write(f"{json.dumps(value, indent=2, ensure_ascii=False)}\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Text]]) -> None:
    """Print rows below the columns' names."""
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console().print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and what they hold, leaving out what is not known."""
    table = Table.grid("name", "value", padding=(0, 2))
    for name, value in facts:
        if value is not None and value != "":
            table.add_row(Text(name, style="bold"), value if isinstance(value, Text) else text(value))
    console().print(table)


def say(message: str) -> None:
    """Say something to whoever watches."""
    console(stderr=True).print(text(message), soft_wrap=True)


def complain(message: str) -> None:
    """Say what went wrong, in one line."""
    say(f"error: {message}")
