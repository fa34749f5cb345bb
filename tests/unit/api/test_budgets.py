from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_ard.api.budgets import Budget, parse_budgets
from airflow_provider_ard.api.errors import ArdRequestError

NOW = datetime(2028, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("per", "start", "end"),
    [
        ("day", "2028-02-29", "2028-03-01"),
        ("month", "2028-02-01", "2028-03-01"),
        ("year", "2028-01-01", "2029-01-01"),
    ],
)
def test_calendar_periods_are_in_utc(per, start, end):
    budget = Budget(cost=1.0, per=per)
    for zone in (UTC, datetime.now().astimezone().tzinfo):
        now = NOW.astimezone(zone)
        assert budget.window_start(now) == datetime.fromisoformat(start).replace(tzinfo=UTC)
        assert budget.window_end(now) == datetime.fromisoformat(end).replace(tzinfo=UTC)


@pytest.mark.parametrize("start", ["2027-01-01", "2027-12-01", "2028-01-31", "2028-12-31"])
@pytest.mark.parametrize("per", ["day", "month", "year"])
def test_next_period_begins_where_this_one_ends(per, start):
    budget = Budget(cost=1.0, per=per)
    now = datetime.fromisoformat(start).replace(tzinfo=UTC)
    end = budget.window_end(now)
    assert end is not None
    assert budget.window_start(end) == end
    assert budget.window_start(end - timedelta(microseconds=1)) == budget.window_start(now) <= now


@pytest.mark.parametrize(
    ("per", "window"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        (" 2W", timedelta(weeks=2)),
        ("90m", timedelta(minutes=90)),
        (timedelta(days=1), timedelta(days=1)),
        ("366d", timedelta(days=366)),
    ],
)
def test_rolling_windows(per, window):
    [budget] = parse_budgets({"cost": 1, "per": per})
    assert budget.rolling_window == window
    assert budget.window_start(NOW) == NOW - window
    assert budget.window_end(NOW) is None


def test_budget_is_parsed_from_every_form():
    expected = (Budget(cost=5000.0, per="month"), Budget(area_sqkm=200.0, per="7d", scope="tag:campaign", pool="ard"))
    budgets = [
        {"cost": 5000, "per": "month"},
        {"area_sqkm": "200", "per": "7d", "scope": "tag:campaign", "pool": "ard"},
    ]
    assert parse_budgets(budgets) == parse_budgets(tuple(budgets)) == parse_budgets(str(budgets)) == expected
    assert parse_budgets(budgets[0]) == expected[:1]
    assert parse_budgets(budgets[0], default_scope="account")[0].scope == "account"
    assert parse_budgets(expected[1].to_dict()) == expected[1:]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "omit the argument"),
        ("", "omit the argument"),
        ("None", "omit the argument"),
        ([], "omit the argument"),
        ({}, "omit the argument"),
        pytest.param(iter(()), "omit the argument", id="empty iterator"),
        (5000, "expected a budget"),
        ("5000 per month", "expected a budget"),
        ([5000], "expected a budget"),
        ([{"cost": 1, "per": "month"}, None], "expected a budget"),
        ({"per": "month"}, "no limit"),
        ({"cost": 1}, "no per"),
        ({"cost": None, "per": "month"}, "rendered to None"),
        ({"cost": "", "per": "month"}, "rendered to ''"),
        ({"cost": -1, "per": "month"}, "at least 0"),
        ({"cost": True, "per": "month"}, "at least 0"),
        ({"cost": "inf", "per": "month"}, "finite"),
        ({"cost": 1, "area_sqkm": "x", "per": "month"}, "finite"),
        ({"costs": 1, "per": "month"}, "did you mean 'cost'"),
        ({"cost": 1, "per": "monthly"}, "expected day, month, year"),
        ({"cost": 1, "per": 7}, "expected day, month, year"),
        ({"cost": 1, "per": "0d"}, "expected day, month, year"),
        ({"cost": 1, "per": "367d"}, "expected day, month, year"),
        ({"cost": 1, "per": "-1d"}, "expected day, month, year"),
        ({"cost": 1, "per": timedelta(seconds=90)}, "expected day, month, year"),
        ({"cost": 1, "per": "day", "scope": "task"}, "expected dag, account or tag:NAME"),
        ({"cost": 1, "per": "day", "scope": "tag:"}, "expected dag, account or tag:NAME"),
        ({"cost": 1, "per": "day", "scope": None}, "expected dag, account or tag:NAME"),
        ({"cost": 1, "per": "day", "pool": ""}, "name of an Airflow pool"),
        ({"cost": 1, "per": "day", "pool": 3}, "name of an Airflow pool"),
    ],
    ids=str,
)
def test_invalid_budget_names_the_argument(value, message):
    with pytest.raises(ArdRequestError, match=message) as caught:
        parse_budgets(value, argument="budget")
    assert caught.value.argument == "budget"
    assert str(caught.value).startswith("budget: ")
