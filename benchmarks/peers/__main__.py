"""Compare Planet's client, max-ard, Airflow's HTTP operators and this provider under the same faults.

Run it with `make bench-peers`. Each measurement uses a separate server and client process. max-ard, the HTTP operators
and this provider use the sandbox; Planet's client uses a minimal Planet Orders API with the same faults, which has no
list of orders, since the client requests none when it orders.
"""

from __future__ import annotations

import logging
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.orders import OTHER_ORDERS, RETRIES, SCENARIOS, SLOW_RESPONSE_S, measure_orders
from benchmarks.peers.processes import POKE_S, PYTHON, READ_TIMEOUT_S
from benchmarks.peers.waits import Wait, measure_wait
from benchmarks.report import markdown_table, write_section

# Measurements mostly wait, so they run concurrently.
CONCURRENCY = 6
RATE_S, SURVIVAL_S = 10.0, 45.0

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


def format_rate(wait: Wait) -> str:
    """Format the requests per second of a client, or that it failed."""
    if wait.outcome:
        return f"fails after {wait.requests}"
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
    """Measure everything and print the table; write it into the documentation with `--docs`."""
    # Servers that are stopped during a slow response log long tracebacks.
    logging.disable(logging.CRITICAL)
    start_time = time.monotonic()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        # Longest first.
        survived = {client: pool.submit(measure_wait, client, 503, SURVIVAL_S) for client in NAMES}
        ordered = {
            (client, name): pool.submit(measure_orders, client, scenario)
            for name, scenario in SCENARIOS.items()
            for client in PACKAGES
        }
    # One after the other: a fast client would slow the others down.
    rates = {client: measure_wait(client, 403, RATE_S) for client in NAMES}
    installed = versions() | {"http-deferred": "", "provider": ""}
    head = ["", *(f"{name} {installed[client]}".strip() for client, name in NAMES.items())]
    rows = [
        *(
            [scenario, *(ordered[client, scenario].result() if client in PACKAGES else "" for client in NAMES)]
            for scenario in SCENARIOS
        ),
        [
            f"requests per second while polling returns 403 for {RATE_S:g} s (poll interval {POKE_S:g} s)",
            *(format_rate(rates[client]) for client in NAMES),
        ],
        [
            f"seconds of 503 responses tolerated while waiting (tested for {SURVIVAL_S:g})",
            *(format_survival(survived[client].result()) for client in NAMES),
        ],
    ]
    print("$ make bench-peers")
    print(f"Python {platform.python_version()}, {time.monotonic() - start_time:.0f} s\n")
    lines = markdown_table(head, rows)
    print("\n".join(lines))
    print(
        f"\nRead timeout {READ_TIMEOUT_S:g} s; a slow response takes {SLOW_RESPONSE_S:g} s. Failed orders are retried "
        f"up to {RETRIES} times, unless every response is slow. Where the filter is ignored, the account has "
        f"{OTHER_ORDERS} orders of other tasks."
    )
    if "--docs" in sys.argv[1:]:
        write_section("docs/comparison.md", "benchmarks.peers", lines)


if __name__ == "__main__":
    sys.exit(main())
