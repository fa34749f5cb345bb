from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.ordering.fingerprint import fingerprint
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.spending import placed_at_of, read_amount
from airflow_provider_ard.ordering.terminal_key import TerminalKey


def request(**metadata):
    return OrderRequest.of(acquisitions="10300100B2B49700", destination="s3://bkt/p", metadata=metadata)


def test_default_key_is_that_of_the_request():
    key = TerminalKey.of(request())
    assert key.name == fingerprint(request(campaign="spring"))
    assert TerminalKey.of(request(), key.name) == key
    assert TerminalKey.of(request(), namespace="dev").digest != key.digest


@pytest.mark.parametrize("name", ["airflow_key", "ard_cli_key", "ard_cli_estimated_cost"])
@pytest.mark.parametrize("key", [TerminalKey("spring"), IdempotencyKey("dag", "task", "run")])
def test_tags_of_both_kinds_of_keys_are_reserved(key, name):
    with pytest.raises(ArdRequestError) as caught:
        key.tag(request(**{name: "1"}))
    assert caught.value.argument == "metadata"


@pytest.mark.parametrize("prefix", ["airflow_", "ard_cli_"])
def test_budgets_count_the_estimate_of_both_kinds_of_orders(prefix):
    metadata = {f"{prefix}estimated_cost": 12.5, f"{prefix}submitted_at": "2026-01-02T03:04:05+00:00"}
    order = OrderStatus.model_validate({"id": "1", "status": "RUNNING", "metadata": metadata})
    assert read_amount(order, "cost") == 12.5
    assert placed_at_of(order) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
