"""Run a command, and stop all its processes when this process's standard input closes.

Usage: `python -m demo.guard COMMAND [ARGUMENT…]`. COMMAND runs in a separate session, and all processes of the session
are stopped. Standard input closes when the owner closes it or dies, even by SIGKILL. The guard exits after the last
process, with COMMAND's exit code.
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

# `airflow standalone` takes about 5 s to stop; remaining processes are terminated.
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
    """Stop a session leader and its session with SIGINT, then SIGTERM, then SIGKILL."""
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
    """Do nothing: a guard stops only when its standard input closes."""


def main() -> int:
    """Run the command until it exits or standard input closes."""
    # Handlers instead of SIG_IGN, which the command would inherit, so that it could not be stopped with these signals.
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
