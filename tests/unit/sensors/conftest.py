"""Fixtures for sensor tests."""

from __future__ import annotations

import airflow
import pytest

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor


@pytest.fixture
def place_orders(ard, ard_connection, context, retry_pauses):
    def place_orders(count=1):
        ids = []
        for context["ti"].map_index in range(count):
            task = ArdOrderOperator(task_id="o", acquisitions=ard.acquisitions[0], destination="b/p")
            ids.append(task.execute(context))
        return ids

    return place_orders


@pytest.fixture
def first_rescheduled_at(context, monkeypatch):
    """Return a function that sets when Airflow has first rescheduled the sensor, None for never."""

    def set_time(time):
        context["ti"].get_first_reschedule_date = lambda _: time
        if airflow.__version__.startswith("2."):
            # It reads its database instead.
            monkeypatch.setattr("airflow.sensors.base._orig_start_date", lambda **_: time)

    return set_time


def sensor(order_id, **options):
    return ArdOrderSensor(task_id="wait", order_id=order_id, **options)
