"""Run `airflow standalone` in a separate folder: scheduler, DAG processor, API server and triggerer, with SQLite."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil
import requests

from demo import airflow2
from demo.guard import members
from demo.rest import AirflowApi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

USER = "admin"
# Interval of progress messages, in seconds.
PROGRESS_INTERVAL_S = 20.0
REPOSITORY = Path(__file__).resolve().parents[1]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class AirflowFailedError(Exception):
    """Airflow died, did not start in time, or cannot import a DAG file; the message ends with the last log lines."""


def free_port(preferred: int = 0) -> int:
    """Return a free port of 127.0.0.1.

    :param preferred: Use this port; raises OSError if it is in use. 0 picks any free port.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError as error:
            raise OSError(f"port {preferred} of 127.0.0.1 cannot be used: {error.strerror}") from error
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """Return the environment without the variables of the caller's Airflow, AWS account and proxy."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AWS_"))}
    for key in ("NO_PROXY", "no_proxy"):
        environment[key] = ",".join(filter(None, [environment.get(key), "127.0.0.1", "localhost"]))
    return environment


class StandaloneAirflow:
    """An `airflow standalone` as a context manager: healthy on entry; all its processes are stopped on exit.

    :param home: AIRFLOW_HOME, empty or not existing.
    :param env: Additional environment variables, such as Connections.
    :param pause: Called instead of `time.sleep` in all waits; an exception ends the wait.
    :param print_line: Called with progress messages during the start.
    :param command: Arguments of Python that start the components, instead of `airflow standalone`.
    :raises AirflowFailedError: if Airflow does not start or dies.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        env: Mapping[str, str] | None = None,
        port: int = 0,
        start_within: float = 300.0,
        pause: Callable[[float], None] = time.sleep,
        print_line: Callable[[str], None] = lambda _: None,
        command: Sequence[str] = ("-m", "airflow", "standalone"),
    ) -> None:
        self.home = home.resolve()
        self.dags = dags.resolve()
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_airflow_2 = airflow2.is_airflow_2()
        self.api = airflow2.Airflow2Api(self.url) if self.is_airflow_2 else AirflowApi(self.url)
        self.log_file = self.home / "standalone.log"
        self._start_within = start_within
        self._pause = pause
        self._print_line = print_line
        self._next_progress_at = math.inf
        self._command = command
        self.environment = self._environment() | dict(env or {})
        self._guard: subprocess.Popen[bytes] | None = None
        self._dead_before: set[int] = set()

    def _environment(self) -> dict[str, str]:
        env = clean_environment()
        bin_folder = str(Path(sys.executable).parent)
        return env | {
            # `airflow standalone` finds `airflow` by PATH to start its components.
            "PATH": f"{bin_folder}{os.pathsep}{env.get('PATH', '')}",
            "NO_COLOR": "1",
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # The default forks 32 workers.
            "AIRFLOW__CORE__PARALLELISM": "2",
            # The default is 5 s. After a timeout, the retry of a request that succeeded late is rejected.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            **(airflow2.environment(self.port) if self.is_airflow_2 else {}),
        }

    @property
    def guard_pid(self) -> int:
        """The ID of the process that stops Airflow when this process ends."""
        if self._guard is None:
            raise AirflowFailedError("Airflow is not running")
        return self._guard.pid

    @property
    def password(self) -> str:
        """The password of the user `USER`, which Airflow generates at its first start."""
        if self.is_airflow_2:
            return airflow2.password(self.home)
        file = self.home / "simple_auth_manager_passwords.json.generated"
        return str(json.loads(file.read_text())[USER])

    def __enter__(self) -> Self:
        """Start Airflow, wait until every component is healthy, and log in to the REST API."""
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with self.log_file.open("wb") as log:
                # In a new session, as Ctrl-C in a terminal would otherwise also stop the guard.
                self._guard = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "demo.guard", sys.executable, *self._command],
                    cwd=REPOSITORY,
                    env=self.environment,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._next_progress_at = time.monotonic() + PROGRESS_INTERVAL_S
            self.wait_until(self._is_up, within=self._start_within, what="all components of Airflow to be healthy")
            self.api.log_in(USER, self.password)
        except BaseException:
            self.stop()
            raise
        return self

    def _is_up(self) -> bool:
        if self.api.is_healthy():
            return True
        if time.monotonic() >= self._next_progress_at:
            self._print_line(f"Airflow is still starting; its log: {self.log_file}")
            self._next_progress_at += PROGRESS_INTERVAL_S
        return False

    def __exit__(self, *_: object) -> None:
        """Stop Airflow."""
        self.stop()

    def stop(self) -> None:
        """Stop all processes of Airflow, and wait for their end."""
        if self._guard is None:
            return
        if self._guard.stdin:
            self._guard.stdin.close()
        # The guard kills the processes after its own timeouts.
        self._guard.wait(60)
        self._guard = None

    def wait_until(self, condition: Callable[[], bool], *, within: float, what: str, every: float = 0.5) -> None:
        """Wait until `condition` is true; `within` and `every` are seconds, `what` is for the message.

        Request timeouts and server errors count as "not yet": they happen on a busy machine.
        Raises `AirflowFailedError` after `within` seconds, and immediately if Airflow dies.
        """
        deadline = time.monotonic() + within
        while True:
            last_response = ""
            try:
                if condition():
                    return
            except requests.RequestException as error:
                if error.response is not None and error.response.status_code < 500:
                    raise
                last_response = f"\nLast response: {type(error).__name__}: {error}"
            self.check_alive()
            if time.monotonic() > deadline:
                raise AirflowFailedError(
                    f"Timed out after {within:g} s waiting for: {what}{last_response}\n{self.log_tail()}"
                )
            self._pause(every)

    def check_alive(self) -> None:
        """Raise `AirflowFailedError` if Airflow, or one of its components, has died."""
        if self._guard is None or self._guard.poll() is not None:
            code = "" if self._guard is None else f" with exit code {self._guard.returncode}"
            raise AirflowFailedError(f"Airflow exited{code}\n{self.log_tail()}")
        dead = self._zombies()
        # `airflow standalone` does not supervise its components. A child that it waits for is a zombie only briefly.
        if dead & self._dead_before:
            raise AirflowFailedError(f"A component of Airflow has died\n{self.log_tail(60)}")
        self._dead_before = dead

    def _zombies(self) -> set[int]:
        dead = set()
        with contextlib.suppress(psutil.Error):
            for standalone in psutil.Process(self.guard_pid).children():
                dead |= {child.pid for child in standalone.children() if child.status() == psutil.STATUS_ZOMBIE}
        return dead

    def log_tail(self, lines: int = 25) -> str:
        """Return the last lines of the output of Airflow's components."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_for_dag(self, dag_id: str, within: float = 90.0) -> None:
        """Wait until the DAG can be triggered. Raises `AirflowFailedError` immediately for an import error of a DAG."""

        def is_parsed() -> bool:
            if broken := self.api.import_errors():
                report = "\n".join(f"{file}:\n{trace}" for file, trace in broken.items())
                raise AirflowFailedError(f"A DAG file cannot be imported.\n{report}")
            return self.api.has_dag(dag_id)

        self.wait_until(is_parsed, within=within, what=f"DAG {dag_id} to be parsed")

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, state: str, within: float) -> dict[str, Any]:
        """Wait until a task is in `state`, and return it. Raises `AirflowFailedError` if it ends in another state."""
        task: dict[str, Any] = {}

        def reached() -> bool:
            task.update(self.api.task(dag_id, run_id, task_id))
            if task["state"] != state and task["state"] in {
                "success",
                "failed",
                "upstream_failed",
                "skipped",
            }:
                log = self.api.task_log(dag_id, run_id, task)
                raise AirflowFailedError(f"Task {task_id}: expected {state}, got {task['state']}\n{log}")
            return bool(task["state"] == state)

        self.wait_until(reached, within=within, what=f"task {task_id} to be {state}", every=0.3)
        return task

    def processes(self) -> list[psutil.Process]:
        """Return all live processes of Airflow, without the guard."""
        if self._guard is None:
            return []
        return [process for child in psutil.Process(self.guard_pid).children() for process in members(child.pid)]

    def running_tasks(self) -> set[str]:
        """Return the IDs of the task instances that have a worker process.

        They are in the titles of LocalExecutor's worker and task processes; Airflow 2 has names there.
        """
        running = set()
        for process in self.processes():
            try:
                title = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if self.is_airflow_2:
                running |= {name for name in [airflow2.running_task(title)] if name}
            elif title.startswith("airflow worker") and (match := UUID.search(title)):
                running.add(match.group())
        return running
