"""Compare Planet's client, max-ard, Airflow's HTTP operators and this provider under the same faults.

Run it with `make bench-peers`. Each measurement uses a separate server and client process. max-ard, the HTTP operators
and this provider use the sandbox; Planet's client uses a minimal Planet Orders API with the same faults.
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
# Measurements mostly wait, so they run concurrently.
CONCURRENCY = 6
READ_TIMEOUT_S, SLOW_RESPONSE_S, RETRIES, POKE_S = 2.0, 4.0, 2, 1.0
RATE_S, SURVIVAL_S = 10.0, 45.0
# Longer than any client takes that does not hang.
ORDER_LIMIT_S = 150.0

PACKAGES = {
    "planet": "planet",
    "max-ard": "max-ard",
    "http": "apache-airflow-providers-http",
    "provider": "airflow-provider-ard",
}
NAMES = {
    "planet": "`planet`",
    "max-ard": "`max-ard`",
    "http": "`HttpOperator`, `HttpSensor`",
    "http-deferred": "`HttpSensor`, deferrable",
    "provider": "this provider",
}
ONCE = {"nth": 1}
FAULTS: dict[str, dict[str, Any]] = {
    "one slow response": {"kind": "latency", "seconds": SLOW_RESPONSE_S, **ONCE},
    "every response slow": {"kind": "latency", "seconds": SLOW_RESPONSE_S},
    "500 after accept": {"kind": "error_after_accept", "status": 500, **ONCE},
    "reset after accept": {"kind": "reset_after_accept", **ONCE},
    "503": {"kind": "status", "status": 503, **ONCE},
}


class PlanetServer(Sandbox):
    """The part of Planet's Orders API that its client uses to order and wait, behind the sandbox's faults."""

    def __init__(self) -> None:
        super().__init__()
        self.order_ids: list[str] = []
        app = FastAPI()

        @app.post("/api/v1/orders/v2")
        def create() -> dict[str, str]:
            self.order_ids.append(str(uuid.uuid4()))
            return self._order(self.order_ids[-1])

        @app.get("/api/v1/orders/v2/{order_id}")
        def get(order_id: str) -> dict[str, str]:
            return self._order(order_id)

        self.replace_api(app)

    @staticmethod
    def _order(order_id: str) -> dict[str, str]:
        return {"id": order_id, "state": "running", "name": "peers"}


@dataclass(frozen=True)
class Endpoints:
    """Endpoints of a server to place an order and to request its status."""

    order: str
    status: str


ARD, PLANET = Endpoints("POST /order", "GET /order/status/*"), Endpoints("POST /orders/v2", "GET /orders/v2/*")


def create_server(client: str) -> tuple[Sandbox, Endpoints]:
    """Return a server for one measurement, not yet started, and its endpoints."""
    if client == "planet":
        return PlanetServer(), PLANET
    # max-ard supports HTTPS only.
    return Sandbox(order_duration="3d", tls=client == "max-ard"), ARD


def count_orders(server: Sandbox) -> int:
    """Return the number of orders that a server has accepted."""
    return len(server.order_ids) if isinstance(server, PlanetServer) else len(server.orders)


def access_token(server: Sandbox) -> str:
    """Return a token of the sandbox for clients that cannot log in; the Planet server needs none."""
    if isinstance(server, PlanetServer):
        return ""
    response = requests.post(
        f"{server.url}/api/v1/auth/authenticate",
        data={"grant_type": "password", "username": server.login, "password": server.password},
        verify=server.ca_file or True,
        timeout=10,
    )
    response.raise_for_status()
    return str(response.json()["access_token"])


def place_order(server: Sandbox, endpoints: Endpoints, headers: dict[str, str]) -> str:
    """Place the order that the client will wait for, and return its ID."""
    cell = {"id": "1040010060C9AD00", "cells": ["Z13-031131111333"]}
    body = {"acquisitions": [cell], "output_config": {"amazon_s3": {"bucket": "peers", "prefix": "order"}}}
    path = endpoints.order.split(" ")[1]
    url = f"{server.url}/api/v1{path}{'' if isinstance(server, PlanetServer) else '/'}"
    response = requests.post(url, json=body, headers=headers, verify=server.ca_file or True, timeout=10)
    response.raise_for_status()
    return str(response.json()["id"])


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


def start(client: str, action: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start the process of a client; `action` is "order" or "wait"."""
    command = [str(PYTHON), str(REPOSITORY / "benchmarks" / "peer_clients.py"), client, action]
    # A file, because a client with much output would block on an unread pipe.
    log = (Path(env["HOME"]) / "stderr").open("w")
    with log:
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True, cwd=env["HOME"])


def outcome(process: subprocess.Popen[str], env: dict[str, str], limit: float) -> dict[str, Any] | None:
    """Return the outcome that a client prints; kill it and return None if it runs longer than `limit` seconds."""
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    if process.returncode:
        raise RuntimeError(f"{process.args}: {(Path(env['HOME']) / 'stderr').read_text()[-2000:]}")
    return dict(json.loads(output.splitlines()[-1]))


