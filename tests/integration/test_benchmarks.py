"""Count requests, logins and connections of many waits in a short run; only `make bench` measures time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    figures = tmp_path_factory.mktemp("waiting") / "figures.json"
    command = [sys.executable, "-m", "benchmarks.waiting", "--quick", "--json", str(figures)]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=240)
    return {run["task"]["contender"]: run for run in json.loads(figures.read_text())["runs"]}


def test_thousand_orders_share_session_login_and_connection_lookup(runs):
    whole = runs["ours"]["whole"]
    assert (whole["sessions"], whole["logins"], whole["lookups"], whole["connections"]) == (1, 1, 1, 1)


def test_thousand_orders_take_at_most_eleven_requests_per_round(runs):
    assert runs["ours"]["task"]["orders"] == 1_000
    assert runs["ours"]["rounds"]["statuses"] >= 2_000
    assert runs["ours"]["figures"]["requests_per_round"] <= 11


def test_every_finished_order_fires_an_event(runs):
    assert runs["ours"]["figures"]["events"] == 1_000
    assert runs["ours"]["failed"] == 0


def test_http_trigger_makes_one_request_per_order_and_round(runs):
    run = runs["http"]
    assert run["figures"]["requests_per_round"] == run["task"]["orders"]
    assert run["figures"]["connections_per_round"] == run["task"]["orders"]
    assert run["whole"]["lookups"] == run["task"]["orders"]
    assert run["failed"] == 0
