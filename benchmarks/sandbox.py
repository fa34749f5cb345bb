"""How fast the sandbox is: ``python benchmarks/sandbox.py [orders]``, 10,000 by default.

It runs as a process of its own, delivers nothing, and is asked by one client over one connection.
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
    began = time.perf_counter()
    # Nothing can be written there, so that every delivery is over at once.
    command = [str(SCRIPT), "serve", "--port", "0", "--order-duration", "3d", "--storage", "/dev/null/none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, requests.Session() as session:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            root = f"{told['url']}/api/v1"
            session.trust_env = False
            session.get(f"{root}/auth/self", timeout=10)
            print(f"start to first answer   {time.perf_counter() - began:8.2f} s")
            memory = psutil.Process(process.pid)
            print(f"memory at the start     {memory.memory_info().rss / 2**20:8.0f} MiB")
            _log_in(session, root, told)
            began = time.perf_counter()
            for number in range(count):
                _order(session, root, told["acquisitions"][number % 5], number)
            spent = time.perf_counter() - began
            print(f"orders submitted        {count / spent:8.0f} a second ({count:,} in {spent:.1f} s)")
            began = time.perf_counter()
            listed, pages = _list(session, root)
            spent = time.perf_counter() - began
            assert listed == count, f"listed {listed} of {count}"
            print(f"orders listed           {listed / spent:8.0f} a second ({pages} pages in {spent:.1f} s)")
            print(f"memory with all of them {memory.memory_info().rss / 2**20:8.0f} MiB")
        finally:
            process.terminate()


def _log_in(session: requests.Session, root: str, told: dict[str, Any]) -> None:
    fields = {"grant_type": "password", "username": told["login"], "password": told["password"]}
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
    found, pages = 0, 0
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = session.get(f"{root}/order/", params=query, timeout=30).json()
        found += len(page["data"])
        pages += 1
        if not page["has_more"]:
            return found, pages
        query["starting_after"] = page["data"][-1]["id"]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
