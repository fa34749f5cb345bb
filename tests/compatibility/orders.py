"""An order of the tiles from a sandbox, over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from tiles import GE01, WV01, WV02, catalog

ORDER_SECONDS = 60


def order_tiles(folder: Path, *options: str) -> Path:
    """Order the tiles from a sandbox with options of its command line; return the delivered folder."""
    catalog_path = folder / "catalog.geojson"
    catalog_path.write_text(json.dumps(catalog()))
    command = [os.environ["ARD_SANDBOX_PYTHON"], "-m", "airflow_provider_ard.sandbox", "--port", "0"]
    command += ["--order-duration", "0s", "--pixels", "512", "--catalog", str(catalog_path)]
    with running([*command, *options, "--storage", str(folder / "storage")]) as connection, requests.Session() as api:
        url = f"{connection['url']}/api/v1"
        fields = {"grant_type": "password", "username": connection["login"], "password": connection["password"]}
        token = api.post(f"{url}/auth/authenticate", data=fields, timeout=9).json()["access_token"]
        api.headers["Authorization"] = f"Bearer {token}"
        body = {
            "acquisitions": [{"id": acquisition.id, "cells": []} for acquisition in (WV02, WV01, GE01)],
            "output_config": {"bucket": "bucket", "prefix": "prefix"},
        }
        order = api.post(f"{url}/order/", json=body, timeout=60).json()
        end = time.monotonic() + ORDER_SECONDS
        while (status := api.get(f"{url}/order/status/{order['id']}", timeout=9).json()["status"]) == "RUNNING":
            assert time.monotonic() < end, "the order did not finish"
            time.sleep(0.2)
        assert status == "SUCCEEDED"
    return folder / "storage" / "bucket" / "prefix"


@contextmanager
def running(command: list[str]) -> Iterator[dict[str, Any]]:
    """Run a sandbox; yield the line that it prints on start."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)
