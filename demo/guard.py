"""Keep a tree of processes on a leash: ``python -m demo.guard COMMAND [ARGUMENT…]``.

COMMAND runs in a session of its own. The whole session is stopped when the guard's standard input ends, which
is when its owner asks for it or dies, even by SIGKILL. The guard ends when nothing of the session is left, with
COMMAND's exit code.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from types import FrameType

# `airflow standalone` takes about 5 s to end by itself; the rest is terminated.
STOP_TIMEOUT_S = 12.0
POLL_S = 0.2


def members(session: int) -> list[psutil.Process]:
    """Return the live processes of a session, also those whose parents have died."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
    return processes


def signal_all(session: int, signum: signal.Signals) -> None:
    """Send a signal to every live process of a session."""
    for process in members(session):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signum)


def stop(child: subprocess.Popen[bytes]) -> None:
    """Stop a session leader and its session: by SIGINT, then SIGTERM, then SIGKILL."""
    session = child.pid
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_TIMEOUT_S)
    signal_all(session, signal.SIGTERM)
    deadline = time.monotonic() + 3
    while members(session) and time.monotonic() < deadline:
        child.poll()
        time.sleep(POLL_S)
    while members(session):
        signal_all(session, signal.SIGKILL)
        child.poll()
        time.sleep(POLL_S)


def ignore(signum: int, frame: FrameType | None) -> None:
    """Do nothing: only the end of standard input stops a guard."""


def main() -> int:
    """Run the command line until it ends by itself or standard input does."""
    # Handlers, not SIG_IGN: that would be inherited by the command, which then could not be asked to stop.
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, ignore)
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    while child.poll() is None:
        if select.select([sys.stdin], [], [], POLL_S)[0] and not os.read(sys.stdin.fileno(), 1024):
            break
    stop(child)
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
