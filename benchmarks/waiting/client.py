"""One contender in its own process: `python -m benchmarks.waiting.client`, arguments as JSON in WAITING.

One event loop runs the triggers as a triggerer does. Prints the measurement as one line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import json
import logging
import os
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

# First, as it loads the counting secrets backend.
import airflow  # noqa: F401
import psutil
import structlog

from benchmarks.waiting.contenders import CONTENDERS, Task, end_bare_waits, send_all_to
from benchmarks.waiting.instruments import Heartbeat, Sessions
from benchmarks.waiting.orders import WARM_UP, finished_at, id_of
from benchmarks.waiting.secrets import CountingSecrets

if TYPE_CHECKING:
    from collections.abc import Callable

READ_INTERVAL_S = 0.25


@dataclass(frozen=True)
class Reading:
    """The state of all counters at one time."""

    time: float
    cpu: float
    counts: dict[str, int]


class Measurement:
    """A contender under measurement."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._trigger: Callable[[str, float], Any] = CONTENDERS[task.contender].make()
        self._sessions = Sessions()
        self._heartbeat = Heartbeat()
        self._events: dict[int, float] = {}
        self._process = psutil.Process()
        self._line = http.client.HTTPConnection(task.host, task.port, timeout=60)
        self._failed: list[str] = []
        self._waiting = len(WARM_UP)
        self._all_ended = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Warm up, wait, finish. Return all figures."""
        await self._control("reset", orders=self.task.orders)
        await asyncio.gather(*map(self._follow, WARM_UP))
        if self._failed:
            raise RuntimeError(self._failed[0])
        self._events.clear()
        self._waiting = self.task.orders
        self._all_ended.clear()
        await self._control("reset", orders=self.task.orders)
        idle_collection, memory = self._memory()
        lookups, self._sessions.created = CountingSecrets.lookups, 0
        CountingSecrets.lookups = 0
        self._heartbeat.enter("start")
        begun = await self._read()
        tasks = await self._start()
        first = await self._until_polled(self.task.orders)
        self._heartbeat.enter("rounds")
        settled = await self._until_polled(first.counts["statuses"] + self.task.rounds * self.task.orders)
        waiting_collection, waiting_memory = self._memory()
        quiet = await self._quiet_rounds()
        self._heartbeat.enter("finish")
        latencies = await self._finish()
        ended = await self._read()
        self._heartbeat.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {
            "task": asdict(self.task),
            "version": version(CONTENDERS[self.task.contender].package),
            "warm_up_lookups": lookups,
            "first": self._between(begun, first),
            "rounds": self._between(first, settled),
            "quiet": self._between(*quiet),
            "finish": self._between(quiet[1], ended),
            "whole": self._between(begun, ended),
            "stalls": {phase: asdict(self._heartbeat.stalls(phase)) for phase in ("start", "rounds", "finish")},
            "memory": waiting_memory - memory,
            "full_collection": {"idle": idle_collection, "waiting": waiting_collection},
            "latencies": latencies,
            "failed": len(self._failed),
            "failure": self._failed[0] if self._failed else None,
        }

    async def _start(self) -> list[asyncio.Task[None]]:
        tasks = []
        for number in range(self.task.orders):
            tasks.append(asyncio.create_task(self._follow(number)))
            # As the triggerer does between two triggers.
            await asyncio.sleep(0)
        return tasks

    async def _follow(self, number: int) -> None:
        try:
            async for event in self._trigger(id_of(number), self.task.interval).run():
                if number not in self._events:
                    self._events[number] = time.monotonic()
                payload = event.payload
                if isinstance(payload, dict) and payload.get("status") in {"error", "failed"}:
                    self._failed.append(str(payload))
        except Exception as error:  # noqa: BLE001 -- part of the result
            self._failed.append(repr(error))
        self._waiting -= 1
        if not self._waiting:
            self._all_ended.set()

    async def _finish(self) -> list[float]:
        begin = (await self._control("finish", over=self.task.interval))["begin"]
        if not CONTENDERS[self.task.contender].polls:
            await end_bare_waits(begin, self.task.interval)
        # Not `asyncio.wait`, whose callbacks on ten thousand tasks would stall the event loop.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_ended.wait(), self.task.cap + self.task.interval)
        return [
            self._events[number] - finished_at(number, begin, self.task.interval)
            for number in range(self.task.orders)
            if number in self._events
        ]

    async def _until_polled(self, count: int) -> Reading:
        end = time.monotonic() + self.task.cap
        while True:
            reading = await self._read()
            if reading.counts["statuses"] >= count or time.monotonic() > end:
                return reading
            await asyncio.sleep(READ_INTERVAL_S)

    async def _read(self) -> Reading:
        counts = {"requests": 0, "logins": 0, "connections": 0, "statuses": 0} | await self._control("counts")
        counts |= {"lookups": CountingSecrets.lookups, "sessions": self._sessions.created}
        return Reading(time.monotonic(), time.process_time(), counts)

    async def _control(self, what: str, **query: Any) -> dict[str, Any]:
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return dict(json.loads(await asyncio.to_thread(self._request, f"/bench/{what}?{text}")))

    def _request(self, path: str) -> bytes:
        self._line.request("GET", path)
        return self._line.getresponse().read()

    async def _quiet_rounds(self) -> tuple[Reading, Reading]:
        """Wait without heartbeat and counters, which cost more than some of the contenders."""
        self._heartbeat.stop()
        begun = await self._read()
        await asyncio.sleep(self.task.rounds * self.task.interval)
        return begun, await self._read()

    def _memory(self) -> tuple[float, int]:
        """Return the seconds that a full garbage collection takes now, and the bytes of memory after it."""
        begin = time.monotonic()
        gc.collect()
        return time.monotonic() - begin, int(self._process.memory_info().rss)

    @staticmethod
    def _between(begin: Reading, end: Reading) -> dict[str, float]:
        counts = {name: count - begin.counts[name] for name, count in end.counts.items()}
        return {"seconds": end.time - begin.time, "cpu": end.cpu - begin.cpu, **counts}


def main() -> None:
    """Run the measurement that WAITING describes and print it."""
    task = Task(**json.loads(os.environ["WAITING"]))
    # Some peers log a line per poll; what a log costs depends on its handlers and is not measured here.
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    send_all_to(task.host, task.port)
    gc.set_threshold(*gc.get_threshold()[:2], CONTENDERS[task.contender].full_after)

    async def measured() -> dict[str, Any]:
        return await Measurement(task).run()

    json.dump(asyncio.run(measured()), sys.stdout)
    print()


if __name__ == "__main__":
    main()
