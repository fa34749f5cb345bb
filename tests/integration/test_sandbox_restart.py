"""The command line, killed in the middle of an order and started again on its state."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests


def test_a_killed_sandbox_goes_on_where_it_was(tmp_path):
    script = str(Path(sys.executable).with_name("ard-sandbox"))
    options = ["--order-duration", "1h", "--storage", str(tmp_path / "out"), "--pixels", "16"]
    command = [script, "serve", *options, "--state", str(tmp_path / "state.sqlite"), "--limit", "annual=5000"]

    @contextmanager
    def running(port):
        with subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True) as process:
            try:
                yield json.loads(process.stdout.readline())
            finally:
                process.kill()

    with requests.Session() as session:
        session.trust_env = False
        with running(0) as told:
            root = f"{told['url']}/api/v1"
            fields = {"grant_type": "password", "username": told["login"], "password": told["password"]}
            token = session.post(f"{root}/auth/authenticate", data=fields, timeout=9).json()["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
            order = {"acquisitions": [{"id": told["acquisitions"][0]}], "output_config": {"bucket": "b", "prefix": ""}}
            placed = session.post(f"{root}/order/", json=order, timeout=9).json()["id"]
        session.close()
        with running(urlsplit(told["url"]).port) as again:
            assert again["url"] == told["url"]
            session.put(f"{told['url']}/sandbox/clock", json={"advance": "1h"}, timeout=9)
            deadline = time.monotonic() + 20
            while (body := session.get(f"{root}/order/status/{placed}", timeout=9).json())["status"] == "RUNNING":
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert body["status"] == "SUCCEEDED"
            assert body["order"]["usage"]["limits"]["annual_subscription_fee_limit"] == 5000
            assert (tmp_path / f"out/b/order_collections/{placed}_root_collection.json").exists()
