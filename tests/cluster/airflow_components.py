"""The components of Airflow, each on its own host, with CeleryExecutor or LocalExecutor."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.cluster import ENVIRONMENT
from tests.cluster.services import ARD_CONNECTION, AWS_CONNECTION, DATABASE
from tests.cluster.supervisor import Program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.cluster.supervisor import Supervisor

AIRFLOW = (sys.executable, "-m", "airflow")
API_URL = "http://api:8080"
SCHEDULERS = ("scheduler-1", "scheduler-2")
TRIGGERERS = ("triggerer-1", "triggerer-2")
WORKERS = ("worker-1", "worker-2")
# The worker whose clock is changed.
SKEWED_WORKER = "worker-2"
# Debian's libfaketime; None without it.
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
DAGS = Path(__file__).parent / "dags"
CELERY, LOCAL = "CeleryExecutor", "LocalExecutor"
# Hosts that run tasks.
TASK_HOSTS = {CELERY: WORKERS, LOCAL: SCHEDULERS}
# Processes that run tasks, per worker or scheduler.
CONCURRENCY = 3


def hosts(executor: str) -> tuple[str, ...]:
    """Return the hosts of Airflow's components."""
    workers = WORKERS if executor == CELERY else ()
    return ("api", *SCHEDULERS, "dag-processor", *TRIGGERERS, *workers)


def component_of(host: str) -> str:
    """Return the component on a host: its name without the number."""
    return host.rstrip("-0123456789")


def connections(executor: str, host: str) -> tuple[str, ...]:
    """Return the other hosts that a component connects to."""
    targets = {
        "api": ("postgresql",),
        "scheduler": ("postgresql", "api"),
        "dag-processor": ("postgresql",),
        "triggerer": ("postgresql", "api", "ard"),
        "worker": ("postgresql", "api"),
    }[component_of(host)]
    if host in TASK_HOSTS[executor]:
        targets += ("ard", "storage")
    if executor == CELERY and host in (*SCHEDULERS, *WORKERS):
        targets += ("redis",)
    return targets


def clean_environment() -> dict[str, str]:
    """Return the environment without the variables of the caller's Airflow, AWS account and proxy."""
    prefixes = ("AIRFLOW", "AWS_", "FAKETIME")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(prefixes) and not name.lower().endswith("_proxy")
    }


def environment(folder: Path, executor: str) -> dict[str, str]:
    """Return the environment of all components; each host adds its own AIRFLOW_HOME."""
    database = f"airflow@postgresql/{DATABASE}"
    return {
        **clean_environment(),
        **ENVIRONMENT,
        "NO_COLOR": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_CONN_ARD_DEFAULT": ARD_CONNECTION,
        "AIRFLOW_CONN_AWS_DEFAULT": AWS_CONNECTION,
        "AIRFLOW__API__BASE_URL": API_URL,
        "AIRFLOW__API__HOST": "0.0.0.0",
        "AIRFLOW__API__PORT": "8080",
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(32),
        "AIRFLOW__CELERY__BROKER_URL": "redis://redis:6379/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(CONCURRENCY),
        # Messages that a killed worker has not acknowledged are delivered again, also for tasks that have been retried since.
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "120",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{API_URL}/execution/",
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Of LocalExecutor; with CeleryExecutor, what both schedulers keep in the queue.
        "AIRFLOW__CORE__PARALLELISM": str(CONCURRENCY if executor == LOCAL else 4 * CONCURRENCY),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{database}",
        # The default gives a task up after two lost messages; each restart of Redis loses all of them.
        "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "20",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "task-logs"),
    }


def start_airflow(supervisor: Supervisor, folder: Path, env: Mapping[str, str], executor: str) -> None:
    """Create the tables and start all components."""
    migrate = [*AIRFLOW, "db", "migrate"]
    supervisor.run(SCHEDULERS[0], migrate, {**env, "AIRFLOW_HOME": str(folder / "migrate")})
    for host in hosts(executor):
        home = {"AIRFLOW_HOME": str(folder / "homes" / host)}
        skew = _skew_environment(folder) if host == SKEWED_WORKER else {}
        supervisor.add(Program(host, host, _command(host), {**env, **home, **skew}))


def _command(host: str) -> list[str]:
    component = component_of(host)
    if component == "api":
        return [*AIRFLOW, "api-server"]
    if component == "dag-processor":
        return [*AIRFLOW, component]
    if component == "worker":
        name = ["--celery-hostname", f"{host}@{host}"]
        return [*AIRFLOW, "celery", "worker", "--skip-serve-logs", "--without-mingle", "--without-gossip", *name]
    return [*AIRFLOW, component, "--skip-serve-logs"]


def _skew_environment(folder: Path) -> dict[str, str]:
    if FAKETIME is None:
        return {}
    set_skew(folder, 0)
    repository = Path(__file__).parents[2]
    return {
        "PYTHONPATH": os.pathsep.join([str(DAGS.parent / "faketime"), str(repository)]),
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(_skew_file(folder)),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def set_skew(folder: Path, seconds: int) -> None:
    """Set the clock of `SKEWED_WORKER` ahead by this many seconds; takes effect within a second."""
    new_file = folder / "skew.new"
    new_file.write_text(f"{seconds:+d}\n")
    new_file.rename(_skew_file(folder))


def _skew_file(folder: Path) -> Path:
    return folder / "skew"
