"""Submission records in Airflow's task state store."""

from __future__ import annotations

import pytest

from airflow_provider_ard.exceptions import ArdRequestError


def test_intent_is_saved_before_and_id_after_the_purchase(ard, order, context, store, monkeypatch):
    saves = []
    original_set = store.set

    def record_save(key, value, **options):
        saves.append((len(ard.submissions), value["order_id"]))
        original_set(key, value, **options)

    monkeypatch.setattr(store, "set", record_save)
    order_id = order().execute(context)
    assert saves == [(0, None), (1, order_id)]


def test_missing_task_state_store_is_logged_once(order, context, log_text):
    context["task"].retries = 2
    order().execute(context)
    assert log_text().count("Airflow before 3.3 has no task state store") == 1


def test_task_state_store_logs_nothing(order, context, store, log_text):
    context["task"].retries = 2
    order().execute(context)
    assert "Airflow before 3.3" not in log_text()


def test_nothing_is_bought_if_saving_the_intent_fails(ard, order, context, store, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("the API server is unreachable")

    monkeypatch.setattr(store, "set", broken)
    with pytest.raises(RuntimeError):
        order().execute(context)
    assert ard.submissions == []


def test_order_id_is_returned_if_saving_it_fails(ard, order, context, store, monkeypatch):
    original_set = store.set

    def broken(key, value, **options):
        if value["order_id"]:
            raise RuntimeError("the API server is unreachable")
        original_set(key, value, **options)

    monkeypatch.setattr(store, "set", broken)
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]


def test_rejected_order_clears_the_intent(ard, order, context, store):
    with pytest.raises(ArdRequestError):
        order(acquisitions="10300100FFFFFF00").execute(context)
    assert store["ard_order"]["submitted"] is False


def test_recorded_order_is_reused_if_the_list_omits_it(ard, order, context, store, monkeypatch):
    order_id = order().execute(context)
    monkeypatch.setattr("airflow_provider_ard.api.client.ArdClient.search_orders", lambda self, **_: iter([[]]))
    assert order().execute(context) == order_id
    assert len(ard.submissions) == 1


def test_lost_record_finds_the_order_in_the_list(ard, order, context, store):
    order_id = order().execute(context)
    store.clear()
    assert order().execute(context) == order_id
    assert len(ard.submissions) == 1
