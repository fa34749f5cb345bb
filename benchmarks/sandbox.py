"""Throughput of the sandbox: `python benchmarks/sandbox.py [orders]`, 10,000 orders by default.

The sandbox runs in a separate process and delivers nothing; one client uses one connection.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import requests

SCRIPT = Path(sys.executable).with_name("ard-sandbox")


def main(count: int) -> None:
    """Print the figures."""
    start = time.perf_counter()
    # Not writable, so every delivery ends immediately.
    command = [str(SCRIPT), "serve", "--port", "0", "--order-duration", "3d", "--storage", "/dev/null/none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, requests.Session() as session:
        try:
            assert process.stdout is not None
            server = json.loads(process.stdout.readline())
            root = f"{server['url']}/api/v1"
            session.trust_env = False
            session.get(f"{root}/auth/self", timeout=10)
            print(f"start to first response {time.perf_counter() - start:8.2f} s")
            sandbox = psutil.Process(process.pid)
            print(f"memory at start         {sandbox.memory_info().rss / 2**20:8.0f} MiB")
            _log_in(session, root, server)
            start = time.perf_counter()
            for number in range(count):
                _order(session, root, server["acquisitions"][number % 5], number)
            elapsed = time.perf_counter() - start
            print(f"orders submitted        {count / elapsed:8.0f} per second ({count:,} in {elapsed:.1f} s)")
            start = time.perf_counter()
            listed, pages = _list(session, root)
            elapsed = time.perf_counter() - start
            assert listed == count, f"listed {listed} of {count}"
            print(f"orders listed           {listed / elapsed:8.0f} per second ({pages} pages in {elapsed:.1f} s)")
            print(f"memory with all orders  {sandbox.memory_info().rss / 2**20:8.0f} MiB")
        finally:
            process.terminate()


def _log_in(session: requests.Session, root: str, server: dict[str, Any]) -> None:
    fields = {"grant_type": "password", "username": server["login"], "password": server["password"]}
    token = session.post(f"{root}/auth/authenticate", data=fields, timeout=10).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"


def _order(session: requests.Session, root: str, acquisition: str, number: int) -> None:
    body = {
        "acquisitions": [{"id": acquisition, "cells": []}],
        "output_config": {"bucket": "bench", "prefix": "p"},
        "metadata": {"number": number},
    }
    session.post(f"{root}/order/", json=body, timeout=10).raise_for_status()


def _list(session: requests.Session, root: str) -> tuple[int, int]:
    count, pages = 0, 0
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = session.get(f"{root}/order/", params=query, timeout=30).json()
        count += len(page["data"])
        pages += 1
        if not page["has_more"]:
            return count, pages
        query["starting_after"] = page["data"][-1]["id"]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
