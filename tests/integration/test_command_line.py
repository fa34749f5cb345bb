"""The command line as a separate process, through the console script and through `airflow`."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from airflow import __version__ as airflow_version
from packaging.version import Version

from airflow_provider_ard.api.orders.request import OrderRequest
from demo.standalone import clean_environment

BIN = Path(sys.executable).parent
TIME_LIMIT_S = 120
SAS = "https://acct.blob.core.windows.net/tiles?sv=2024-11-04&se=2999-01-01T00%3A00%3A00Z&sp=rwl&sig=s1gnatur3"
# Airflow loads commands of providers since 3.2.
PROVIDERS_HAVE_COMMANDS = Version(airflow_version).release >= (3, 2)
SCRIPTS = [("ard",), ("airflow", "ard")] if PROVIDERS_HAVE_COMMANDS else [("ard",)]


@pytest.fixture
def env(ard, tmp_path):
    return clean_environment() | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
    }


@pytest.fixture
def order_id(ard, client):
    return client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p")).id


def run(env, *arguments, **options):
    return subprocess.run(
        [BIN / arguments[0], *arguments[1:]],
        env=env,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
        **options,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=" ".join)
def test_json_output_contains_nothing_else(env, order_id, script):
    process = run(env, *script, "orders", "list", "--json")
    assert process.returncode == 0, process.stderr
    assert [order["order_id"] for order in json.loads(process.stdout)] == [order_id]


@pytest.mark.parametrize("script", SCRIPTS, ids=" ".join)
def test_error_is_one_line_with_exit_code(env, ard, script):
    # Airflow logs a warning about such a short password to standard output.
    env["AIRFLOW_CONN_ARD_DEFAULT"] = json.dumps({"conn_type": "ard", "host": ard.url, "login": "u", "password": "abc"})
    process = run(env, *script, "orders", "show", "nope")
    assert (process.returncode, process.stdout) == (1, "")
    assert [line for line in process.stderr.splitlines() if line.startswith("error: Connection 'ard_default'")]
    assert "Traceback" not in process.stderr


def test_database_connection_and_secret_from_stdin(env, ard):
    connection_json = env.pop("AIRFLOW_CONN_ARD_DEFAULT")
    script = """
import os, sys
from airflow.models import Connection
from airflow.utils.db import initdb
from airflow.utils.session import create_session
initdb()
with create_session() as session:
    session.add(Connection.from_json(sys.argv[1], conn_id="from_db"))
"""
    subprocess.run(
        [sys.executable, "-c", script, connection_json], env=env, check=True, capture_output=True, timeout=TIME_LIMIT_S
    )
    process = run(env, "ard", "credentials", "put", "azure", "--conn-id", "from_db", input=f"{SAS}\n")
    assert process.returncode == 0, process.stderr
    assert ard.stored_secret("azure") == SAS
    assert "s1gnatur3" not in process.stdout + process.stderr


def test_wait_shows_a_progress_bar_and_ends_with_ctrl_c(env, ard, order_id):
    terminal, process_end = pty.openpty()
    process = subprocess.Popen(
        [BIN / "ard", "orders", "wait", order_id, "--poke-interval", "1"],
        env=env | {"TERM": "xterm", "COLUMNS": "120"},
        stdin=process_end,
        stdout=process_end,
        stderr=process_end,
        start_new_session=True,
    )
    os.close(process_end)
    displayed, end, stopped = "", time.monotonic() + TIME_LIMIT_S, False
    while time.monotonic() < end:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            # Linux reports EIO when the other end of a terminal is closed.
            break
        displayed += chunk.decode(errors="replace")
        if "RUNNING" in displayed and not stopped:
            stopped = True
            process.send_signal(signal.SIGINT)
    os.close(terminal)
    try:
        assert process.wait(timeout=10) == 130
    finally:
        process.kill()
    assert "━" in displayed
    assert "Stopped waiting" in displayed
    assert "Traceback" not in displayed


def test_closed_stdout_is_not_an_error(env, order_id):
    process = subprocess.run(
        ["bash", "-c", "set -o pipefail; ard orders list --json | true"],
        env=env | {"PATH": f"{BIN}:{env.get('PATH', '')}"},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