def measure_order(client: str, fault: str) -> str:
    """Return how many orders exist after one was requested, and whether the task has an order ID."""
    server, endpoints = create_server(client)
    with server, tempfile.TemporaryDirectory() as home:
        env = environment(server, home, access_token(server))
        server.faults.add(endpoints.order, **FAULTS[fault])
        # A permanent fault is tested with one try, a single fault with a task's retries.
        retries = RETRIES if "nth" in FAULTS[fault] else 0
        result = outcome(start(client, "order", env | {"PEER_RETRIES": str(retries)}), env, ORDER_LIMIT_S)
        # A request that timed out may still be accepted.
        time.sleep(SLOW_RESPONSE_S if FAULTS[fault]["kind"] == "latency" else 0)
        count = count_orders(server)
    if result is None:
        return f"{count}, hangs"
    return f"{count}" if result["outcome"] == "success" else f"{count}, order ID unknown to the task"


@dataclass(frozen=True)
class Wait:
    """A wait as seen by the server: error responses, for how many seconds, and the outcome, None if it did not end."""

    requests: int
    seconds: float
    outcome: str | None


def measure_wait(client: str, status: int, limit: float) -> Wait:
    """Wait for an order whose status requests fail from the second one on."""
    server, endpoints = create_server(client)
    with server, tempfile.TemporaryDirectory() as home:
        token = access_token(server)
        order_id = place_order(server, endpoints, {"Authorization": f"Bearer {token}"})
        if client == "http-deferred":
            # It defers only after a 404, as for an order that is not listed yet.
            server.faults.add(endpoints.status, kind="status", status=404, nth=1)
        rule = server.faults.add(endpoints.status, kind="status", status=status, nth=2, times=10**9)
        env = environment(server, home, token) | {"PEER_ORDER": order_id}
        process = start(client, "wait", env)
        # The limit counts from the first error response, because process start times vary.
        while not rule.fired and process.poll() is None:
            time.sleep(0.01)
        result = outcome(process, env, limit)
        error_times = [record.time for record in server.requests if record.faults and record.status == status]
    # A client that ended has survived from its first error response to its last.
    seconds = (error_times[-1] - error_times[0]).total_seconds() if result else limit
    return Wait(len(error_times), seconds, result["outcome"] if result else None)


def format_rate(wait: Wait) -> str:
    """Format the requests per second of a client, or that it failed."""
    if wait.outcome:
        return f"fails after {wait.requests} request{'s' if wait.requests > 1 else ''}"
    return f"{wait.requests / wait.seconds:,.1f}"


def format_survival(wait: Wait) -> str:
    """Format the seconds that a client survived."""
    return f"{wait.seconds:.0f}" if wait.outcome else f"≥ {wait.seconds:.0f}"


def versions() -> dict[str, str]:
    """Return the installed version of each client."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    process = subprocess.run([PYTHON, "-c", code, *PACKAGES.values()], capture_output=True, text=True, check=True)
    return dict(zip(PACKAGES, process.stdout.split(), strict=True))


def main() -> None:
    """Measure everything and print a table."""
    # Servers that are stopped during a slow response log long tracebacks.
    logging.disable(logging.CRITICAL)
    start_time = time.monotonic()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        # Longest first.
        survived = {client: pool.submit(measure_wait, client, 503, SURVIVAL_S) for client in NAMES}
        ordered = {
            (client, fault): pool.submit(measure_order, client, fault) for fault in FAULTS for client in PACKAGES
        }
        rates = {client: pool.submit(measure_wait, client, 403, RATE_S) for client in NAMES}
    installed = versions() | {"http-deferred": ""}
    rows = [["", *(f"{name} {installed[client]}".strip() for client, name in NAMES.items())]]
    for fault in FAULTS:
        cells = [ordered[client, fault].result() if client in PACKAGES else "—" for client in NAMES]
        rows.append([f"Orders placed for one request: {fault}", *cells])
    rows += [
        ["Requests per second while polling returns 403", *(format_rate(rates[client].result()) for client in NAMES)],
        ["Seconds of 503 survived while polling", *(format_survival(survived[client].result()) for client in NAMES)],
    ]
    print("$ make bench-peers")
    print(f"Python {platform.python_version()}, {time.monotonic() - start_time:.0f} s\n")
    print("\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]]))
    print(
        f"\nRead timeout {READ_TIMEOUT_S:g} s; a slow response takes {SLOW_RESPONSE_S:g} s. Failed orders are retried "
        f"up to {RETRIES} times, unless every response is slow. Poll interval {POKE_S:g} s; the 403 lasts "
        f"{RATE_S:g} s, the 503 {SURVIVAL_S:g} s."
    )


if __name__ == "__main__":
    sys.exit(main())
