"""However the demo or what it started is ended, no process is left."""

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

# To come up, and to be gone again, on a slow machine.
UP_WITHIN = 180
GONE_WITHIN = 60


class Process:
    """A process in a session of its own, whose descendants are known by their sessions and by a mark."""

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
    def printed(self) -> str:
        return self._log.read_text()

    def left(self) -> list[str]:
        return [" ".join(process.cmdline()) for process in self.processes()]

    def processes(self) -> list[psutil.Process]:
        """Return the live processes among this one and its descendants, including orphaned ones."""
        remaining = find_processes(self._sessions | {self.popen.pid}, self.mark)
        for process in remaining:
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
            member.kill()
        if process.popen.stdin:
            process.popen.stdin.close()
        process.popen.wait(10)


@pytest.fixture
def demo(start: Callable[..., Process], tmp_path: Path) -> Process:
    return start("demo", "--folder", str(tmp_path / "demo"), "--order-duration", "1d")


def test_the_guard_stops_all_of_a_session_when_its_owner_goes(start: Callable[..., Process]) -> None:
    stubborn = "trap '' INT TERM; sleep 1000 & (sleep 1000 &) ; sleep 1000"
    guard = start("demo.guard", "sh", "-c", stubborn)
    wait_until(lambda: len(guard.left()) >= 5, 20, "the guard and its four processes")
    guard.popen.send_signal(signal.SIGINT)
    guard.popen.send_signal(signal.SIGTERM)
    assert len(guard.left()) >= 5
    guard.popen.stdin.close()
    guard.popen.wait(GONE_WITHIN)
    assert guard.left() == []


def test_the_guard_ends_with_the_exit_code_of_its_command(start: Callable[..., Process]) -> None:
    guard = start("demo.guard", "sh", "-c", "sleep 1000 & exit 7")
    assert guard.popen.wait(GONE_WITHIN) == 7
    assert guard.left() == []


def test_an_airflow_that_dies_is_noticed(tmp_path: Path) -> None:
    airflow = StandaloneAirflow(tmp_path, tmp_path, env={"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "nonsense://"})
    with pytest.raises(AirflowFailedError, match=r"(?s)Airflow ended with exit code 1.*nonsense"), airflow:
        pass


def test_an_airflow_that_does_not_answer_for_once_ends_no_wait_and_one_that_refuses_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow = StandaloneAirflow(tmp_path, tmp_path)
    # There is no Airflow to be found dead.
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

    airflow.wait_until(condition, within=60, what="the last of them", every=0)
    assert states == [403]
    with pytest.raises(requests.HTTPError, match="403"):
        airflow.wait_until(condition, within=60, what="a refusal", every=0)
    states.append(requests.ReadTimeout("late"))
    with pytest.raises(AirflowFailedError, match=r"Not so within -1 s: no answer\nThe last answer: ReadTimeout: late"):
        airflow.wait_until(condition, within=-1, what="no answer")


def test_demo_prints_the_environment_for_another_shell(tmp_path: Path) -> None:
    connections = {
        "AIRFLOW_CONN_ARD_DEFAULT": '{"conn_type": "ard", "password": "it\'s $HOME"}',
        "AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws"}',
    }
    airflow = StandaloneAirflow(tmp_path / "a home", tmp_path, env=connections)
    lines = exports(airflow.environment)
    ended = subprocess.run(["sh", "-c", f"{lines}\nenv -0"], capture_output=True, text=True, check=True)
    there = dict(pair.split("=", 1) for pair in ended.stdout.split("\0") if pair)
    assert there["AIRFLOW_HOME"] == str(tmp_path / "a home")
    assert connections.items() <= there.items()


def test_a_folder_that_no_demo_has_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("text")
    with pytest.raises(ValueError, match="not touched"):
        fresh_folder(tmp_path)
    assert (tmp_path / "precious").exists()


def test_demo_recreates_the_folder_of_an_earlier_demo(tmp_path: Path) -> None:
    folder = fresh_folder(tmp_path / "demo")
    (folder / "old").write_text("text")
    assert [file.name for file in fresh_folder(folder).iterdir()] == [".ard-demo"]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_very_start_leaves_nothing(demo: Process, signum: signal.Signals) -> None:
    wait_until(lambda: "S3 server" in demo.printed, UP_WITHIN, "the demo has begun")
    demo.popen.send_signal(signum)
    assert demo.popen.wait(GONE_WITHIN) == 128 + signum
    assert demo.left() == []


@pytest.mark.standalone
@pytest.mark.timeout(UP_WITHIN + 2 * GONE_WITHIN)
def test_a_signal_while_airflow_starts_leaves_nothing(demo: Process) -> None:
    # The demo, the guard, standalone and at least two of its components.
    wait_until(lambda: len(demo.left()) >= 5, UP_WITHIN, "Airflow is half up")
    demo.popen.send_signal(signal.SIGINT)
    assert demo.popen.wait(GONE_WITHIN) == 128 + signal.SIGINT
    assert demo.left() == []


@pytest.mark.standalone
@pytest.mark.timeout(UP_WITHIN + 2 * GONE_WITHIN)
def test_second_ctrl_c_during_the_wait_leaves_no_process(demo: Process) -> None:
    wait_until(
        lambda: "waiting: " in demo.printed or demo.popen.poll() is not None, UP_WITHIN, "the order is waited for"
    )
    assert sum("airflow" in command for command in demo.left()) >= 10
    for _ in range(3):
        demo.popen.send_signal(signal.SIGINT)
    assert demo.popen.wait(GONE_WITHIN) == 128 + signal.SIGINT, demo.printed
    assert demo.left() == []


@pytest.mark.standalone
@pytest.mark.timeout(UP_WITHIN + 2 * GONE_WITHIN)
def test_a_demo_that_is_killed_takes_airflow_along(demo: Process) -> None:
    wait_until(lambda: len(demo.left()) >= 5, UP_WITHIN, "Airflow is half up")
    demo.popen.kill()
    demo.popen.wait(10)
    wait_until(lambda: not demo.left(), GONE_WITHIN, "all is gone")
