"""Invalid durations are reported when the DAG file is parsed, also those that Airflow cannot store."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from airflow_provider_ard.api.arguments import LONGEST_DURATION
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

WAITS = {
    "order": lambda **arguments: ArdOrderOperator(task_id="t", acquisitions="a", **arguments),
    "select": lambda **arguments: ArdSelectOperator(task_id="t", bbox=[0, 0, 1, 1], **arguments),
    "sensor": lambda **arguments: ArdOrderSensor(task_id="t", order_id="1", **arguments),
}


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("argument", ["timeout", "poke_interval"])
@pytest.mark.parametrize("value", [sys.maxsize, float(sys.maxsize), timedelta.max, 86_400.0 * 3661])
def test_duration_of_more_than_ten_years_is_an_error(wait, argument, value):
    with pytest.raises(ArdRequestError, match=rf"{argument}: expected at most 3,660 days, got \S+ s$"):
        WAITS[wait](**{argument: value})


@pytest.mark.parametrize("wait", ["order", "select"])
@pytest.mark.parametrize("argument", ["timeout", "poke_interval"])
@pytest.mark.parametrize("value", [0, -1, "soon", None, True])
def test_invalid_duration_is_an_error(wait, argument, value):
    with pytest.raises(ArdRequestError, match=f"{argument}: expected seconds above 0 or a timedelta, got "):
        WAITS[wait](**{argument: value})


@pytest.mark.parametrize("value", [float("inf"), 10**400])
@pytest.mark.parametrize("wait", WAITS)
def test_infinite_duration_is_an_error(wait, value):
    with pytest.raises(ArdRequestError, match="timeout: expected"):
        WAITS[wait](timeout=value)


@pytest.mark.parametrize("value", [sys.maxsize, timedelta.max])
def test_max_wait_of_more_than_ten_years_is_an_error(value):
    with pytest.raises(ArdRequestError, match="max_wait: expected at most"):
        WAITS["sensor"](exponential_backoff=True, max_wait=value)


@pytest.mark.parametrize("wait", WAITS)
def test_duration_of_ten_years_is_valid(wait):
    assert WAITS[wait](timeout=LONGEST_DURATION).timeout == LONGEST_DURATION.total_seconds()
