from __future__ import annotations

import pytest

from airflow_provider_ard.exceptions import ArdNotFoundError, ArdOrderFailed, ArdRequestError, ArdTaskError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator


@pytest.fixture
def order_id(ard, ard_connection, context):
    return ArdOrderOperator(task_id="o", acquisitions=ard.acquisitions[0], destination="b/p").execute(context)


def test_an_unfinished_order_is_an_error_that_says_what_to_do(order_id, context):
    with pytest.raises(ArdTaskError, match="ArdOrderSensor"):
        ArdListTilesOperator(task_id="t", order_id=order_id).execute(context)


def test_a_failed_order_is_an_error_with_the_words_of_the_api(ard, order_id, context):
    ard.fail_order(order_id, "no imagery today")
    with pytest.raises(ArdOrderFailed, match="no imagery today"):
        ArdListTilesOperator(task_id="t", order_id=order_id).execute(context)


def test_an_unknown_order(ard_connection, context):
    with pytest.raises(ArdNotFoundError):
        ArdListTilesOperator(task_id="t", order_id="404").execute(context)


@pytest.mark.parametrize("size", [0, -1, "x", True, 1.5])
def test_a_batch_size_that_is_none(ard, order_id, context, size):
    sent = len(ard.requests)
    with pytest.raises(ArdRequestError, match="batch_size"):
        ArdListTilesOperator(task_id="t", order_id=order_id, batch_size=size).execute(context)
    assert len(ard.requests) == sent
