"""Cost of the first polls in a triggerer: `python -m benchmarks.first_poll [waits]`, 1,000 waits by default.

Part of `make bench`. A new process, with `airflow.triggers.base` loaded as in every triggerer, imports the order
trigger and starts all waits at once against a sandbox in a separate process. Prints the resident memory added by the
import and the first poll, the geometry packages that were imported, and the longest time that the event loop was
blocked in the first second. Use an otherwise idle machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil

WAITS = 1_000
POLL_INTERVAL_S = 60.0
FIRST_SECOND_S = 1.0
HEARTBEAT_S = 0.002
MAX_ADDED_MIB, MAX_BLOCK_MS = 10.0, 50.0
BANNED_PACKAGES = ("shapely", "pyproj", "numpy")


def place_orders(count: int) -> None:
    """Run a sandbox with orders; print its Connection and the order IDs, and serve until stdin is closed."""
    # Imported here, because the process that is measured must not load these modules.
    from airflow_provider_ard.api.client import ArdClient  # noqa: PLC0415
    from airflow_provider_ard.api.http.auth import Login  # noqa: PLC0415
    from airflow_provider_ard.api.orders.request import OrderRequest  # noqa: PLC0415
    from airflow_provider_ard.sandbox import Sandbox  # noqa: PLC0415

    with Sandbox(order_duration="30d") as ard:
        with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
            request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="bucket/prefix")
            order_ids = [client.submit_order(request).id for _ in range(count)]
        print(json.dumps({"connection": ard.connection_json, "order_ids": order_ids}), flush=True)
        sys.stdin.read()


def resident_mib() -> float:
    """Return the resident memory of this process."""
    return float(psutil.Process().memory_info().rss / 2**20)


async def longest_block(seconds: float) -> float:
    """Return the longest time in seconds by which a short sleep was late, observed over `seconds`."""
    deadline, longest = time.monotonic() + seconds, 0.0
    while (start := time.monotonic()) < deadline:
        await asyncio.sleep(HEARTBEAT_S)
        longest = max(longest, time.monotonic() - start - HEARTBEAT_S)
    return longest


async def first_polls(order_ids: list[str]) -> tuple[float, float]:
    """Poll one order, then start all waits. Return MiB added by the first poll and the longest block in seconds."""
    from airflow_provider_ard.triggers.order import ArdOrderTrigger  # noqa: PLC0415 -- its import is measured

    def start_wait(order_id: str) -> asyncio.Task[None]:
        async def wait() -> None:
            async for _ in ArdOrderTrigger([order_id], "ard_default", POLL_INTERVAL_S).run():
                pass

        return asyncio.create_task(wait())

    block = asyncio.create_task(longest_block(FIRST_SECOND_S))
    # The heartbeat runs before the waits start, so that their start counts as well.
    await asyncio.sleep(0)
    waits = []
    for order_id in order_ids:
        waits.append(start_wait(order_id))
        # Airflow's triggerer yields to the event loop between starts, too.
        await asyncio.sleep(0)
    seconds = await block
    await asyncio.sleep(FIRST_SECOND_S)
    mib = resident_mib()
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    return mib, seconds


def measure() -> None:
    """Measure in this process and print the figures as JSON; the order IDs come from stdin."""
    import airflow.triggers.base  # noqa: F401, PLC0415 -- loaded in every triggerer

    order_ids = json.load(sys.stdin)
    before = resident_mib()
    import airflow_provider_ard.triggers.order  # noqa: F401, PLC0415 -- its import is measured

    after_import = resident_mib()
    after_poll, block_s = asyncio.run(first_polls(order_ids))
    figures = {
        "import_mib": after_import - before,
        "added_mib": after_poll - before,
        "block_ms": block_s * 1e3,
        "banned": [name for name in BANNED_PACKAGES if name in sys.modules],
    }
    print(json.dumps(figures))


def run(connection: str, order_ids: list[str]) -> dict[str, Any]:
    """Measure in a new process and return its figures."""
    with tempfile.TemporaryDirectory() as home:
        env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        env |= {"AIRFLOW_HOME": home, "AIRFLOW_CONN_ARD_DEFAULT": connection}
        process = subprocess.run(
            [sys.executable, "-m", "benchmarks.first_poll", "--measure"],
            env=env,
            input=json.dumps(order_ids),
            capture_output=True,
            text=True,
            check=True,
        )
    return dict(json.loads(process.stdout.splitlines()[-1]))


def main(count: int) -> None:
    """Measure one wait and `count` waits, and print a table and whether each target is met."""
    command = [sys.executable, "-m", "benchmarks.first_poll", "--serve", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdin is not None
        assert sandbox.stdout is not None
        try:
            server = json.loads(sandbox.stdout.readline())
            results = {size: run(server["connection"], server["order_ids"][:size]) for size in (1, count)}
        finally:
            sandbox.stdin.close()
    print("| waits | MiB added by the import | MiB added in total | longest block of the event loop, ms |")
    print("| --- | --- | --- | --- |")
    for size, figures in results.items():
        print(f"| {size:,} | {figures['import_mib']:.1f} | {figures['added_mib']:.1f} | {figures['block_ms']:.0f} |")
    banned = sorted({name for figures in results.values() for name in figures["banned"]})
    targets = {
        f"no {', '.join(BANNED_PACKAGES)} imported": not banned,
        f"≤ {MAX_ADDED_MIB:g} MiB added by the import and the first poll": results[1]["added_mib"] <= MAX_ADDED_MIB,
        f"event loop blocked ≤ {MAX_BLOCK_MS:g} ms": results[count]["block_ms"] <= MAX_BLOCK_MS,
    }
    for target, is_met in targets.items():
        print(f"{target}: {'met' if is_met else 'NOT MET'}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        place_orders(int(sys.argv[2]))
    elif sys.argv[1:2] == ["--measure"]:
        measure()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else WAITS)
