"""A clock and an event loop whose time passes only while nothing runs: 20 days take as long as their requests."""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class VirtualTime:
    """Replacement for the module `time`; `on_advance` is called with the seconds of each step.

    `elapsed`: seconds since the start.
    """

    def __init__(self, on_advance: Callable[[float], object]) -> None:
        self._on_advance = on_advance
        self._start = time.time()
        self.elapsed = 0.0

    def monotonic(self) -> float:
        return self.elapsed

    def time(self) -> float:
        return self._start + self.elapsed

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds
        self._on_advance(seconds)


class _VirtualSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, clock: VirtualTime) -> None:
        super().__init__()
        self.clock = clock
        # Calls in threads whose results the event loop has not seen yet.
        self.running = 0

    def select(self, timeout: float | None = None):
        if timeout is None or self.running:
            return super().select(0.05 if timeout is None else min(timeout, 0.05))
        events = super().select(0)
        if not events and timeout > 0:
            # Rounded up, or a timer might never be due.
            self.clock.advance(timeout + 1e-6)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose sleeps and timeouts follow `clock` and take no real time."""

    def __init__(self, clock: VirtualTime) -> None:
        self._virtual_selector = _VirtualSelector(clock)
        super().__init__(self._virtual_selector)
        self.time = clock.monotonic  # type: ignore[method-assign]

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, function, *args)
        self._virtual_selector.running += 1
        future.add_done_callback(self._finished)
        return future

    def _finished(self, _: asyncio.Future[Any]) -> None:
        self._virtual_selector.running -= 1
