"""The retry policy of the example `ard_alerts`, with the errors that the operator raises. Airflow 3.3 or newer."""

from __future__ import annotations

import runpy
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_ard.api.errors import ArdOrderFailed, ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.exceptions import to_airflow_exception
from airflow_provider_ard.version_compat import import_first

EXAMPLE = Path(__file__).parents[3] / "dags_examples" / "ard_alerts.py"


@pytest.fixture(scope="module")
def example():
    try:
        import_first("airflow.sdk:ExceptionRetryPolicy")
    except ImportError:
        pytest.skip("Airflow before 3.3 has no retry policies")
    return runpy.run_path(str(EXAMPLE))


@pytest.mark.parametrize(
    ("error", "action", "minutes"),
    [(ArdOrderInDoubtError, "retry", 30), (ArdUnavailableError, "retry", 2), (ArdOrderFailed, "default", None)],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_order_in_doubt_is_retried_late_and_an_outage_soon(example, error, action, minutes):
    decision = example["RETRY_POLICY"].evaluate(to_airflow_exception(error("x"), "ard_default"), 1, 5)
    assert decision.action.value == action
    assert decision.retry_delay == (None if minutes is None else timedelta(minutes=minutes))


def test_policy_survives_serialization(example):
    policy = type(example["RETRY_POLICY"]).deserialize(example["RETRY_POLICY"].serialize())
    error = to_airflow_exception(ArdOrderInDoubtError("x"), "ard_default")
    assert policy.evaluate(error, 1, 5).retry_delay == timedelta(minutes=30)


def test_search_of_the_retry_finds_an_order_that_is_listed_late(example, ard, order, context, store, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.ordering.existing_orders.SEARCH_WINDOW_S", 0.1)
    ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
    rule = ard.faults.add("GET /order", kind="status", status=503, nth=2, times=10_000)
    with pytest.raises(ArdOrderInDoubtError) as caught:
        order().execute(context)
    assert example["RETRY_POLICY"].evaluate(caught.value, 1, 5).retry_delay == timedelta(minutes=30)
    ard.faults.remove(rule)
    context["ti"].try_number = 2
    assert order().execute(context) == ard.orders[0].id
    assert len(ard.submissions) == 1
