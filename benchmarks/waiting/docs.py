"""Write the saved figures of `make bench` into docs/scale.md: `python -m benchmarks.waiting.docs`."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.report import REPOSITORY, markdown_table, write_section
from benchmarks.waiting.contenders import CONTENDERS
from benchmarks.waiting.table import HEAD, collection_line, row, versions

FIGURES = REPOSITORY / "benchmarks" / "waiting" / "figures.json"
PAGE = "docs/scale.md"
# Without what the requests show, which the text describes.
COLUMNS = [HEAD[0], HEAD[1], *HEAD[5:]]
COUNTED_COLUMNS = [HEAD[1], HEAD[2], HEAD[4]]


def section(runs: list[dict[str, Any]], columns: list[str]) -> list[str]:
    """Return the lines of a table with some of the columns."""
    indices = [HEAD.index(column) for column in columns]
    rows = map(row, runs)
    return markdown_table(columns, [[cells[index] for index in indices] for cells in rows])


def main() -> None:
    """Write the requests of this provider and the comparison with its peers."""
    figures = json.loads(FIGURES.read_text())
    runs = [run for run in figures["runs"] if run["task"]["orders"] >= 1_000]
    ours = [run for run in runs if run["task"]["contender"] == "ours"]
    peers = versions(run for run in runs if CONTENDERS[run["task"]["contender"]].is_peer)
    write_section(PAGE, "benchmarks.waiting.counts", section(ours, COUNTED_COLUMNS))
    lines = [
        *section(runs, COLUMNS),
        "",
        f"{figures['environment']} Peers: {peers}.",
        *map(collection_line, ours[-1:]),
    ]
    write_section(PAGE, "benchmarks.waiting", lines)


if __name__ == "__main__":
    main()
