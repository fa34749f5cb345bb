"""Tags, in each form in which an API may return them."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import OrderStatus, Usage
from airflow_provider_ard.ordering.idempotency import IdempotencyKey, tag_submission
from airflow_provider_ard.ordering.tags import normalize_tag, tag_number
from airflow_provider_ard.ordering.task_state import Attempt


@pytest.mark.parametrize(
    ("forms", "normalized"),
    [
        ([2, 2.0, "2", "2.0", "2.00", "2.0E0", "0.2e+1"], "2"),
        ([-1, -1.0, "-1", "-1.0"], "-1"),
        ([0, -0.0, "0.0"], "0"),
        ([20261128, 20261128.0, "2.0261128E7"], "20261128"),
        ([2.5, "2.5"], "2.5"),
        ([True, "true"], "true"),
        ([None, ""], None),
        # Other strings are returned as they were sent.
        (["007"], "007"),
        (["4965834720018812352"], "4965834720018812352"),
        (["12345678e1234567890123456789012a"], "12345678e1234567890123456789012a"),
        (["1e3"], "1e3"),
        (["1.2.0"], "1.2.0"),
        ([float("nan"), "NaN"], "NaN"),
        ([1e300, "1e+300"], "1e+300"),
        ([["a"]], '["a"]'),
    ],
)
def test_forms_of_a_value_are_equal(forms, normalized):
    assert {normalize_tag(form) for form in forms} == {normalized}


@pytest.mark.parametrize("value", [None, "***", True, 2.5, -1, [2], {"N": "2"}, float("inf"), "9" * 20])
def test_other_values_are_not_numbers(value):
    assert tag_number(OrderStatus.model_validate({"id": "1", "metadata": {"n": value}}), "n") is None


def test_all_tags_are_sent_as_strings():
    request = OrderRequest.of(acquisitions="10400100E82CCE00", destination="s3://bkt/p")
    key = IdempotencyKey("dag", "task", "run", map_index=1, namespace="prod")
    estimate = Usage(area={"total_imagery_sqkm": 1}, cost={"total_imagery_cost": 1.5})
    tagged = tag_submission(key.tag(request, Attempt(mapped_instances=2)), key, 0.0, estimate)
    assert {type(value) for value in tagged.metadata.values()} == {str}
