"""What an Airflow cluster stands on: PostgreSQL, Redis, object storage, and the sandbox as the ARD API."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg2
import requests
from botocore.config import Config

from tests.cluster.supervisor import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.cluster.supervisor import Supervisor

HOSTS = ("postgresql", "redis", "storage", "ard")
DATABASE = "airflow"
BUCKET = "cluster"
STORAGE_URL = "http://storage:5000"
ARD_PORT = 8080
ARD_URL = f"http://ard:{ARD_PORT}"
KEY = SECRET = "cluster"
# As the sandbox accepts them, see docs/sandbox.md.
ARD_CONNECTION = json.dumps(
    {"conn_type": "ard", "host": ARD_URL, "login": "user@sandbox.example", "password": "sandbox-password"}
)
AWS_CONNECTION = json.dumps(
    {
        "conn_type": "aws",
        "login": KEY,
        "password": SECRET,
        "extra": {"endpoint_url": STORAGE_URL, "region_name": "us-east-1"},
    }
)
# For the whole run, also after a restart of the sandbox. `probability`: that the fault affects a request.
FAULTS = (
    "kind=reset_after_accept,endpoint=POST /order,probability=0.08",
    "kind=reset_before_accept,endpoint=POST /order,probability=0.05",
    "kind=error_after_accept,endpoint=POST /order,probability=0.08",
    "kind=status,endpoint=POST /order,status=429,retry_after=1,probability=0.05",
    "kind=gateway_html,endpoint=POST /order,probability=0.03",
    "kind=list_lag,seconds=2",
    "kind=fail_order,probability=0.1,message=no imagery",
    "kind=status,endpoint=GET /order,status=503,probability=0.05",
    "kind=gateway_html,endpoint=GET /order/status/*,probability=0.05",
    "kind=reset_after_accept,endpoint=GET *,probability=0.03",
    "kind=close_reused,endpoint=GET *,probability=0.1",
    "kind=expire_token,endpoint=GET *,probability=0.01",
)


def start_services(supervisor: Supervisor, folder: Path, env: Mapping[str, str], *, seed: int) -> None:
    """Start all services, and create the database and the bucket."""
    _start_postgresql(supervisor, folder, env)
    redis = ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no"]
    # Without persistence: a restart loses the queue.
    redis += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    supervisor.add(Program("redis", "redis", redis, env))
    moto = [sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", "5000"]
    supervisor.add(Program("storage", "storage", moto, env))
    sandbox = [sys.executable, "-m", "airflow_provider_ard.sandbox", "--host", "0.0.0.0", "--port", str(ARD_PORT)]
    sandbox += ["--seed", str(seed)]
    sandbox += ["--order-duration", "15s", "--pixels", "32", "--state", str(folder / "sandbox.sqlite")]
    sandbox += ["--storage", "s3", "--s3-endpoint", STORAGE_URL]
    for fault in FAULTS:
        sandbox += ["--fault", fault]
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
    supervisor.add(Program("ard", "ard", sandbox, {**env, **keys}))
    wait_until(supervisor, lambda: _is_up(f"{STORAGE_URL}/moto-api/data.json"), "the object storage", 60)
    storage = boto3.client(
        "s3",
        endpoint_url=STORAGE_URL,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=Config(proxies={}),
    )
    storage.create_bucket(Bucket=BUCKET)
    wait_until(supervisor, lambda: _is_up(f"{ARD_URL}/sandbox/clock"), "the sandbox", 60)


def _start_postgresql(supervisor: Supervisor, folder: Path, env: Mapping[str, str]) -> None:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    data = folder / "postgresql"
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]
    initdb = [*as_postgres, str(programs / "initdb"), "-D", str(data / "db"), "-U", "airflow", "--auth=trust"]
    supervisor.run("postgresql", initdb, env)
    with (data / "db" / "pg_hba.conf").open("a") as file:
        file.write("host all all all trust\n")
    server = [*as_postgres, str(programs / "postgres"), "-D", str(data / "db"), "-k", str(data)]
    server += ["-c", "listen_addresses=*", "-c", "max_connections=300", "-c", "fsync=off"]
    supervisor.add(Program("postgresql", "postgresql", server, env))
    wait_until(supervisor, lambda: _accepts_connections(data), "PostgreSQL", 60)
    create = [str(programs / "createdb"), "-h", str(data), "-U", "airflow", DATABASE]
    supervisor.run("postgresql", create, env)


def connect(folder: Path, database: str = DATABASE) -> psycopg2.extensions.connection:
    """Connect to the database by its socket file, which no cut affects."""
    connection = psycopg2.connect(host=str(folder / "postgresql"), user="airflow", dbname=database)
    connection.autocommit = True
    return connection


def _accepts_connections(data: Path) -> bool:
    try:
        connect(data.parent, "postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


def _is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def wait_until(supervisor: Supervisor, condition: Callable[[], bool], what: str, within: float) -> None:
    """Wait until a condition is true; raises TimeoutError after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"timed out after {within:g} s waiting for {what}")
        supervisor.tick()
        time.sleep(0.3)
