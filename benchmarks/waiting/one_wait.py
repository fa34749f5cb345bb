"""Ten thousand orders in one wait: blocks of the triggerer's event loop, and the size of the event.

`python -m benchmarks.waiting.one_wait [--docs]` measures it in a process that has loaded the modules of a triggerer,
with one wait before, as only the first wait imports modules. Half of the orders finish in the course of an interval,
the others together at its end. A process that sleeps instead is the control. `--docs` writes the table into
docs/scale.md.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import urllib.request
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.report import environment_line, markdown_table, write_section
from benchmarks.waiting.contenders import CONN_ID
from benchmarks.waiting.orders import WARM_UP, id_of
from benchmarks.waiting.processes import REPOSITORY, environment, server

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

ORDERS = 10_000
INTERVAL_S = 5.0
# 10,000 orders are read in 100 requests, in about 3 s.
START_S, STEADY_S = 8.0, 11.0
COMMAND = "python -m benchmarks.waiting.one_wait"
HEAD = ("Phase", "Longest block, ms", "with other processes", "Control, ms", "with other processes")
PHASES = {"start": "first poll", "steady": "polls of running orders", "end": "all orders succeed"}
MAX_BLOCK_MS, MAX_EVENT_MB = 50.0, 1.0


async def wait(trigger: BaseTrigger) -> Any:
    """Return the payload of a trigger's event."""
    async for event in trigger.run():
        return event.payload
    raise AssertionError("no event")


async def measure(address: str, *, sleeps: bool) -> dict[str, Any]:
    """Return the blocks of each phase and the size of the event; `sleeps`: of a process that does not wait."""
    import airflow.jobs.triggerer_job_runner  # noqa: F401, PLC0415 -- the measuring process only

    from airflow_provider_ard.triggers.order import ArdOrderTrigger  # noqa: PLC0415
    from benchmarks.waiting.instruments import Heartbeat  # noqa: PLC0415

    def trigger(numbers: range | tuple[int, ...]) -> ArdOrderTrigger:
        return ArdOrderTrigger([id_of(number) for number in numbers], CONN_ID, INTERVAL_S)

    await wait(trigger(WARM_UP))
    heartbeat = Heartbeat()
    heartbeat.enter("start")
    waiting = asyncio.create_task(asyncio.sleep(0, {}) if sleeps else wait(trigger(range(ORDERS))))
    await asyncio.sleep(START_S)
    heartbeat.enter("steady")
    await asyncio.sleep(STEADY_S)
    heartbeat.enter("end")
    await asyncio.to_thread(request, f"{address}/bench/finish?over={INTERVAL_S}")
    await asyncio.sleep(START_S + INTERVAL_S)
    payload = await asyncio.wait_for(waiting, 60)
    heartbeat.stop()
    return {
        "blocks": {phase: asdict(heartbeat.stalls(phase)) for phase in ("start", "steady", "end")},
        "event": len(json.dumps(payload)),
    }


def request(url: str) -> None:
    """Send a request that controls the server."""
    with urllib.request.urlopen(url, timeout=60):
        pass


def run(*, sleeps: bool) -> dict[str, Any]:
    """Measure in a new process with a new server."""
    with server(orders=ORDERS) as (host, port), environment("ours", host, port) as env:
        command = [sys.executable, "-m", "benchmarks.waiting.one_wait", f"http://{host}:{port}", *["sleep"] * sleeps]
        done = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main(arguments: list[str]) -> None:
    """Measure a wait and the control, print the table, and write it into the documentation with `--docs`."""
    wait_run, control = run(sleeps=False), run(sleeps=True)
    rows = []
    for phase, title in PHASES.items():
        figures = [
            f"{each['blocks'][phase][key] * 1e3:.0f}"
            for each in (wait_run, control)
            for key in ("largest_busy", "largest")
        ]
        rows.append([title, *figures])
    busiest = max(blocks["largest_busy"] * 1e3 for blocks in wait_run["blocks"].values())
    megabytes = wait_run["event"] / 2**20
    lines = [
        *markdown_table(HEAD, rows),
        "",
        f"The event has {wait_run['event']:,} bytes. {environment_line(COMMAND, 'apache-airflow')}",
    ]
    print("\n".join(lines))
    is_met = busiest <= MAX_BLOCK_MS and megabytes <= MAX_EVENT_MB
    print(f"goals: ≤ {MAX_BLOCK_MS:g} ms, ≤ {MAX_EVENT_MB:g} MB: {'met' if is_met else 'NOT MET'}")
    if "--docs" in arguments:
        write_section("docs/scale.md", "benchmarks.waiting.one_wait", lines)


if __name__ == "__main__":
    if sys.argv[1:] and not sys.argv[1].startswith("--"):
        logging.disable(logging.WARNING)
        print(json.dumps(asyncio.run(measure(sys.argv[1], sleeps="sleep" in sys.argv))))
    else:
        main(sys.argv[1:])
