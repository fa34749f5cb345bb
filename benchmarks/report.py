"""Write the results of a benchmark into a page of the documentation, so that figures and text cannot differ."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REPOSITORY = Path(__file__).resolve().parents[1]


def environment_line(command: str, *packages: str) -> str:
    """Return the command, the versions and the number of processors of a run as a sentence."""
    versions = ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])
    return f"Measured by `{command}`: {versions}, {os.cpu_count()} processors."


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def write_section(page: str, name: str, lines: Iterable[str]) -> None:
    """Replace the text between the markers of a benchmark in a page. Raises ValueError if it has no such markers.

        write_section("docs/scale.md", "benchmarks.tiles", markdown_table(HEAD, rows))

    The markers are `<!-- results of NAME -->` and `<!-- end of results -->`.
    """
    path = REPOSITORY / page
    before, marker, rest = path.read_text(encoding="utf-8").partition(f"<!-- results of {name} -->\n")
    _, end, after = rest.partition("<!-- end of results -->\n")
    if not marker or not end:
        raise ValueError(f"{page} has no section for the results of {name}")
    path.write_text("\n".join([f"{before}{marker}", *lines, "", f"{end}{after}"]), encoding="utf-8")
