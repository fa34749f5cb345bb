"""Cost of the first waits of a triggerer; part of `make bench`.

Two measurements, each in a new process that has loaded the modules of a triggerer, as every triggerer has: the resident
memory added by the first wait, and the longest block of the event loop in the first second of 1,000 waits.
`python -m benchmarks.waiting.cold_start` runs both.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import statistics
import subprocess
import sys
import tempfile

from benchmarks.waiting.processes import REPOSITORY, environment, server

REPETITIONS = 3
WAITS = 1_000
MAX_RSS_MB, MAX_BLOCK_MS = 10.0, 50.0


def added_rss() -> float:
    """Return the MB that the first wait adds to this process; its order has succeeded before."""
    import airflow.jobs.triggerer_job_runner  # noqa: F401, PLC0415
    import psutil  # noqa: PLC0415 -- each measurement loads what it needs, and no more

    from benchmarks.waiting.contenders import OURS  # noqa: PLC0415
    from benchmarks.waiting.orders import WARM_UP, id_of  # noqa: PLC0415

    process = psutil.Process()

    async def first_wait() -> float:
        # The event loop's thread pool exists in every triggerer.
        await asyncio.to_thread(gc.collect)
        before = process.memory_info().rss
        async for event in OURS.make()(id_of(WARM_UP[0]), 5.0).run():
            assert event.payload["status"] == "succeeded", event.payload
        gc.collect()
        return float(process.memory_info().rss - before) / 2**20

    return asyncio.run(first_wait())


def longest_block() -> float:
    """Return the longest block of the event loop in the first second of `WAITS` waits, in ms."""
    import airflow.jobs.triggerer_job_runner  # noqa: F401, PLC0415

    from benchmarks.waiting.contenders import OURS  # noqa: PLC0415
    from benchmarks.waiting.instruments import Heartbeat  # noqa: PLC0415
    from benchmarks.waiting.orders import id_of  # noqa: PLC0415

    async def wait(number: int) -> None:
        async for _ in OURS.make()(id_of(number), 5.0).run():
            pass

    async def first_second() -> float:
        heartbeat = Heartbeat()
        heartbeat.enter("first second")
        tasks = []
        end = asyncio.get_running_loop().time() + 1.0
        for number in range(WAITS):
            tasks.append(asyncio.create_task(wait(number)))
            # As the triggerer does between two triggers.
            await asyncio.sleep(0)
        await asyncio.sleep(max(0.0, end - asyncio.get_running_loop().time()))
        heartbeat.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return heartbeat.stalls("first second").largest * 1e3

    return asyncio.run(first_second())


MEASUREMENTS = {
    "RSS added by the first wait": (added_rss, MAX_RSS_MB, "MB"),
    "longest block in the first second of 1,000 waits": (longest_block, MAX_BLOCK_MS, "ms"),
}


def main() -> None:
    """Run all measurements in new processes and print the figures."""
    with tempfile.TemporaryDirectory() as compiled:
        print_figures(compiled)


def print_figures(compiled: str) -> None:
    """Print a line for each measurement: the median of several processes, the range, and whether the goal is met."""
    for name, (_, goal, unit) in MEASUREMENTS.items():
        figures = []
        for _ in range(REPETITIONS + 1):
            with server(orders=WAITS) as (host, port), environment("ours", host, port) as env:
                # Compiled files, as every installation has them.
                env |= {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
                command = [sys.executable, "-m", "benchmarks.waiting.cold_start", name]
                done = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=True)
            figures.append(float(done.stdout.splitlines()[-1]))
        # The first process has compiled them.
        figures = figures[1:]
        median = statistics.median(figures)
        verdict = "met" if median <= goal else "NOT MET"
        print(
            f"{name}: {median:.1f} {unit} ({min(figures):.1f} to {max(figures):.1f}); ≤ {goal:g} {unit}: {verdict}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:]:
        # One measurement, in this process.
        logging.disable(logging.WARNING)
        json.dump(MEASUREMENTS[sys.argv[1]][0](), sys.stdout)
    else:
        main()
