"""Durations and dates of the command line, and what it imports before it runs a command."""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_ard.cli.arguments import date_or_age, duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("30s", 30),
        ("30m", 1800),
        ("2h", 7200),
        ("7d", 604_800),
        ("1w", 604_800),
        ("1h30m", 5400),
        ("1.5 H", 5400),
        (" 2d 12h ", 216_000),
    ],
)
def test_duration_is_read(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0.5s", "-1h", "h", "2x", "2h3", "nan", "inf", "1e9", "9" * 400, "400000d", "٣h"]
)
def test_invalid_duration_is_rejected(text):
    with pytest.raises(argparse.ArgumentTypeError):
        duration(text)


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T23:00:00Z", "20260131"])
def test_date_is_unchanged(text):
    assert date_or_age(text) == text


@pytest.mark.parametrize(("text", "age"), [("7d", timedelta(days=7)), ("12h", timedelta(hours=12))])
def test_duration_is_a_time_before_now(text, age):
    moment = datetime.fromisoformat(date_or_age(text))
    assert abs(datetime.now(UTC) - age - moment) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "7", "soon", "2026-13-01", "-7d", "9999999d"])
def test_invalid_date_is_rejected(text):
    with pytest.raises(argparse.ArgumentTypeError):
        date_or_age(text)


def test_list_includes_orders_of_the_last_days(run, ard, orders):
    assert all(order in run("orders", "list", "--start-date", "7d", "--json")[1] for order in orders)
    assert run("orders", "list", "--end-date", "7d", "--json")[1] == "[]\n"


def test_timeout_and_poke_interval_take_units(run, orders):
    assert run("orders", "wait", orders[0], "--timeout", "1s", "--poke-interval", "1s")[0] == 3


IMPORTS = """
import sys
before = set(sys.modules)
from airflow_provider_ard.cli.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print("exit code", end.code)
print("loaded:", *sorted({name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["orders", "list", "--help"], 0),
        (["orders", "show"], 2),
        (["orders", "wait", "x", "--timeout", "never"], 2),
        (["orders", "list", "--start-date", "2026-02-01", "--end-date", "2026-01-31"], 2),
        (["credentials", "delete", "stored"], 2),
    ],
)
def test_help_and_usage_errors_import_no_library(arguments, code):
    """Importing Airflow takes seconds."""
    process = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    *_, exit_code, loaded = process.stdout.splitlines()
    assert exit_code == f"exit code {code}"
    assert set(loaded.split()[1:]) == {"airflow_provider_ard"}
