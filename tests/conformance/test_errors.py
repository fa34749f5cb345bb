"""The error classes of max-ard, and its behavior on API faults."""

from __future__ import annotations

import pytest
import requests
from conftest import BUCKET
from max_ard import Order
from max_ard import exceptions as errors

A = "1030010002269900"


def _order(**changes):
    return Order(**{"acquisitions": A, "destination": f"s3://{BUCKET}/x", "settings": {}, **changes})


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"bbox": [-105.1, 40.1, -105.0999, 40.1001]}, errors.GeometryException),
        ({"bbox": [1, 2, 3]}, errors.GeometryException),
        ({"intersects": "POLYGON ((0 0, 0 1, 1 1, 0 0))"}, errors.GeometryException),
        ({"settings": {"hue": True}}, errors.BadARDRequest),
        ({"acquisitions": None}, errors.BadARDRequest),
        ({"select_id": "1"}, errors.BadARDRequest),
        ({"destination": "gs://bucket/prefix"}, errors.BadARDRequest),
        (
            {"output_config": {"azure_blob_storage": {"container": "c", "prefix": ""}}, "destination": None},
            errors.BadARDRequest,
        ),
        ({"acquisitions": "10300100807F4800", "bba": True}, errors.BadARDRequest),
        ({"destination": "no-such-bucket", "dry_run": True}, errors.BadARDRequest),
        ({"metadata": {"big": "x" * (11 * 2**20)}}, errors.OversizeRequestException),
    ],
)
def test_rejected_orders(changes, error):
    with pytest.raises(error):
        _order(**changes).submit()


def test_expired_sas_url_is_rejected():
    sas = "https://account.blob.core.windows.net/?se=2024-01-01T00%3A00%3A00Z&sig=x"
    config = {"azure_blob_storage": {"sas_url": sas, "container": "c", "prefix": ""}}
    with pytest.raises(errors.BadARDRequest, match="expired"):
        _order(destination=None, output_config=config).submit()


@pytest.mark.parametrize("status", [500, 502])
def test_server_error(sandbox, status):
    sandbox.fault("status", "POST /order", status=status)
    with pytest.raises(errors.ARDServerException):
        _order(destination="no-such-bucket").submit()


def test_gateway_html_raises_decode_error(sandbox):
    sandbox.fault("gateway_html", "POST /order")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        _order(destination="no-such-bucket").submit()


def test_connection_reset_loses_the_placed_order(sandbox):
    before = len(Order.list_orders())
    sandbox.fault("reset_after_accept", "POST /order")
    with pytest.raises(requests.ConnectionError):
        _order(destination="no-such-bucket").submit()
    assert len(Order.list_orders()) == before + 1


def test_order_with_status_error(sandbox, wait):
    sandbox.fault("fail_order", "POST /order", final_status="ERROR", message="no such scene")
    order = _order()
    order.submit()
    assert wait(order).failed
    assert order.status == "ERROR"
    assert order.response.status_message == "no such scene"


def test_sdk_treats_unknown_status_as_finished(sandbox):
    order = _order(destination="no-such-bucket")
    order.submit()
    sandbox.call("POST", f"/orders/{order.order_id}/end", status="PAUSED")
    assert order.status == "PAUSED"
    assert order.finished
    assert not order.succeeded
    assert not order.failed


def test_unsubmitted_order_has_no_state():
    with pytest.raises(errors.NotSubmitted):
        _ = _order().status
