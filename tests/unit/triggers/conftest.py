from __future__ import annotations

import pytest
import requests

from airflow_provider_ard.triggers import watch


@pytest.fixture
def token(ard):
    form = {"grant_type": "password", "username": ard.login, "password": ard.password}
    return requests.post(f"{ard.url}/api/v1/auth/authenticate", data=form, timeout=5).json()["access_token"]


@pytest.fixture
def place(ard, ard_connection, token):
    def place():
        body = {"acquisitions": [{"id": ard.acquisitions[0]}], "output_config": {"bucket": "b", "prefix": "p"}}
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{ard.url}/api/v1/order/", json=body, headers=headers, timeout=5).json()["id"]

    return place


@pytest.fixture
def quick_watch(monkeypatch):
    monkeypatch.setattr(watch, "SHORTEST_INTERVAL_S", 0.05)
    monkeypatch.setattr(watch, "GATHER_S", 0.02)
    monkeypatch.setattr(watch, "LONGEST_OUTAGE_PAUSE_S", 0.05)
