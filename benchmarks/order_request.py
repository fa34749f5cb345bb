"""Building an order: ours against max-ard, in one run.

Two interpreters take turns, a process each, since the two cannot share an environment::

    python benchmarks/order_request.py .venv-max-ard/bin/python

Each turn makes every order again and again, after a warm-up, and tells the median of its batches, in seconds of the
processor; the table has the median of the turns.
Ends with 1 if ours is slower anywhere.
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

TURNS = 7
SECONDS_A_CASE = 0.4
SECONDS_A_BATCH = 0.01
A = "10300100B2B49700"


def cases() -> dict[str, dict[str, Any]]:
    """Return the arguments of each order."""
    chance = random.Random(1)
    cells = ["Z13-" + "".join(chance.choices("0123", k=12)) for _ in range(5000)]
    stacks = [{"id": f"10300100{number:06X}00", "cells": chance.sample(cells, 50)} for number in range(10_000)]
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
    """Return the ring of a square, degrees."""
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def ours() -> Callable[..., Any]:
    """Return a function that makes an order's payload with this package."""
    from airflow_provider_ard.api.orders.request import OrderRequest  # noqa: PLC0415 -- of one side only

    return lambda arguments: OrderRequest.of(destination="s3://bkt/a/b", **arguments).to_payload()


def theirs() -> Callable[..., Any]:
    """Return a function that makes an order's payload with the SDK; the session is not used."""
    from max_ard import Order  # noqa: PLC0415 -- of one side only

    session = object()
    return lambda arguments: Order(
        destination="s3://bkt/a/b", session=session, settings={}, **arguments
    ).request.to_payload()


def batch(make: Callable[..., Any], arguments: dict[str, Any], size: int) -> float:
    """Return the seconds that one order takes, over so many."""
    start = time.process_time()
    for _ in range(size):
        make(arguments)
    return (time.process_time() - start) / size


def turn(side: str) -> dict[str, Any]:
    """Return the seconds that one side takes for each order, and its versions."""
    make = ours() if side == "ours" else theirs()
    seconds = {}
    for name, arguments in cases().items():
        make(arguments)
        once = batch(make, arguments, 1)
        size = max(1, int(SECONDS_A_BATCH / once))
        end = time.perf_counter() + SECONDS_A_CASE
        taken = [batch(make, arguments, size)]
        while time.perf_counter() < end or len(taken) < 3:
            taken.append(batch(make, arguments, size))
        seconds[name] = statistics.median(taken)
    distribution = "airflow-provider-ard" if side == "ours" else "max-ard"
    versions = {name: version(name) for name in (distribution, "pydantic", "shapely", "numpy")}
    return {"seconds": seconds, "versions": versions | {"python": platform.python_version()}}


def main(sdk_python: str) -> int:
    """Let the two take turns, print the table, and return the exit code."""
    interpreters = {"ours": sys.executable, "sdk": sdk_python}
    turns: dict[str, list[dict[str, Any]]] = {"ours": [], "sdk": []}
    for number in range(TURNS):
        for side in ("ours", "sdk") if number % 2 else ("sdk", "ours"):
            ran = subprocess.run(
                [interpreters[side], __file__, "--turn", side], capture_output=True, text=True, check=True
            )
            turns[side].append(json.loads(ran.stdout))
    print(f"command: python {' '.join(sys.argv)}    {TURNS} turns a side, medians")
    for side, seen in turns.items():
        print(f"{side}: " + ", ".join(f"{name} {number}" for name, number in seen[0]["versions"].items()))
    print(f"\n{'order':36}{'ours, ms':>12}{'max-ard, ms':>14}{'ratio':>8}{'worst turn':>12}")
    slowest = 0.0
    for name in turns["ours"][0]["seconds"]:
        each = {side: [one["seconds"][name] for one in seen] for side, seen in turns.items()}
        mine, other = statistics.median(each["ours"]), statistics.median(each["sdk"])
        worst = max(a / b for a, b in zip(each["ours"], each["sdk"], strict=True))
        print(f"{name:36}{mine * 1e3:12.3f}{other * 1e3:14.3f}{mine / other:8.2f}{worst:12.2f}")
        slowest = max(slowest, mine / other)
    print(f"\nslowest ratio {slowest:.2f}: ours is {'not slower anywhere' if slowest <= 1 else 'SLOWER'}")
    return int(slowest > 1)


if __name__ == "__main__":
    if sys.argv[1] == "--turn":
        print(json.dumps(turn(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1]))
