"""What waiting costs is counted here in short; what it takes in time is told by `make bench` alone."""

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


def test_a_thousand_orders_share_one_session_one_login_and_one_look_at_the_connection(runs):
    whole = runs["ours"]["whole"]
    assert (whole["sessions"], whole["logins"], whole["lookups"], whole["connections"]) == (1, 1, 1, 1)


def test_a_thousand_orders_take_at_most_eleven_requests_a_round(runs):
    assert runs["ours"]["task"]["orders"] == 1_000
    assert runs["ours"]["rounds"]["told"] >= 2_000
    assert runs["ours"]["figures"]["requests_a_round"] <= 11


def test_every_order_that_finishes_is_told(runs):
    assert runs["ours"]["figures"]["events"] == 1_000
    assert runs["ours"]["failed"] == 0


def test_the_same_counters_see_what_a_trigger_without_a_watch_needs(runs):
    run = runs["http"]
    assert run["figures"]["requests_a_round"] == run["task"]["orders"]
    assert run["figures"]["connections_a_round"] == run["task"]["orders"]
    assert run["whole"]["lookups"] == run["task"]["orders"]
    assert run["failed"] == 0
