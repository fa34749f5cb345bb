from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from airflow_provider_ard.api.delivery.filters import TileFilter
from airflow_provider_ard.api.errors import ArdRequestError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-06-03", [("2026-06-03", "2026-06-03")]),
        ("20260603", [("2026-06-03", "2026-06-03")]),
        (20260603, [("2026-06-03", "2026-06-03")]),
        ([20260603, "20260604/20260605"], [("2026-06-03", "2026-06-03"), ("2026-06-04", "2026-06-05")]),
        ("2026-W23", [("2026-06-01", "2026-06-07")]),
        ("2026-W23-2", [("2026-06-02", "2026-06-02")]),
        ("2026-06", [("2026-06-01", "2026-06-30")]),
        ("2026-06/2026-07", [("2026-06-01", "2026-07-31")]),
        ("2026", [("2026-01-01", "2026-12-31")]),
        ("2026-06/..", [("2026-06-01", None)]),
        ("../2026-06", [(None, "2026-06-30")]),
        ("2026-06-03T10:00:00Z", [("2026-06-03", "2026-06-03")]),
        (datetime(2026, 6, 3, 10, tzinfo=UTC), [("2026-06-03", "2026-06-03")]),
        (date(2026, 6, 3), [("2026-06-03", "2026-06-03")]),
    ],
    ids=str,
)
def test_dates_of_any_precision_are_parsed(value, expected):
    assert TileFilter.of(dates=value).dates == tuple(expected)


@pytest.mark.parametrize("value", ["2026-13", "2026-W54", 202606, True, pd.NaT, [pd.NaT], "2026-07/2026-06", "a/b/c"])
def test_invalid_dates_are_rejected(value):
    with pytest.raises(ArdRequestError) as caught:
        TileFilter.of(dates=value)
    assert caught.value.argument == "dates"
