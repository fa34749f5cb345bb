"""Fixtures for sensor tests."""

from __future__ import annotations

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


def sensor(order_id, **options):
    return ArdOrderSensor(task_id="wait", order_id=order_id, **options)
