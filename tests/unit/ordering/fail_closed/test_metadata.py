"""Orders whose metadata is returned in another form, or not at all."""

from __future__ import annotations

import json

import pytest

from airflow_provider_ard.api.errors import ArdUnavailableError
from airflow_provider_ard.ordering.idempotency import SERIES_TAG
from airflow_provider_ard.ordering.task_state import Attempt
from airflow_provider_ard.sandbox import Assumptions
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS
from tests.unit.ordering.fail_closed.conftest import CLEARED, RETRY, MemoryStore, order_once


def set_tag(ard, tag, value):
    ard.faults.add("GET /order", kind="set_json", path=f"$.data[*].order.metadata.{tag}", value=value)
    ard.faults.add("GET /order/status/*", kind="set_json", path=f"$.order.metadata.{tag}", value=value)


@pytest.mark.parametrize("metadata", sorted({*ASSUMPTIONS["metadata"]} - {"absent"}))
@pytest.mark.parametrize("if_exists", ["reuse", "resubmit"])
def test_metadata_in_another_form_is_recognized(ard, client, request_for, metadata, if_exists):
    first = order_once(client, request_for())
    ard.assumptions = Assumptions(metadata=metadata)
    assert order_once(client, request_for(), if_exists=if_exists, attempt=RETRY).order.id == first.order.id


@pytest.mark.parametrize("series", [2, 2.0, "2", "2.0"])
def test_series_in_another_form_is_recognized(ard, client, request_for, series):
    first = order_once(client, request_for(), if_exists="resubmit", attempt=Attempt(series=2))
    set_tag(ard, SERIES_TAG, series)
    retry, cleared = Attempt(series=2, is_first=False), Attempt(series=3, is_first=False)
    assert order_once(client, request_for(), if_exists="resubmit", attempt=retry).order.id == first.order.id
    assert order_once(client, request_for(), if_exists="resubmit", attempt=cleared).is_new


@pytest.mark.parametrize("series", [None, "***", {"N": "0"}, [0], True])
def test_unreadable_series_buys_nothing(ard, client, request_for, series):
    first = order_once(client, request_for(), if_exists="resubmit")
    set_tag(ard, SERIES_TAG, series)
    for attempt in (RETRY, CLEARED):
        with pytest.raises(ArdUnavailableError, match=SERIES_TAG) as caught:
            order_once(client, request_for(), if_exists="resubmit", attempt=attempt)
        assert caught.value.order_id == first.order.id
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("series", [None, "***", 7])
def test_recorded_series_is_sufficient(ard, client, request_for, series):
    store = MemoryStore()
    first = order_once(client, request_for(), if_exists="resubmit", store=store)
    set_tag(ard, SERIES_TAG, series)
    retry = order_once(client, request_for(), if_exists="resubmit", store=store, attempt=RETRY)
    assert retry.order.id == first.order.id
    assert order_once(client, request_for(), if_exists="resubmit", store=store, attempt=CLEARED).is_new


def test_metadata_of_the_single_status_is_sufficient(ard, client, request_for):
    first = order_once(client, request_for())
    ard.assumptions = Assumptions(list_rows="short")
    assert order_once(client, request_for()).order.id == first.order.id


def test_unreadable_metadata_buys_nothing(ard, client, request_for):
    first = order_once(client, request_for())
    ard.assumptions = Assumptions(metadata="absent")
    with pytest.raises(ArdUnavailableError) as caught:
        order_once(client, request_for())
    assert caught.value.order_id == first.order.id
    assert len(ard.submissions) == 1


def test_empty_metadata_buys_nothing(ard, client, request_for):
    order_once(client, request_for())
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].order.metadata", value={})
    ard.faults.add("GET /order/status/*", kind="set_json", path="$.order.metadata", value={})
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert len(ard.submissions) == 1


def test_row_with_malformed_fields_is_an_order(ard, client, request_for):
    first = order_once(client, request_for())
    for path, value in (("usage", []), ("output_config", "s3"), ("acquisitions", 5)):
        ard.faults.add("GET /order", kind="set_json", path=f"$.data[*].order.{path}", value=value)
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].status_message", value={"Error": "e", "Cause": "c"})
    assert order_once(client, request_for()).order.id == first.order.id
    assert json.loads(json.dumps(order_once(client, request_for()).order.report()))


def test_recorded_order_without_metadata_is_not_a_conflict(ard, client, request_for):
    store = MemoryStore()
    placed = order_once(client, request_for(), store=store)
    ard.faults.add(kind="list_lag", seconds=60)
    ard.assumptions = Assumptions(metadata="absent")
    with pytest.raises(ArdUnavailableError) as caught:
        order_once(client, request_for(), store=store, attempt=RETRY)
    assert caught.value.order_id == placed.order.id
    ard.assumptions = Assumptions()
    assert order_once(client, request_for(), store=store, attempt=RETRY).order.id == placed.order.id
