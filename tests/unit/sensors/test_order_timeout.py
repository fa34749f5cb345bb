from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_ard.version_compat import AirflowSensorTimeout, AirflowSkipException
from tests.airflow_names import TaskDeferred
from tests.unit.sensors.conftest import sensor


def test_retry_logs_the_duration_of_the_complete_wait(ard, place_orders, context, store, log_text):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(hours=27)).isoformat()}
    ard.finish_order(order_id)
    sensor(order_id).execute(context)
    assert "Wait finished after 1 d 3 h" in log_text()


def test_retry_keeps_the_deadline_of_the_first_try(place_orders, context, store):
    (order_id,) = place_orders()
    started_at = datetime.now(UTC) - timedelta(days=3)
    store["ard_wait"] = {"first_try_number": 1, "started_at": started_at.isoformat()}
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert timedelta(hours=23) < deferred.value.timeout <= timedelta(days=1)


def test_restarting_timeout_is_logged_without_a_store(place_orders, context, log_text):
    (order_id,) = place_orders()
    for retries in (0, 2):
        with pytest.raises(TaskDeferred):
            sensor(order_id, retries=retries).execute(context)
    assert log_text().count("Airflow before 3.3 stores no start of the wait") == 1


def test_restarting_timeout_is_not_logged_with_a_store(place_orders, context, store, log_text):
    (order_id,) = place_orders()
    with pytest.raises(TaskDeferred):
        sensor(order_id, retries=2).execute(context)
    assert "Airflow before 3.3" not in log_text()


def test_wait_beyond_its_deadline_times_out(place_orders, context, store):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(days=5)).isoformat()}
    with pytest.raises(AirflowSensorTimeout, match="Timed out"):
        sensor(order_id).execute(context)
    with pytest.raises(AirflowSkipException):
        sensor(order_id, soft_fail=True).execute(context)


def test_cleared_task_restarts_the_timeout(place_orders, context, store):
    (order_id,) = place_orders()
    store["ard_wait"] = {"first_try_number": 1, "started_at": (datetime.now(UTC) - timedelta(days=5)).isoformat()}
    context["ti"].max_tries = 3
    with pytest.raises(TaskDeferred) as deferred:
        sensor(order_id).execute(context)
    assert deferred.value.timeout > timedelta(days=3)
    assert store["ard_wait"]["first_try_number"] == 4
