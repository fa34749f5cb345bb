"""A running sandbox and a minimal HTTP client for it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_ard.sandbox import Sandbox

REPOSITORY = Path(__file__).parents[3]
REAL_CATALOG = REPOSITORY.parent / "shared" / "real-catalog"


class Api:
    """A logged-in HTTP session with shortcuts for the paths of the API."""

    def __init__(self, ard: Sandbox) -> None:
        self.ard = ard
        self.session = requests.Session()
        # Otherwise REQUESTS_CA_BUNDLE would override the CA of the sandbox.
        self.session.trust_env = False
        if ard.ca_file:
            self.session.verify = ard.ca_file
        self.log_in()

    def log_in(self) -> dict[str, Any]:
        self.session.headers.pop("Authorization", None)
        fields = {"grant_type": "password", "username": self.ard.login, "password": self.ard.password}
        tokens = self.post("/auth/authenticate", data=fields).json()
        self.session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return tokens

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(f"{self.ard.url}/api/v1{path}", params=query, timeout=20)

    def post(self, path: str, **kwargs: Any) -> requests.Response:
        return self.session.post(f"{self.ard.url}/api/v1{path}", timeout=20, **kwargs)

    def order(self, **changes: Any) -> requests.Response:
        return self.post("/order/", json=self.payload(**changes))

    def payload(self, **changes: Any) -> dict[str, Any]:
        """Return an order of the first acquisition; a change to None removes a key."""
        payload = {
            "acquisitions": [{"id": self.ard.acquisitions[0], "cells": []}],
            "output_config": {"bucket": "bkt", "prefix": "a/b"},
            "dry_run": False,
            "settings": {"bundle_adjust": False},
            "metadata": {},
            **changes,
        }
        return {key: value for key, value in payload.items() if value is not None}

    def status(self, order_id: str) -> dict[str, Any]:
        return self.get(f"/order/status/{order_id}").json()

    def wait(self, order_id: str, timeout: float = 30) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while (body := self.status(order_id))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"order {order_id} is still running"
            time.sleep(0.02)
        return body


@pytest.fixture
def ard() -> Iterator[Sandbox]:
    """A sandbox whose orders succeed immediately without delivering."""
    with Sandbox(order_duration=0) as sandbox:
        yield sandbox


@pytest.fixture
def api(ard: Sandbox) -> Iterator[Api]:
    client = Api(ard)
    yield client
    client.session.close()
