"""Side by side under the same faults: Planet's client, max-ard, Airflow's HTTP operators, and this provider.

``make bench-peers`` runs it. Each measurement has a server and a process of its own. max-ard, the HTTP operators and
this provider talk to the sandbox; Planet's client to as much of Planet's Orders API as it needs, with the same faults.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from fastapi import FastAPI

from airflow_provider_ard.sandbox import Sandbox

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHON = REPOSITORY / ".venv-peers" / "bin" / "python"
# At once, as most of the time of each is waiting.
AT_ONCE = 6
READ_TIMEOUT_S, SLOW_ANSWER_S, RETRIES, POKE_S = 2.0, 4.0, 2, 1.0
RATE_S, SURVIVAL_S = 10.0, 45.0
# Longer than anything but a client that hangs.
ORDER_LIMIT_S = 150.0

PACKAGES = {
    "planet": "planet",
    "max-ard": "max-ard",
    "http": "apache-airflow-providers-http",
    "ours": "airflow-provider-ard",
}
NAMES = {
    "planet": "`planet`",
    "max-ard": "`max-ard`",
    "http": "`HttpOperator`, `HttpSensor`",
    "http-deferred": "`HttpSensor`, deferrable",
    "ours": "this provider",
}
ONCE = {"nth": 1}
FAULTS: dict[str, dict[str, Any]] = {
    "slow answer": {"kind": "latency", "seconds": SLOW_ANSWER_S, **ONCE},
    "every answer slow": {"kind": "latency", "seconds": SLOW_ANSWER_S},
    "500 after accept": {"kind": "error_after_accept", "status": 500, **ONCE},
    "reset after accept": {"kind": "reset_after_accept", **ONCE},
    "503": {"kind": "status", "status": 503, **ONCE},
}


class PlanetServer(Sandbox):
    """As much of Planet's Orders API as its client needs to order and to wait, behind the sandbox's faults."""

    def __init__(self) -> None:
        super().__init__()
        self.placed: list[str] = []
        app = FastAPI()

        @app.post("/api/v1/orders/v2")
        def create() -> dict[str, str]:
            self.placed.append(str(uuid.uuid4()))
            return self._order(self.placed[-1])

        @app.get("/api/v1/orders/v2/{order_id}")
        def get(order_id: str) -> dict[str, str]:
            return self._order(order_id)

        self.replace_api(app)

    @staticmethod
    def _order(order_id: str) -> dict[str, str]:
        return {"id": order_id, "state": "running", "name": "peers"}


@dataclass(frozen=True)
class Endpoints:
    """What the server of a client is, and where it takes orders and tells of them."""

    order: str
    status: str


ARD, PLANET = Endpoints("POST /order", "GET /order/status/*"), Endpoints("POST /orders/v2", "GET /orders/v2/*")


def server_of(client: str) -> tuple[Sandbox, Endpoints]:
    """Return a server for one measurement, not yet started."""
    if client == "planet":
        return PlanetServer(), PLANET
    # max-ard speaks https alone.
    return Sandbox(order_duration="3d", tls=client == "max-ard"), ARD


def orders_on(server: Sandbox) -> int:
    """Return how many orders a server has accepted."""
    return len(server.placed) if isinstance(server, PlanetServer) else len(server.orders)


def token_of(server: Sandbox) -> str:
    """Log in to the sandbox, for clients that cannot; Planet's API is not told who asks."""
    if isinstance(server, PlanetServer):
        return ""
    answer = requests.post(
        f"{server.url}/api/v1/auth/authenticate",
        data={"grant_type": "password", "username": server.login, "password": server.password},
        verify=server.ca_file or True,
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def place(server: Sandbox, endpoints: Endpoints, headers: dict[str, str]) -> str:
    """Place the order to be waited for."""
    cell = {"id": "1040010060C9AD00", "cells": ["Z13-031131111333"]}
    body = {"acquisitions": [cell], "output_config": {"amazon_s3": {"bucket": "peers", "prefix": "order"}}}
    path = endpoints.order.split(" ")[1]
    url = f"{server.url}/api/v1{path}{'' if isinstance(server, PlanetServer) else '/'}"
    answer = requests.post(url, json=body, headers=headers, verify=server.ca_file or True, timeout=10)
    answer.raise_for_status()
    return str(answer.json()["id"])


def environment(server: Sandbox, home: str, token: str) -> dict[str, str]:
    """Return the environment of a client's process."""
    inherited = {key: value for key, value in os.environ.items() if not key.upper().startswith(("AIRFLOW", "ARD_"))}
    connection = json.loads(server.connection_json)
    env = inherited | {
        "HOME": home,
        "NO_PROXY": "127.0.0.1,localhost",
        "AIRFLOW_HOME": home,
        "AIRFLOW_CONN_ARD_DEFAULT": json.dumps(connection | {"extra": {"timeout": READ_TIMEOUT_S}}),
        "AIRFLOW_CONN_HTTP_DEFAULT": json.dumps({"conn_type": "http", "host": server.url}),
        "ARD_USERNAME": server.login,
        "ARD_PASSWORD": server.password,
        "MAXAR_ARD_HOSTNAME": f"{server.url.removeprefix('https://')}/api/v1",
        "PEER_URL": server.url,
        "PEER_TOKEN": token,
        "PEER_TIMEOUT": str(READ_TIMEOUT_S),
        "PEER_POKE": str(POKE_S),
    }
    return env | ({"REQUESTS_CA_BUNDLE": server.ca_file} if server.ca_file else {})


def start(client: str, what: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start a client's process."""
    command = [str(PYTHON), str(REPOSITORY / "benchmarks" / "peer_clients.py"), client, what]
    # Unread pipes must not stop a client that says much.
    log = (Path(env["HOME"]) / "stderr").open("w")
    with log:
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True, cwd=env["HOME"])


def outcome(process: subprocess.Popen[str], env: dict[str, str], limit: float) -> dict[str, Any] | None:
    """Return what a client says in the end; None if it is still at it after so many seconds, and end it."""
    try:
        said, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    if process.returncode:
        raise RuntimeError(f"{process.args}: {(Path(env['HOME']) / 'stderr').read_text()[-2000:]}")
    return dict(json.loads(said.splitlines()[-1]))


def measure_order(client: str, fault: str) -> str:
    """Return how many orders there are after one was wanted, and whether the task knows of any."""
    server, endpoints = server_of(client)
    with server, tempfile.TemporaryDirectory() as home:
        env = environment(server, home, token_of(server))
        server.faults.add(endpoints.order, **FAULTS[fault])
        # An outage that does not end is met by one try; a single fault by a task with its retries.
        retries = RETRIES if "nth" in FAULTS[fault] else 0
        said = outcome(start(client, "order", env | {"PEER_RETRIES": str(retries)}), env, ORDER_LIMIT_S)
        # What was given up is still on its way to being accepted.
        time.sleep(SLOW_ANSWER_S if FAULTS[fault]["kind"] == "latency" else 0)
        placed = orders_on(server)
    if said is None:
        return f"{placed}, hangs"
    return f"{placed}" if said["outcome"] == "success" else f"{placed}, unknown to the task"


@dataclass(frozen=True)
class Wait:
    """What a server saw of a wait: faulty answers, for how many seconds, and how it ended, None if it did not."""

    requests: int
    seconds: float
    ended: str | None


def measure_wait(client: str, status: int, limit: float) -> Wait:
    """Wait for an order whose status is answered with an error from the second look on."""
    server, endpoints = server_of(client)
    with server, tempfile.TemporaryDirectory() as home:
        token = token_of(server)
        order_id = place(server, endpoints, {"Authorization": f"Bearer {token}"})
        if client == "http-deferred":
            # It defers only on a 404, such as an order not yet listed gets.
            server.faults.add(endpoints.status, kind="status", status=404, nth=1)
        rule = server.faults.add(endpoints.status, kind="status", status=status, nth=2, times=10**9)
        env = environment(server, home, token) | {"PEER_ORDER": order_id}
        process = start(client, "wait", env)
        # The limit begins with the first faulty answer, however long the process takes to get there.
        while not rule.fired and process.poll() is None:
            time.sleep(0.01)
        said = outcome(process, env, limit)
        met = [record.time for record in server.requests if record.faults and record.status == status]
    # A client that has ended was good for the time from its first faulty answer to its last.
    seconds = (met[-1] - met[0]).total_seconds() if said else limit
    return Wait(len(met), seconds, said["outcome"] if said else None)


def told_rate(wait: Wait) -> str:
    """Say how fast a client asks, or that it stops."""
    if wait.ended:
        return f"fails after {wait.requests} request{'s' if wait.requests > 1 else ''}"
    return f"{wait.requests / wait.seconds:,.1f}"


def told_survival(wait: Wait) -> str:
    """Say how long a client holds out."""
    return f"{wait.seconds:.0f}" if wait.ended else f"≥ {wait.seconds:.0f}"


def versions() -> dict[str, str]:
    """Return the version of each client, as installed."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    told = subprocess.run([PYTHON, "-c", code, *PACKAGES.values()], capture_output=True, text=True, check=True)
    return dict(zip(PACKAGES, told.stdout.split(), strict=True))


def main() -> None:
    """Measure everything and print a table."""
    # A server that is stopped in the middle of a slow answer says so at length.
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The longest first.
        survived = {client: pool.submit(measure_wait, client, 503, SURVIVAL_S) for client in NAMES}
        ordered = {
            (client, fault): pool.submit(measure_order, client, fault) for fault in FAULTS for client in PACKAGES
        }
        asked = {client: pool.submit(measure_wait, client, 403, RATE_S) for client in NAMES}
    known = versions() | {"http-deferred": ""}
    rows = [["", *(f"{name} {known[client]}".strip() for client, name in NAMES.items())]]
    for fault in FAULTS:
        cells = [ordered[client, fault].result() if client in PACKAGES else "—" for client in NAMES]
        rows.append([f"Orders placed for one: {fault}", *cells])
    rows.append(["Requests a second while waiting under a 403", *(told_rate(asked[one].result()) for one in NAMES)])
    rows.append(["Seconds of 503 survived while waiting", *(told_survival(survived[one].result()) for one in NAMES)])
    print("$ make bench-peers")
    print(f"Python {platform.python_version()}, {time.monotonic() - began:.0f} s\n")
    print("\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]]))
    print(
        f"\nEach call is given up after {READ_TIMEOUT_S:g} s without an answer; a slow one takes {SLOW_ANSWER_S:g} s. "
        f"A failed order is tried again up to {RETRIES} times, as Airflow would, unless every answer is slow. A "
        f"look every {POKE_S:g} s while waiting; the 403 lasts {RATE_S:g} s, the 503 {SURVIVAL_S:g} s."
    )


if __name__ == "__main__":
    sys.exit(main())
