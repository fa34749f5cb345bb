"""The demo and its helpers leave no processes behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from demo.runner import exports, fresh_folder
from demo.standalone import REPOSITORY, AirflowFailedError, StandaloneAirflow
from tests.integration.conftest import find_processes, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Time limits for start and stop, generous for slow machines.
START_LIMIT_S = 180
STOP_LIMIT_S = 60


class Process:
    """A process in its own session, whose descendants are identified by their sessions and by an environment variable."""

    def __init__(self, *command: str, log: Path) -> None:
        self.mark = uuid.uuid4().hex
        self._log = log
        self._sessions: set[int] = set()
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=REPOSITORY,
                env=os.environ | {"ARD_TEST_MARK": self.mark, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def remaining(self) -> list[str]:
        """Return the command lines of the live processes, without those that end meanwhile."""
        commands = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                commands.append(" ".join(process.cmdline()))
        return commands

    def processes(self) -> list[psutil.Process]:
        """Return the live processes among this one and its descendants, including orphaned ones."""
        processes = find_processes(self._sessions | {self.popen.pid}, self.mark)
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                self._sessions.add(os.getsid(process.pid))
        return find_processes(self._sessions, self.mark)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def run(*command: str) -> Process:
        started.append(Process(*command, log=tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield run
    for process in started:
        for member in process.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        if process.popen.stdin:
            process.popen.stdin.close()
        process.popen.wait(10)


@pytest.fixture
def demo(start: Callable[..., Process], tmp_path: Path) -> Process:
    return start("demo", "--folder", str(tmp_path / "demo"), "--order-duration", "1d")


def test_guard_kills_its_session_when_stdin_closes(start: Callable[..., Process]) -> None:
    command = "trap '' INT TERM; sleep 1000 & (sleep 1000 &) ; sleep 1000"
    guard = start("demo.guard", "sh", "-c", command)
    wait_until(lambda: len(guard.remaining()) >= 5, 20, "the guard and its four processes")
    guard.popen.send_signal(signal.SIGINT)
    guard.popen.send_signal(signal.SIGTERM)
    assert len(guard.remaining()) >= 5
    guard.popen.stdin.close()
    guard.popen.wait(STOP_LIMIT_S)
    assert guard.remaining() == []


def test_guard_returns_the_exit_code_of_its_command(start: Callable[..., Process]) -> None:
    guard = start("demo.guard", "sh", "-c", "sleep 1000 & exit 7")
    assert guard.popen.wait(STOP_LIMIT_S) == 7
    assert guard.remaining() == []


def test_exit_of_airflow_is_an_error(tmp_path: Path) -> None:
    airflow = StandaloneAirflow(tmp_path, tmp_path, env={"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "nonsense://"})
    with pytest.raises(AirflowFailedError, match=r"(?s)Airflow exited with exit code 1.*nonsense"), airflow:
        pass


def test_wait_continues_after_outages_but_not_client_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = StandaloneAirflow(tmp_path, tmp_path)
    # No Airflow runs.
    monkeypatch.setattr(airflow, "check_alive", lambda: None)
    states: list[Any] = [503, requests.ReadTimeout("late"), requests.ConnectionError("lost"), False, True, 403]

    def condition() -> bool:
        state = states.pop(0)
        if isinstance(state, Exception):
            raise state
        if isinstance(state, bool):
            return state
        response = requests.Response()
        response.status_code = state
        response.raise_for_status()
        return True

    airflow.wait_until(condition, within=60, what="the condition is true", every=0)
    assert states == [403]
    with pytest.raises(requests.HTTPError, match="403"):
        airflow.wait_until(condition, within=60, what="forbidden", every=0)
    states.append(requests.ReadTimeout("late"))
    with pytest.raises(
        AirflowFailedError, match=r"Timed out after -1 s waiting for: timeout\nLast response: ReadTimeout: late"
    ):
        airflow.wait_until(condition, within=-1, what="timeout")


def test_demo_prints_the_environment_for_another_shell(tmp_path: Path) -> None:
    connections = {
        "AIRFLOW_CONN_ARD_DEFAULT": '{"conn_type": "ard", "password": "it\'s $HOME"}',
        "AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws"}',
    }
    airflow = StandaloneAirflow(tmp_path / "a home", tmp_path, env=connections)
    lines = exports(airflow.environment)
    process = subprocess.run(["sh", "-c", f"{lines}\nenv -0"], capture_output=True, text=True, check=True)
    environment = dict(pair.split("=", 1) for pair in process.stdout.split("\0") if pair)
    assert environment["AIRFLOW_HOME"] == str(tmp_path / "a home")
    assert connections.items() <= environment.items()


def test_foreign_folder_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "existing").write_text("text")
    with pytest.raises(ValueError, match="not empty"):
        fresh_folder(tmp_path)
    assert (tmp_path / "existing").exists()


def test_demo_recreates_the_folder_of_an_earlier_demo(tmp_path: Path) -> None:
    folder = fresh_folder(tmp_path / "demo")
    (folder / "old").write_text("text")
    assert [file.name for file in fresh_folder(folder).iterdir()] == [".ard-demo"]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_at_start_leaves_no_process(demo: Process, signum: signal.Signals) -> None:
    wait_until(lambda: "S3 server" in demo.output, START_LIMIT_S, "the demo has started")
    demo.popen.send_signal(signum)
    assert demo.popen.wait(STOP_LIMIT_S) == 128 + signum
    assert demo.remaining() == []


@pytest.mark.standalone
@pytest.mark.timeout(START_LIMIT_S + 2 * STOP_LIMIT_S)
def test_signal_while_airflow_starts_leaves_no_process(demo: Process) -> None:
    # The demo, the guard, `airflow standalone` and at least two of its components.
    wait_until(lambda: len(demo.remaining()) >= 5, START_LIMIT_S, "Airflow is starting")
    demo.popen.send_signal(signal.SIGINT)
    assert demo.popen.wait(STOP_LIMIT_S) == 128 + signal.SIGINT
    assert demo.remaining() == []


@pytest.mark.standalone
@pytest.mark.timeout(START_LIMIT_S + 2 * STOP_LIMIT_S)
def test_second_ctrl_c_during_the_wait_leaves_no_process(demo: Process) -> None:
    wait_until(
        lambda: "waiting: " in demo.output or demo.popen.poll() is not None,
        START_LIMIT_S,
        "the demo waits for the order",
    )
    assert sum("airflow" in command for command in demo.remaining()) >= 10
    for _ in range(3):
        demo.popen.send_signal(signal.SIGINT)
    assert demo.popen.wait(STOP_LIMIT_S) == 128 + signal.SIGINT, demo.output
    assert demo.remaining() == []


@pytest.mark.standalone
@pytest.mark.timeout(START_LIMIT_S + 2 * STOP_LIMIT_S)
def test_killed_demo_leaves_no_process(demo: Process) -> None:
    wait_until(lambda: len(demo.remaining()) >= 5, START_LIMIT_S, "Airflow is starting")
    demo.popen.kill()
    demo.popen.wait(10)
    wait_until(lambda: not demo.remaining(), STOP_LIMIT_S, "all processes have ended")
