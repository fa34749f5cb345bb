"""Stop cleanly at SIGINT, SIGTERM and SIGHUP, at any time and also if they are repeated."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

POLL_S = 0.1


class InterruptedBySignalError(Exception):
    """The process received the signal `signum`."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Interrupts:
    """Records signals; `pause` raises them.

    A handler that raised could interrupt the start or the stop of a process. This one only records the signal, and
    every wait of the demo uses `pause`.
    """

    def __init__(self) -> None:
        self._signum: int | None = None
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._note)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._signum = self._signum or signum

    def pause(self, seconds: float) -> None:
        """Sleep; raises `InterruptedBySignalError` when a signal has been received."""
        deadline = time.monotonic() + seconds
        while True:
            if self._signum:
                raise InterruptedBySignalError(self._signum)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_S))
