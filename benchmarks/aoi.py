"""Time to parse AOIs at the edge: `python -m benchmarks.aoi [--docs]`.

A polygon of a million vertices with `simplify_aoi`, and 20,000 boxes; CPU seconds, median of several repetitions.
Beside each, the one call of shapely that cannot be avoided: a simplification, and the creation of the polygons.
`--docs` writes the table into docs/scale.md.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import shapely

from airflow_provider_ard.api.geo.aoi import parse_aoi
from benchmarks.report import environment_line, markdown_table, write_section

if TYPE_CHECKING:
    from collections.abc import Callable

REPETITIONS = 5
VERTICES, BOXES = 1_000_000, 20_000
HEAD = ("AOI", "s", "shapely alone, s", "ratio", "goal, s")


def coast() -> shapely.Polygon:
    """Return a polygon with features of all sizes from its own down to 10 km."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    noise = sum(np.cos(angles * wave + rng.uniform(0, 6)) * rng.normal() / wave for wave in range(1, 300))
    radius = 0.5 * np.maximum(1 + 0.08 * noise, 0.2)
    return shapely.Polygon(np.c_[10 + radius * np.cos(angles), 60 + radius * np.sin(angles)])


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU seconds of a call, the median of several."""
    samples = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        call()
        samples.append(time.process_time() - start)
    return statistics.median(samples)


def main(arguments: list[str]) -> None:
    """Print the table, and write it into the documentation with `--docs`."""
    polygon = coast()
    west, south = np.meshgrid(np.arange(200) * 0.1 - 100, np.arange(BOXES // 200) * 0.1 + 20)
    corners = (west.ravel(), south.ravel(), west.ravel() + 0.05, south.ravel() + 0.05)
    boxes = shapely.box(*corners)
    collection = json.loads(shapely.to_geojson(shapely.GeometryCollection(boxes)))
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in collection["geometries"]]
    cases = (
        (
            f"a polygon of {VERTICES:,} vertices, `simplify_aoi`",
            lambda: parse_aoi(polygon, simplify=True),
            lambda: polygon.simplify(1e-4),
            3.0,
        ),
        (f"{BOXES:,} boxes", lambda: parse_aoi(list(boxes)), lambda: shapely.box(*corners), 0.1),
        (
            f"{BOXES:,} boxes as GeoJSON",
            lambda: parse_aoi({"type": "FeatureCollection", "features": features}),
            lambda: shapely.box(*corners),
            0.1,
        ),
    )
    rows = []
    for name, ours, control, goal in cases:
        seconds, bare = cpu_seconds(ours), cpu_seconds(control)
        rows.append([name, f"{seconds:.3f}", f"{bare:.3f}", f"{seconds / bare:.1f}", f"{goal:g}"])
    lines = [*markdown_table(HEAD, rows), "", environment_line("python -m benchmarks.aoi", "shapely", "numpy")]
    print("\n".join(lines))
    if "--docs" in arguments:
        write_section("docs/scale.md", "benchmarks.aoi", lines)


if __name__ == "__main__":
    main(sys.argv[1:])
