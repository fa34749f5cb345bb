"""Instruments that measure a process while its triggers wait."""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import dataclass
from typing import Any

BEAT_S = 0.01


class Heartbeat:
    """A timer of the event loop, due every 10 ms; its delay is the time for which the loop was stalled."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stalls: dict[str, Stalls] = {}
        self._phase = ""
        self._due = self._cpu_before = 0.0
        self._collections = self._collections_before = 0
        self._timer: asyncio.TimerHandle | None = None
        gc.callbacks.append(self._collected)

    def enter(self, phase: str) -> None:
        """Record stalls under this name from now on, except for a current one."""
        self._phase = phase
        self._stalls.setdefault(phase, Stalls())
        if self._timer:
            self._timer.cancel()
        self._next()

    def stop(self) -> None:
        """Stop recording until the next phase is entered."""
        if self._timer:
            self._timer.cancel()

    def stalls(self, phase: str) -> Stalls:
        """Return the largest stalls of a phase."""
        return self._stalls[phase]

    def _beat(self) -> None:
        late, stalls = self._loop.time() - self._due, self._stalls[self._phase]
        stalls.largest = max(stalls.largest, late)
        stalls.largest_busy = max(stalls.largest_busy, min(late, time.process_time() - self._cpu_before))
        if self._collections == self._collections_before:
            stalls.largest_without_collection = max(stalls.largest_without_collection, late)
        self._next()

    def _next(self) -> None:
        self._due, self._collections_before = self._loop.time() + BEAT_S, self._collections
        self._cpu_before = time.process_time()
        self._timer = self._loop.call_at(self._due, self._beat)

    def _collected(self, moment: str, info: dict[str, int]) -> None:
        if moment == "start" and info["generation"] == 2:
            self._collections += 1
            if stalls := self._stalls.get(self._phase):
                stalls.full_collections += 1


@dataclass
class Stalls:
    """The longest stalls of the event loop in seconds: of all, and of those without a full garbage collection.

    A full collection visits every object of the process, most of them Airflow's, whatever has triggered it.
    `largest_busy` counts no longer than the process used a processor meanwhile, so that other processes of the machine
    lengthen it less.
    """

    largest: float = 0.0
    largest_busy: float = 0.0
    largest_without_collection: float = 0.0
    full_collections: int = 0


class Sessions:
    """Counts the HTTP sessions that the process creates."""

    def __init__(self) -> None:
        import aiohttp  # noqa: PLC0415 -- after Airflow, in the order in which a triggerer loads them
        import requests  # noqa: PLC0415

        self.created = 0
        for kind in (aiohttp.ClientSession, requests.Session):
            self._count(kind)

    def _count(self, kind: Any) -> None:
        original = kind.__init__

        def counted(session: Any, *arguments: Any, **options: Any) -> None:
            self.created += 1
            original(session, *arguments, **options)

        kind.__init__ = counted
