"""`make bench-plot`: how the cost of waiting grows, from the figures saved by `make bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.waiting.contenders import CONTENDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

REPOSITORY = Path(__file__).resolve().parents[2]
FIGURES = REPOSITORY / "benchmarks" / "waiting" / "figures.json"
PLOT = REPOSITORY / "docs" / "images" / "waiting.png"
# Readable on white and black pages, with its own background; the markers distinguish the lines without color.
INK, PAPER, GRID = "#24292f", "#ffffff", "#d0d7de"
STYLES = {
    "ours": ("#0969da", "o"),
    "http": ("#bc4c00", "s"),
    "dbt-cloud": ("#8250df", "^"),
    "databricks": ("#cf222e", "D"),
    "fivetran": ("#1a7f37", "v"),
}
PANELS: dict[str, Callable[[dict[str, Any]], float]] = {
    "requests per round": lambda run: run["figures"]["requests_per_round"],
    "CPU seconds per round": lambda run: run["figures"]["cpu_ms"] / 1e3 * run["task"]["orders"],
    "largest stall of the event loop, seconds": lambda run: max(stalls["largest"] for stalls in run["stalls"].values()),
}


def main() -> None:
    """Draw the plot."""
    runs = [run for run in json.loads(FIGURES.read_text())["runs"] if "figures" in run]
    mpl.rcParams.update({"font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK})
    figure = Figure(figsize=(11, 4), facecolor=PAPER, layout="constrained")
    panels = figure.subplots(1, len(PANELS))
    for axes, (title, value) in zip(panels, PANELS.items(), strict=True):
        _panel(axes, title, runs, value)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(STYLES), frameon=False)
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, dpi=110)
    print(PLOT.relative_to(REPOSITORY))


def _panel(axes: Axes, title: str, runs: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> None:
    for contender, (color, marker) in STYLES.items():
        points = [(run["task"]["orders"], value(run)) for run in runs if run["task"]["contender"] == contender]
        # Values below the resolution of the heartbeat are 0, which a logarithmic axis cannot show.
        points = [(orders, value) for orders, value in points if value > 0]
        if points:
            axes.plot(
                *zip(*points, strict=True),
                color=color,
                marker=marker,
                linewidth=2.5 if CONTENDERS[contender].is_ours else 1.2,
                label=CONTENDERS[contender].name,
            )
    axes.set(xscale="log", yscale="log", xlabel="waiting orders", title=title)
    axes.tick_params(colors=INK)
    axes.grid(color=GRID, linewidth=0.6)


if __name__ == "__main__":
    main()
