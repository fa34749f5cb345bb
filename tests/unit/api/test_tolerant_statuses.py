"""ID and status of orders and Selects are read even if other fields are malformed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ard.api.errors import ArdUnavailableError
from airflow_provider_ard.api.orders.order_ids import is_order_id, parse_order_ids
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import OrderStatus, State
from airflow_provider_ard.api.selects.request import SelectRequest
from airflow_provider_ard.api.selects.results import SelectStatus
from airflow_provider_ard.polling.progress import format_report

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
USAGE = JSON | st.fixed_dictionaries({}, optional={"area": JSON, "cost": JSON, "limits": JSON, "available": JSON})
AMOUNTS = st.fixed_dictionaries({}, optional={"total_imagery_sqkm": JSON, "total_imagery_cost": JSON})
CONFIG = JSON | st.fixed_dictionaries(
    {}, optional={"amazon_s3": JSON, "bucket": JSON, "prefix": JSON, "azure_blob_storage": JSON}
)
ORDER = JSON | st.fixed_dictionaries(
    {},
    optional={
        "usage": USAGE | st.fixed_dictionaries({"area": AMOUNTS, "cost": AMOUNTS}),
        "output_config": CONFIG,
        "metadata": JSON,
        "acquisitions": JSON,
    },
)
STATES = {"SUCCEEDED": State.SUCCEEDED, "FAILED": State.FAILED, "RUNNING": State.RUNNING, " failed ": State.FAILED}


@given(
    st.sampled_from(sorted(STATES)),
    st.fixed_dictionaries(
        {},
        optional={
            "order": ORDER,
            "status_message": JSON,
            "metadata": JSON,
            "created": JSON,
            "finished": JSON,
            "x": JSON,
        },
    ),
)
def test_other_fields_do_not_affect_the_status_of_an_order(status: str, fields: dict[str, Any]) -> None:
    order = OrderStatus.model_validate_json(json.dumps({"id": "1", "status": status} | fields))
    assert (order.id, order.state) == ("1", STATES[status])
    report = order.report()
    assert report["order_id"] == "1"
    assert json.loads(json.dumps(report)) == report
    assert format_report(report)


@given(
    st.sampled_from(sorted(STATES)),
    st.fixed_dictionaries(
        {},
        optional={
            "usage": USAGE,
            "stack_depth_summary": JSON,
            "unique_acquisitions": JSON,
            "links": JSON,
            "error_message": JSON,
            "request_details": JSON,
        },
    ),
)
def test_other_fields_do_not_affect_the_status_of_a_select(status: str, fields: dict[str, Any]) -> None:
    select = SelectStatus.model_validate_json(json.dumps({"id": "1", "status": status} | fields))
    assert (select.id, select.state) == ("1", STATES[status])
    assert isinstance(select.reason, str)
    assert json.loads(json.dumps(select.report())) == select.report()


GCS = {"google_cloud_storage": {"bucket": "b", "prefix": None}}


@pytest.mark.parametrize(
    ("config", "uri"),
    [
        ({"amazon_s3": None, "azure_blob_storage": None} | GCS, "gs://b"),
        ({"amazon_s3": {"bucket": None, "prefix": None}} | GCS, "gs://b"),
        ({"bucket": None, "prefix": None} | GCS, "gs://b"),
        ({"region": "us"} | GCS, "gs://b"),
        ({"bucket": "b", "prefix": "/p/", "google_cloud_storage": None}, "s3://b/p"),
        ({"amazon_s3": None, "azure_blob_storage": {"container": "c", "prefix": "p"}}, "az://c/p"),
        ({"amazon_s3": None}, None),
        ({"other_storage": {"bucket": "b"}}, None),
    ],
)
def test_platforms_that_were_not_ordered_may_be_null(config, uri):
    assert OrderStatus(id="1", order={"output_config": config}).report()["output_uri"] == uri


@pytest.mark.parametrize("spelling", ["00{}", "{}"])
def test_status_has_the_requested_order_id(ard, client, spelling):
    order_id = client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p")).id
    ard.faults.add("GET /order/status/*", kind="set_json", path="id", value=spelling.format(order_id))
    assert client.get_order(order_id).id == order_id
    ard.faults.clear()
    ard.faults.add("GET /order/status/*", kind="set_json", path="id", value=int(order_id))
    assert client.get_order(order_id).id == order_id


def test_status_has_the_requested_select_id(ard, client):
    select_id = client.submit_select(SelectRequest.of(bbox=[-105.13, 40.14, -105.06, 40.19])).id
    ard.faults.add("GET /select/request/*", kind="set_json", path="id", value=f"0{select_id.swapcase()}")
    assert client.get_select(select_id).id == select_id


def test_status_of_another_order_is_an_outage(ard, client, retry_pauses):
    order_id = client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p")).id
    ard.faults.add("GET /order/status/*", kind="set_json", path="id", value="4711")
    with pytest.raises(ArdUnavailableError):
        client.get_order(order_id)


@pytest.mark.parametrize("order_id", ["4711", "ord:2026.11", "a.b", "A_b-c", "0", 4711])
def test_order_ids_of_responses_are_valid_arguments(order_id):
    assert parse_order_ids(OrderStatus(id=order_id).id) == [str(order_id)]


@given(st.text(max_size=12))
def test_responses_and_arguments_accept_the_same_order_ids(order_id: str) -> None:
    if is_order_id(order_id) and order_id != "None":
        assert OrderStatus(id=order_id).id == parse_order_ids(order_id)[0]
    else:
        with pytest.raises(Exception, match="order"):
            parse_order_ids(order_id)
