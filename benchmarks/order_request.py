"""Time to build an order: `python -m benchmarks.order_request SDK_PYTHON [--docs]`, beside the SDK, max-ard.

    python -m benchmarks.order_request .venv-max-ard/bin/python

Measured is the CPU time from the arguments of a user to the dictionary that is sent as JSON, the same for both: parse,
validate, convert the geometry to WKT. Imports, writing the JSON and the request are not included. This provider is also
measured without the checks that max-ard lacks, which shows what they cost.

The contenders run alternately, each in a separate process and environment. After a warm-up, each round builds every
order repeatedly and returns the median CPU seconds of its batches. The table shows medians of the rounds; a ratio is
the median of those of each round, as the speed of the machine may change between rounds. The exit code is 1 if this
provider is slower for any order. `--docs` writes the table into docs/scale.md.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.report import REPOSITORY, environment_line, markdown_table, write_section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 7
SECONDS_PER_CASE = 0.4
SECONDS_PER_BATCH = 0.01
MAX_RATIO = 0.35
PROVIDER, UNCHECKED, SDK = "provider", "unchecked", "sdk"
CONTENDERS = (PROVIDER, UNCHECKED, SDK)
HEAD = ("Order", "this provider, ms", "max-ard, ms", "ratio", "range of the ratio", "ratio without the checks")
A = "10300100B2B49700"


def cases() -> dict[str, dict[str, Any]]:
    """Return the arguments of each order."""
    rng = random.Random(1)
    cells = ["Z13-" + "".join(rng.choices("0123", k=12)) for _ in range(5000)]
    stacks = [{"id": f"10300100{number:06X}00", "cells": rng.sample(cells, 50)} for number in range(10_000)]
    ring = [
        [-105 + 0.5 * math.cos(angle), 40 + 0.4 * math.sin(angle)] for angle in (math.tau * i / 999 for i in range(999))
    ]
    squares = [(-110 + 0.1 * (number % 25), 30 + 0.1 * (number // 25)) for number in range(500)]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [square(x, y, 0.05)]}}
        for x, y in squares
    ]
    return {
        "10,000 acquisitions x 50 cells": {"acquisitions": stacks},
        "AOI of 1,000 vertices": {
            "acquisitions": [A],
            "intersects": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        },
        "FeatureCollection of 500 polygons": {
            "acquisitions": [A],
            "intersects": {"type": "FeatureCollection", "features": features},
        },
        "a small order": {"acquisitions": [A]},
    }


def square(x: float, y: float, side: float) -> list[list[float]]:
    """Return the ring of a square, in degrees."""
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def provider_builder() -> Callable[..., Any]:
    """Return a function that builds an order's payload with this provider."""
    from airflow_provider_ard.api.orders.request import OrderRequest  # noqa: PLC0415 -- installed for one side only

    return lambda arguments: OrderRequest.of(destination="s3://bkt/a/b", **arguments).to_payload()


@contextlib.contextmanager
def without_checks() -> Iterator[None]:
    """Replace the checks that max-ard lacks, and the removal of duplicate cells, by functions that do nothing."""
    api = "airflow_provider_ard.api"
    with (
        mock.patch(f"{api}.orders.acquisitions.parse_acquisition_id", lambda value, _: value),
        mock.patch(f"{api}.orders.acquisitions._AcquisitionCollector._parse_cells", lambda _, __, cells: tuple(cells)),
        mock.patch(f"{api}.geo.aoi._checked", lambda geometry, repairs, *_, **__: (geometry, repairs)),
        mock.patch(f"{api}.delivery.layout.check_names", check_nothing),
    ):
        yield


def check_nothing(*_: object) -> None:
    """Accept all arguments; unlike a mock, without recording the call."""


def sdk_builder() -> Callable[..., Any]:
    """Return a function that builds an order's payload with the SDK; the session is not used."""
    from max_ard import Order  # noqa: PLC0415 -- installed for one side only

    session = object()
    return lambda arguments: Order(
        destination="s3://bkt/a/b", session=session, settings={}, **arguments
    ).request.to_payload()


def time_batch(build: Callable[..., Any], arguments: dict[str, Any], size: int) -> float:
    """Return the CPU seconds per order, averaged over `size` orders."""
    start = time.process_time()
    for _ in range(size):
        build(arguments)
    return (time.process_time() - start) / size


def run_round(contender: str) -> dict[str, float]:
    """Return the CPU seconds of a contender for each order."""
    if contender == SDK:
        return time_cases(sdk_builder())
    with without_checks() if contender == UNCHECKED else contextlib.nullcontext():
        return time_cases(provider_builder())


def time_cases(build: Callable[..., Any]) -> dict[str, float]:
    """Return the CPU seconds of building each order."""
    seconds = {}
    for name, arguments in cases().items():
        build(arguments)
        once = time_batch(build, arguments, 1)
        size = max(1, int(SECONDS_PER_BATCH / once))
        deadline = time.perf_counter() + SECONDS_PER_CASE
        samples = [time_batch(build, arguments, size)]
        while time.perf_counter() < deadline or len(samples) < 3:
            samples.append(time_batch(build, arguments, size))
        seconds[name] = statistics.median(samples)
    return seconds


def measure(contender: str, python: str) -> dict[str, float]:
    """Run a round of a contender in a new process; return its CPU seconds for each order."""
    command = [python, "-m", "benchmarks.order_request", "--round", contender]
    process = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if process.returncode:
        raise RuntimeError(process.stderr[-3000:])
    seconds: dict[str, float] = json.loads(process.stdout)
    return seconds


def main(sdk_python: str, *, docs: bool) -> int:
    """Run the contenders alternately, print the table, and return the exit code."""
    pythons = {PROVIDER: sys.executable, UNCHECKED: sys.executable, SDK: str(Path(sdk_python).absolute())}
    rounds: dict[str, list[dict[str, float]]] = {contender: [] for contender in CONTENDERS}
    for number in range(ROUNDS):
        for contender in CONTENDERS if number % 2 else reversed(CONTENDERS):
            rounds[contender].append(measure(contender, pythons[contender]))
    rows, ratios = [], []
    for name in rounds[SDK][0]:
        each = {contender: [seconds[name] for seconds in rounds[contender]] for contender in CONTENDERS}
        ratio, unchecked = (
            sorted(ours / theirs for ours, theirs in zip(each[contender], each[SDK], strict=True))
            for contender in (PROVIDER, UNCHECKED)
        )
        ratios.append(statistics.median(ratio))
        rows.append(
            [
                name,
                f"{statistics.median(each[PROVIDER]) * 1e3:.3f}",
                f"{statistics.median(each[SDK]) * 1e3:.3f}",
                f"{statistics.median(ratio):.2f}",
                f"{ratio[0]:.2f} to {ratio[-1]:.2f}",
                f"{statistics.median(unchecked):.2f}",
            ]
        )
    measured = environment_line("python -m benchmarks.order_request", "pydantic", "shapely", "numpy")
    lines = [*markdown_table(HEAD, rows), "", measured]
    print("\n".join(lines))
    print(f"goal: ratio ≤ {MAX_RATIO}: {sum(ratio <= MAX_RATIO for ratio in ratios)} of {len(ratios)} met")
    if docs:
        write_section("docs/scale.md", "benchmarks.order_request", lines)
    return int(max(ratios) > 1)


if __name__ == "__main__":
    if sys.argv[1] == "--round":
        print(json.dumps(run_round(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1], docs="--docs" in sys.argv[2:]))
