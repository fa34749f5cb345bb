from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pendulum
import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.selects.interval import parse_interval

START, END = pendulum.datetime(2026, 1, 1), pendulum.datetime(2026, 1, 2)
DAY = "2026-01-01T00:00:00Z/2026-01-01T23:59:59Z"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("None", None),
        ("2026-01-01", "2026-01-01"),
        (" 2026-01-01 ", "2026-01-01"),
        (date(2026, 1, 1), "2026-01-01"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
        (START, "2026-01-01T00:00:00Z"),
        ("2026-01-01/2026-01-31", "2026-01-01/2026-01-31"),
        ("2026-01-01/2026-01-01", "2026-01-01/2026-01-01"),
        ((date(2026, 1, 1), date(2026, 1, 31)), "2026-01-01/2026-01-31"),
        ("2026-01-01/..", "2026-01-01/.."),
        ("2026-01-01/", "2026-01-01/.."),
        ("../2026-01-01", "../2026-01-01"),
        ("2020-07-01T00:00:00Z/..", "2020-07-01T00:00:00Z/.."),
        ("../2026-01-02T00:00:00Z", "../2026-01-01T23:59:59Z"),
        # A data interval rendered by Airflow as a string, as native objects, and as `ts`.
        (f"{START}/{END}", DAY),
        ("2026-01-01 00:00:00+00:00/2026-01-02 00:00:00+00:00", DAY),
        ("2026-01-01T00:00:00+00:00/2026-01-02T00:00:00+00:00", DAY),
        ([START, END], DAY),
        ([str(START), str(END)], DAY),
        (f"['{START}', '{END}']", DAY),
        # Other time zones, and naive times.
        ("2026-01-01T01:00:00+01:00/2026-01-02T01:00:00+01:00", DAY),
        (["2026-01-01T00:00:00", datetime(2026, 1, 2)], DAY),  # noqa: DTZ001
        ("2026-01-01/2026-01-02T00:00:00Z", "2026-01-01/2026-01-01T23:59:59Z"),
        ("2026-01-01T12:00:00Z/2026-01-01", "2026-01-01T12:00:00Z/2026-01-01"),
        # Dates of any precision, such as `ds_nodash`, which native rendering converts to a number.
        ("20190601/20190618", "2019-06-01/2019-06-18"),
        ("20190618", "2019-06-18"),
        (20190618, "2019-06-18"),
        ([20190601, 20190618], "2019-06-01/2019-06-18"),
        ("2026-W23", "2026-06-01/2026-06-07"),
        ("2026W23/2026W24", "2026-06-01/2026-06-14"),
        ("2026-W23-2", "2026-06-02"),
        ("2026W232", "2026-06-02"),
        ("2026-06", "2026-06-01/2026-06-30"),
        ("2028-02", "2028-02-01/2028-02-29"),
        ("2026-12", "2026-12-01/2026-12-31"),
        ("2026-06/2026-07", "2026-06-01/2026-07-31"),
        ("2026-06/..", "2026-06-01/.."),
        ("../2026", "../2026-12-31"),
        (2026, "2026-01-01/2026-12-31"),
    ],
)
def test_interval_is_parsed(value, expected):
    assert parse_interval(value) == expected


@pytest.mark.parametrize("step", [timedelta(days=1), timedelta(hours=1), timedelta(seconds=1), timedelta(seconds=1.5)])
def test_consecutive_intervals_have_no_gap_or_overlap(step):
    moment, intervals = datetime(2026, 1, 1, tzinfo=UTC), []
    for _ in range(20):
        since, until = (datetime.fromisoformat(end) for end in parse_interval((moment, moment + step)).split("/"))
        intervals.append((since, until))
        moment += step
    for (_, until), (since, _) in itertools.pairwise(intervals):
        assert since - until == timedelta(seconds=1)


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "2026-13-01",
        "2026-01-01/2026-01-02/2026-01-03",
        ["2026-01-01"],
        {"start": "2026-01-01"},
        # The string of a set differs between processes.
        pytest.param({"2026-01-01", "2026-01-02"}, id="set"),
        7,
        True,
        b"2026-01-01",
        "../..",
        "/",
        "2026-01-02/2026-01-01",
        "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z",
        "None/None",
        "2026-01-01/None",
        [START, None],
        "0001-01-01T00:00:00+14:00",
        "20191301",
        "2026-13",
        "2026-00",
        "2026-W54",
        "2026-W23T10:00",
        "202606",
        202606,
        2026.0,
        pd.NaT,
        [START, pd.NaT],
        datetime.max,  # noqa: DTZ901
        datetime.min,  # noqa: DTZ901
        date.max,
        (datetime.max, datetime.max),  # noqa: DTZ901
        [datetime.min, START],  # noqa: DTZ901
        "9999-12-31T23:59:59.5Z/..",
        "../0001-01-01T00:00:00Z",
        "2026-01-01/9999-12-31",
    ],
    ids=str,
)
def test_invalid_interval_is_rejected(value):
    with pytest.raises(ArdRequestError, match=r"^datetime: ") as caught:
        parse_interval(value)
    assert caught.value.argument == "datetime"


def test_empty_interval_is_rejected():
    with pytest.raises(ArdRequestError, match="CronDataIntervalTimetable"):
        parse_interval(f"{START}/{START}")
