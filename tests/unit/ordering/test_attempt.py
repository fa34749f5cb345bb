"""The identity of a try, and test runs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.ordering.task_state import Attempt


def context_of(*, retries, **ti):
    instance = SimpleNamespace(**{"try_number": 2, "max_tries": 3, "map_index": -1} | ti)
    return {"ti": instance, "task": SimpleNamespace(retries=retries)}


def test_series_is_kept_if_retries_are_edited_between_tries():
    series = {Attempt.from_context(context_of(retries=retries)).series for retries in (3, 0, 10)}
    assert len(series) == 1


def test_series_changes_with_a_clear():
    # Airflow's clear sets max_tries to the tries so far plus the retries.
    before = Attempt.from_context(context_of(retries=3, try_number=1, max_tries=3))
    after = Attempt.from_context(context_of(retries=3, try_number=2, max_tries=4))
    assert before.series != after.series
    assert not before.may_have_been_cleared
    assert after.may_have_been_cleared


@pytest.mark.parametrize(("is_test", "is_local"), [(True, False), (True, True), (False, False)])
def test_test_run_warns_that_its_order_is_real(ard, ard_connection, context, monkeypatch, log_text, is_test, is_local):
    monkeypatch.setattr("airflow_provider_ard.operators.order_steps.is_loopback", lambda url: is_local)
    context["test_mode"] = is_test
    task = ArdOrderOperator(task_id="order", acquisitions=ard.acquisitions[:1], destination="s3://bkt/p")
    task.execute(context)
    assert ("a sandbox" in log_text("warning")) == (is_test and not is_local)
