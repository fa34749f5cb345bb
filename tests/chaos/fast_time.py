"""A clock and an event loop that run faster than real time, such as three days in a minute."""

from __future__ import annotations

import asyncio
import selectors
import time
from dataclasses import dataclass, field


@dataclass
class FastTime:
    """Replacement for the module `time`, in which `rate` seconds pass per real second."""

    rate: float
    _wall: float = field(default_factory=time.time)
    _start: float = field(default_factory=time.monotonic)

    def monotonic(self) -> float:
        return self._start + (time.monotonic() - self._start) * self.rate

    def time(self) -> float:
        return self._wall + (time.monotonic() - self._start) * self.rate


class _FastSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    rate = 1.0

    def select(self, timeout: float | None = None):
        return super().select(timeout / self.rate if timeout else timeout)


def fast_loop(clock: FastTime) -> asyncio.AbstractEventLoop:
    """Return an event loop whose sleeps and timeouts follow `clock`."""
    selector = _FastSelector()
    selector.rate = clock.rate
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = clock.monotonic  # type: ignore[method-assign]
    return loop
