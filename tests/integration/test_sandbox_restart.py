"""The command line, killed while an order runs and restarted with the same state file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests


def test_killed_sandbox_resumes(tmp_path):
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
        with running(0) as sandbox:
            root = f"{sandbox['url']}/api/v1"
            fields = {"grant_type": "password", "username": sandbox["login"], "password": sandbox["password"]}
            token = session.post(f"{root}/auth/authenticate", data=fields, timeout=9).json()["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
            order = {
                "acquisitions": [{"id": sandbox["acquisitions"][0]}],
                "output_config": {"bucket": "b", "prefix": ""},
            }
            order_id = session.post(f"{root}/order/", json=order, timeout=9).json()["id"]
        session.close()
        with running(urlsplit(sandbox["url"]).port) as restarted:
            assert restarted["url"] == sandbox["url"]
            session.put(f"{sandbox['url']}/sandbox/clock", json={"advance": "1h"}, timeout=9)
            deadline = time.monotonic() + 20
            while (body := session.get(f"{root}/order/status/{order_id}", timeout=9).json())["status"] == "RUNNING":
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert body["status"] == "SUCCEEDED"
            assert body["order"]["usage"]["limits"]["annual_subscription_fee_limit"] == 5000
            assert (tmp_path / f"out/b/order_collections/{order_id}_root_collection.json").exists()
