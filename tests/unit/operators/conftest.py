"""Fixtures for operator tests."""

from __future__ import annotations

import pytest

from airflow_provider_ard.operators.order import ArdOrderOperator


@pytest.fixture
def order(ard, ard_connection, retry_pauses):
    def make(**arguments):
        return ArdOrderOperator(
            **{"task_id": "order", "acquisitions": ard.acquisitions[:1], "destination": "s3://bkt/p", **arguments}
        )

    return make
