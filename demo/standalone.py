"""A real `airflow standalone` in a folder of its own: scheduler, DAG processor, API server and triggerer on SQLite."""

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
# Seconds without a word after which somebody who waits would ask.
SAY_EVERY = 20.0
REPOSITORY = Path(__file__).resolve().parents[1]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class AirflowFailedError(Exception):
    """Airflow died, did not come up in time, or could not read a DAG file; the message ends with the log's tail."""


def free_port(preferred: int = 0) -> int:
    """Return a port of 127.0.0.1 that nobody listens on.

    `wanted` is taken if given, and OSError raised if it is not free.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError as error:
            raise OSError(f"port {preferred} of 127.0.0.1 cannot be used: {error.strerror}") from error
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """Return the environment without what the caller's own Airflow, AWS account or proxy would bring in."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AWS_"))}
    for key in ("NO_PROXY", "no_proxy"):
        environment[key] = ",".join(filter(None, [environment.get(key), "127.0.0.1", "localhost"]))
    return environment


class StandaloneAirflow:
    """An `airflow standalone`, as a context manager: up and healthy inside, gone with all its processes outside.

    `home` becomes AIRFLOW_HOME and must be empty or absent. `env` is added to the environment, which is where
    connections come in. `pause` sleeps for the seconds it is given in every wait; what it raises ends the wait.
    `print_line` prints now and then that the start continues.
    `command`, arguments to Python, is what starts the components, if `airflow standalone` is not to.
    Raises `AirflowFailedError`.
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
        self._say = print_line
        self._say_next = math.inf
        self._command = command
        self.environment = self._environment() | dict(env or {})
        self._guard: subprocess.Popen[bytes] | None = None
        self._dead_before: set[int] = set()

    def _environment(self) -> dict[str, str]:
        env = clean_environment()
        bin_folder = str(Path(sys.executable).parent)
        return env | {
            # standalone starts its four components as plain `airflow`.
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
            # By default 5 s; what a busy machine answers later has been done all the same, and done again is refused.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            **(airflow2.environment(self.port) if self.is_airflow_2 else {}),
        }

    @property
    def guard_pid(self) -> int:
        """The process that stops Airflow when this one ends, in whatever way."""
        if self._guard is None:
            raise AirflowFailedError("Airflow is not running")
        return self._guard.pid

    @property
    def password(self) -> str:
        """The password of the user `USER`, made by Airflow at its first start."""
        if self.is_airflow_2:
            return airflow2.password(self.home)
        file = self.home / "simple_auth_manager_passwords.json.generated"
        return str(json.loads(file.read_text())[USER])

    def __enter__(self) -> Self:
        """Start, and return when every component is healthy and the REST API is logged in to."""
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with self.log_file.open("wb") as log:
                # A session of its own, or Ctrl-C in a terminal would reach the guard as well.
                self._guard = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "demo.guard", sys.executable, *self._command],
                    cwd=REPOSITORY,
                    env=self.environment,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._say_next = time.monotonic() + SAY_EVERY
            self.wait_until(self._is_up, within=self._start_within, what="Airflow's components healthy")
            self.api.log_in(USER, self.password)
        except BaseException:
            self.stop()
            raise
        return self

    def _is_up(self) -> bool:
        if self.api.is_healthy():
            return True
        if time.monotonic() >= self._say_next:
            self._say(f"Airflow is still starting; its log: {self.log_file}")
            self._say_next += SAY_EVERY
        return False

    def __exit__(self, *_: object) -> None:
        """Stop Airflow, whatever happened."""
        self.stop()

    def stop(self) -> None:
        """Stop all processes of Airflow, and return when none is left."""
        if self._guard is None:
            return
        if self._guard.stdin:
            self._guard.stdin.close()
        # The guard has its own timeouts and kills at the end.
        self._guard.wait(60)
        self._guard = None

    def wait_until(self, condition: Callable[[], bool], *, within: float, what: str, every: float = 0.5) -> None:
        """Return as soon as `condition` holds; `within` and `every` are seconds, `what` is for the message.

        An answer that is late, or lost in a server's trouble, is none yet: a busy machine has such.
        Raises `AirflowFailedError` when it does not hold in time, and at once when Airflow dies.
        """
        deadline = time.monotonic() + within
        while True:
            trouble = ""
            try:
                if condition():
                    return
            except requests.RequestException as error:
                if error.response is not None and error.response.status_code < 500:
                    raise
                trouble = f"\nlast error: {type(error).__name__}: {error}"
            self.check_alive()
            if time.monotonic() > deadline:
                raise AirflowFailedError(f"condition not met within {within:g} s: {what}{trouble}\n{self.log_tail()}")
            self._pause(every)

    def check_alive(self) -> None:
        """Raise `AirflowFailedError` if Airflow, or one of its components, has died."""
        if self._guard is None or self._guard.poll() is not None:
            code = "" if self._guard is None else f" with exit code {self._guard.returncode}"
            raise AirflowFailedError(f"Airflow ended{code}\n{self.log_tail()}")
        dead = self._zombies()
        # standalone does not supervise its components; a child it waits for is a zombie for a moment only.
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
        """Return the last lines of what Airflow's components have printed."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_for_dag(self, dag_id: str, within: float = 90.0) -> None:
        """Return when the DAG can be triggered; a DAG file that cannot be read is an error at once."""

        def is_parsed() -> bool:
            if broken := self.api.import_errors():
                report = "\n".join(f"{file}:\n{trace}" for file, trace in broken.items())
                raise AirflowFailedError(f"A DAG file cannot be read.\n{report}")
            return self.api.has_dag(dag_id)

        self.wait_until(is_parsed, within=within, what=f"DAG {dag_id} parsed")

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, state: str, within: float) -> dict[str, Any]:
        """Return the task's instance as soon as it is in `state`; `AirflowFailedError` if it ends in another."""
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
                raise AirflowFailedError(f"Task {task_id} is {task['state']}, not {state}\n{log}")
            return bool(task["state"] == state)

        self.wait_until(reached, within=within, what=f"task {task_id} {state}", every=0.3)
        return task

    def processes(self) -> list[psutil.Process]:
        """Return all live processes of Airflow, the guard left out."""
        if self._guard is None:
            return []
        return [process for child in psutil.Process(self.guard_pid).children() for process in members(child.pid)]

    def running_tasks(self) -> set[str]:
        """Return the ids of the task instances that hold a worker process.

        LocalExecutor's workers and the task processes below them carry the id in their titles, Airflow 2's the names.
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
