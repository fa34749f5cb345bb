"""Turn SIGINT, SIGTERM and SIGHUP into an orderly end, at any moment and however often they come."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

LOOK_EVERY = 0.1


class InterruptedBySignalError(Exception):
    """Somebody wants an end; `signum` is how they said it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Interrupts:
    """Takes note of signals; `pause` tells of them.

    A handler that raised could do so half-way through starting a process, or through stopping one. This one only
    takes note, and every wait of the demo goes through `pause`.
    """

    def __init__(self) -> None:
        self._signum: int | None = None
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._note)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._signum = self._signum or signum

    def pause(self, seconds: float) -> None:
        """Sleep; raises `InterruptedBySignalError` at once if a signal has come or comes."""
        deadline = time.monotonic() + seconds
        while True:
            if self._signum:
                raise InterruptedBySignalError(self._signum)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_EVERY))
