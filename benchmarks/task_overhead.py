"""Overhead of a task that orders, from the start of its process to the POST, beside Airflow's `HttpOperator`.

`python -m benchmarks.task_overhead [--docs]` runs both alternately, each in new processes that have loaded what a
supervisor has before it starts a task. Each process imports the operator's module, as the task does when it loads its
DAG file, and executes the task against one server, which counts the requests. Measured is the CPU time until the server
receives the POST that the task is for, which other load on the machine affects little, and until the task ends.
`--docs` writes the table into docs/scale.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.report import REPOSITORY, environment_line, markdown_table, write_section

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 9
MAX_RATIO = 1.5
OURS, WITH_AOI, PEER = "`ArdOrderOperator`", "`ArdOrderOperator` with an AOI", "`HttpOperator`"
CONTENDERS = (OURS, WITH_AOI, PEER)
AOI = "POLYGON ((-105 40, -104.9 40, -104.9 40.1, -105 40.1, -105 40))"
ORDER = {"id": "3837513680025560000", "status": "RUNNING", "order": {"usage": {"area": {}, "cost": {}}}}
RESPONSES = {
    "/api/v1/auth/authenticate": {"access_token": "a.b.c", "expires_in": 43200, "refresh_token": "refresh"},
    "GET /api/v1/order/": {"data": [], "has_more": False},
    "POST /api/v1/order/": ORDER,
    f"GET /api/v1/order/status/{ORDER['id']}": ORDER,
    "POST /jobs": {"id": "1"},
}
HEAD = ("Operator", "CPU ms to the POST", "range", "CPU ms in all", "Modules loaded", "Requests")


class Handler(BaseHTTPRequestHandler):
    """The part of both APIs that the tasks need."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Respond to a request."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        response = RESPONSES.get(f"{self.command} {path}") or RESPONSES.get(path)
        body = json.dumps(response if response else {"message": f"no such path: {path}"}).encode()
        self.send_response(200 if response else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 -- the name that http.server calls

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Run the server in a process of its own; yield its address."""
    command = [sys.executable, "-m", "benchmarks.task_overhead", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve_here() -> None:
    """Serve in this process, and print the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


def run_task(contender: str) -> dict[str, Any]:
    """Import the operator and execute the task in this process; return its figures."""
    # What a supervisor has loaded before it starts the process of a task.
    import airflow.sdk.execution_time.supervisor  # noqa: PLC0415
    import airflow.sdk.execution_time.task_runner  # noqa: F401, PLC0415

    loaded = len(sys.modules)
    begin = time.process_time()
    if contender in {OURS, WITH_AOI}:
        from airflow_provider_ard.operators.order import ArdOrderOperator  # noqa: PLC0415

        aoi = {"intersects": AOI} if contender == WITH_AOI else {}
        task: Any = ArdOrderOperator(
            task_id="order", acquisitions="10300100B2B49700", destination="s3://bucket/prefix", **aoi
        )
    else:
        from airflow.providers.http.operators.http import HttpOperator  # noqa: PLC0415

        task = HttpOperator(task_id="post", endpoint="jobs", data="{}", log_response=False)
    # Any HTTP library of Python sends its requests by this method.
    from http.client import HTTPConnection  # noqa: PLC0415

    requests: list[tuple[str, float]] = []
    original = HTTPConnection.endheaders

    def counted(connection: Any, *arguments: Any, **options: Any) -> None:
        first_line = connection._buffer[0].decode()
        requests.append((first_line.rpartition(" ")[0], time.process_time()))
        original(connection, *arguments, **options)

    with mock.patch.object(HTTPConnection, "endheaders", counted):
        task.execute(context())
    posts = [at for line, at in requests if line.startswith("POST") and "authenticate" not in line]
    return {
        "to_post": (posts[-1] - begin) * 1e3,
        "whole": (time.process_time() - begin) * 1e3,
        "modules": len(sys.modules) - loaded,
        "requests": [line.partition("?")[0] for line, _ in requests],
    }


def context() -> Any:
    """Return a task's context with a task instance that pushes no XCom."""
    ti = mock.Mock(
        dag_id="dag",
        task_id="order",
        run_id="manual__2026-01-01T00:00:00+00:00",
        map_index=-1,
        try_number=1,
        max_tries=0,
    )
    return {"ti": ti, "task_instance": ti, "task": SimpleNamespace(retries=0), "run_id": ti.run_id}


def measure(contender: str, env: dict[str, str]) -> dict[str, Any]:
    """Run a task in a new process; return its figures."""
    command = [sys.executable, "-m", "benchmarks.task_overhead", contender]
    process = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if process.returncode:
        raise RuntimeError(process.stderr[-3000:])
    figures: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return figures


def main(arguments: list[str]) -> None:
    """Measure both operators, print the table, and write it into the documentation with `--docs`."""
    samples: dict[str, list[dict[str, Any]]] = {contender: [] for contender in CONTENDERS}
    with tempfile.TemporaryDirectory() as home, serve() as address:
        connection = {"conn_type": "ard", "host": address, "login": "user", "password": "password"}
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
        env |= {
            "AIRFLOW_HOME": home,
            "PYTHONPYCACHEPREFIX": f"{home}/compiled",
            "PYTHONPATH": str(REPOSITORY),
            "AIRFLOW_CONN_ARD_DEFAULT": json.dumps(connection),
            "AIRFLOW_CONN_HTTP_DEFAULT": json.dumps(connection | {"conn_type": "http"}),
        }
        for contender in CONTENDERS:
            # The first process writes the bytecode files.
            measure(contender, env)
        for number in range(ROUNDS):
            for contender in CONTENDERS if number % 2 else reversed(CONTENDERS):
                samples[contender].append(measure(contender, env))
    medians = {contender: median(samples[contender], "to_post") for contender in CONTENDERS}
    ratio = medians[OURS] / medians[PEER]
    lines = [
        *markdown_table(HEAD, [row(contender, samples[contender]) for contender in CONTENDERS]),
        "",
        f"To the POST, `ArdOrderOperator` takes {ratio:.2f} times as long as `HttpOperator`. "
        + environment_line(
            "python -m benchmarks.task_overhead", "apache-airflow", "apache-airflow-providers-http", "requests"
        ),
    ]
    print("\n".join(lines))
    print(f"goal: ≤ {MAX_RATIO:g} times {PEER}: {'met' if ratio <= MAX_RATIO else 'NOT MET'}")
    if "--docs" in arguments:
        write_section("docs/scale.md", "benchmarks.task_overhead", lines)


def median(samples: list[dict[str, Any]], name: str) -> float:
    """Return the median of a figure."""
    return statistics.median(sample[name] for sample in samples)


def row(contender: str, samples: list[dict[str, Any]]) -> list[str]:
    """Return the cells of a contender."""
    times = sorted(sample["to_post"] for sample in samples)
    return [
        contender,
        f"{statistics.median(times):.0f}",
        f"{times[0]:.0f} to {times[-1]:.0f}",
        f"{median(samples, 'whole'):.0f}",
        f"{median(samples, 'modules'):.0f}",
        "; ".join(f"`{request}`" for request in samples[0]["requests"]),
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve_here()
    elif sys.argv[1:] and sys.argv[1] in CONTENDERS:
        print(json.dumps(run_task(sys.argv[1])))
    else:
        main(sys.argv[1:])
