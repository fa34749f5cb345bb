"""Time to build an order request: this provider compared with max-ard.

    python benchmarks/order_request.py .venv-max-ard/bin/python

Both run alternately, each in a separate process and environment. After a warm-up, each round builds every order
repeatedly and returns the median CPU seconds of its batches; the table shows the median of the rounds. The exit code
is 1 if this provider is slower for any order.
"""

from __future__ import annotations

import json
import math
import platform
import random
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
SECONDS_PER_CASE = 0.4
SECONDS_PER_BATCH = 0.01
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


def run_round(side: str) -> dict[str, Any]:
    """Return the CPU seconds of one side for each order, and its package versions."""
    build = provider_builder() if side == "provider" else sdk_builder()
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
    distribution = "airflow-provider-ard" if side == "provider" else "max-ard"
    versions = {name: version(name) for name in (distribution, "pydantic", "shapely", "numpy")}
    return {"seconds": seconds, "versions": versions | {"python": platform.python_version()}}


def main(sdk_python: str) -> int:
    """Run both sides alternately, print the table, and return the exit code."""
    interpreters = {"provider": sys.executable, "sdk": sdk_python}
    rounds: dict[str, list[dict[str, Any]]] = {"provider": [], "sdk": []}
    for number in range(ROUNDS):
        for side in ("provider", "sdk") if number % 2 else ("sdk", "provider"):
            process = subprocess.run(
                [interpreters[side], __file__, "--round", side], capture_output=True, text=True, check=True
            )
            rounds[side].append(json.loads(process.stdout))
    print(f"command: python {' '.join(sys.argv)}    median of {ROUNDS} rounds per side")
    for side, results in rounds.items():
        print(f"{side}: " + ", ".join(f"{name} {number}" for name, number in results[0]["versions"].items()))
    print(f"\n{'order':36}{'provider, ms':>14}{'max-ard, ms':>14}{'ratio':>8}{'worst round':>13}")
    highest = 0.0
    for name in rounds["provider"][0]["seconds"]:
        each = {side: [result["seconds"][name] for result in results] for side, results in rounds.items()}
        provider, sdk = statistics.median(each["provider"]), statistics.median(each["sdk"])
        worst = max(a / b for a, b in zip(each["provider"], each["sdk"], strict=True))
        print(f"{name:36}{provider * 1e3:14.3f}{sdk * 1e3:14.3f}{provider / sdk:8.2f}{worst:13.2f}")
        highest = max(highest, provider / sdk)
    print(f"\nhighest ratio {highest:.2f}: this provider is {'never slower' if highest <= 1 else 'SLOWER'}")
    return int(highest > 1)


if __name__ == "__main__":
    if sys.argv[1] == "--round":
        print(json.dumps(run_round(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1]))
