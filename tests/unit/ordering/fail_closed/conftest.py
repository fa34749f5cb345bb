"""Fixtures for tests of sequences of events that must not place a duplicate or unrequested order."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering import existing_orders
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import place_order
from airflow_provider_ard.ordering.submission_store import SubmissionRecord
from airflow_provider_ard.ordering.task_state import Attempt

KEY = IdempotencyKey("dag", "order", "scheduled__2026-01-01T00:00:00+00:00")
RETRY = Attempt(is_first=False)
CLEARED = Attempt(series=1, clear_number=1, is_first=False)


class MemoryStore:
    """A submission store in memory, persistent like that of Airflow 3.3."""

    def __init__(self, record=None):
        self.record = record

    def load(self):
        return self.record

    def save(self, record):
        self.record = record


@pytest.fixture(autouse=True)
def short_window(monkeypatch):
    monkeypatch.setattr(existing_orders, "SEARCH_WINDOW_S", 0.5)
    monkeypatch.setattr(existing_orders, "LAST_SEARCH_TIMEOUT_S", 0.5)


@pytest.fixture
def request_for(ard):
    def make(number=0, **arguments):
        acquisitions = ard.acquisitions[number]
        return OrderRequest.of(**({"acquisitions": acquisitions, "destination": "s3://bkt/p"} | arguments))

    return make


def order_once(client, request, key=KEY, **options):
    return place_order(client, request, key, **options)


def in_doubt():
    return MemoryStore(SubmissionRecord(submitted=True, series=0, existing_order_ids=()))
