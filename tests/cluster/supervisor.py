"""Runs programs on hosts and restarts each one that exits, as systemd or a container runtime would."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from demo.guard import members, signal_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.cluster.network import Network

# Between the end of a program and its restart.
RESTART_DELAY_S = 1.0


@dataclass
class Program:
    """A program on a host; `name` is unique."""

    name: str
    host: str
    command: Sequence[str]
    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    restart_at: float = 0.0
    starts: int = 0

    @property
    def pid(self) -> int | None:
        """The process ID, None while the program does not run."""
        return None if self.process is None else self.process.pid


class Supervisor:
    """Call `tick` often: it restarts programs that have exited."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.programs: dict[str, Program] = {}
        self._network = network
        self._folder = folder

    @property
    def restarts(self) -> int:
        """How often programs were started again, by kills or because they had exited."""
        return sum(program.starts - 1 for program in self.programs.values())

    def stop(self) -> None:
        """Kill all programs with their children."""
        for program in self.programs.values():
            if program.process is not None:
                kill_session(program.process)
        self.programs.clear()

    def add(self, program: Program) -> None:
        """Start a program."""
        self.programs[program.name] = program
        self._start(program)

    def tick(self) -> None:
        """Restart programs that have exited. What is left of their children is killed first."""
        now = time.monotonic()
        for program in self.programs.values():
            if program.process is None:
                if now >= program.restart_at:
                    self._start(program)
            elif program.process.poll() is not None:
                kill_session(program.process)
                program.process = None
                program.restart_at = now + RESTART_DELAY_S

    def run(self, host: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Run a command on a host until it ends; raises CalledProcessError if it fails."""
        with (self._folder / "setup.log").open("ab") as log:
            subprocess.run(
                self._network.command(host, command),
                env=dict(env),
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def processes(self, name: str) -> list[psutil.Process]:
        """Return the live processes of a program, the first one first."""
        pid = self.programs[name].pid
        if pid is None:
            return []
        return sorted(members(pid), key=lambda process: process.pid != pid)

    def signal(self, name: str, signum: signal.Signals) -> bool:
        """Send a signal to a program, without its children; returns whether it was running."""
        pid = self.programs[name].pid
        if pid is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).send_signal(signum)
                return True
        return False

    def _start(self, program: Program) -> None:
        with (self._folder / f"{program.name}.log").open("ab") as log:
            program.process = subprocess.Popen(
                self._network.command(program.host, program.command),
                env=dict(program.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        program.starts += 1


def kill_session(leader: subprocess.Popen[bytes]) -> None:
    """SIGKILL all processes of a session and wait for the end of its leader."""
    while members(leader.pid):
        signal_all(leader.pid, signal.SIGKILL)
        leader.poll()
        time.sleep(0.02)
    leader.wait()
