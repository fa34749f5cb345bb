"""What the API returns can be stored by Airflow: as JSON in UTF-8, in PostgreSQL, and by the triggerer as msgpack."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from airflow_provider_ard.api.http.pagination import OrderPage
from airflow_provider_ard.api.http.responses import error_from_response, json_object
from airflow_provider_ard.api.http.storable import storable_json, storable_numbers, storable_text
from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.api.selects.results import SelectStatus

TEXT = st.text(st.sampled_from('\0\ud800\udc00\ud83d\ude00\U0001f600\\u0"/\nda'), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**62, 2**70) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(TEXT)
def test_texts_in_json_are_storable(text: str) -> None:
    # Escapes of a surrogate pair are one character.
    characters = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    assert from_json(storable_json(json.dumps(text).encode())) == characters.replace("\0", "")


@given(TEXT)
def test_texts_are_storable(text: str) -> None:
    assert "\0" not in storable_text(text).encode().decode()


@pytest.mark.parametrize("content", [b'{"a": "\\\\u0000 \\\\ud800"}', b'{"a": "\xc3\xa4 \\u00e4 \\ud83d\\ude00"}'])
def test_other_json_is_unchanged(content):
    assert storable_json(content) == content


@given(JSON)
def test_numbers_are_storable(value: Any) -> None:
    json.dumps(stored := storable_numbers(value), allow_nan=False)
    assert storable_numbers(stored) == stored
    for number in _numbers(stored):
        assert isinstance(number, float) or -(2**63) <= number < 2**64


@pytest.mark.parametrize(
    ("number", "stored"),
    [(2**63 - 1, 2**63 - 1), (2**64, 2.0**64), (-(10**30), -1e30), (10**400, None), (math.nan, None), (True, True)],
)
def test_numbers_keep_their_value_if_possible(number, stored):
    assert storable_numbers({"a": [number]}) == {"a": [stored]}


def _numbers(value: Any) -> list[Any]:
    if isinstance(value, dict | list):
        return [number for item in (value.values() if isinstance(value, dict) else value) for number in _numbers(item)]
    return [value] if isinstance(value, int | float) else []


BODY = (
    rb'{"id": "1", "status": "FAILED\u0000", "status_message": "no \u0000\ud800imagery",'
    rb' "order": {"output_config": {"bucket": "b\u0000", "prefix": "p\udfff"}, "metadata": "{\"a\": \"\\u0000b\"}",'
    rb' "usage": {"area": {"total_imagery_sqkm": NaN, "x": 123456789012345678901234567890}, "y\u0000": 1e400}}}'
)


def _response(content: bytes, **fields: Any) -> Any:
    defaults = {"status_code": 200, "headers": {}, "reason": "", "url": "u", "request": SimpleNamespace(method="GET")}
    return SimpleNamespace(content=content, **defaults | fields)


@pytest.mark.parametrize(
    "read",
    [
        lambda: OrderStatus.model_validate(json_object(_response(BODY))),
        lambda: OrderPage(b'{"data": [%b]}' % BODY).orders[0],
        lambda: OrderPage(b'{"data": [%b]}' % BODY).select({"1"})[0],
    ],
)
def test_order_is_storable(read):
    order = read()
    assert order.has_failed
    assert order.metadata == {"a": "b"}
    assert order.report() == {
        "order_id": "1",
        "status": "FAILED",
        "status_message": "no imagery",
        "usage": {"area": {"total_imagery_sqkm": None, "x": 123456789012345678901234567890.0}, "cost": {}},
        "output_uri": "s3://b/p",
        "collection_uri": "s3://b/p/order_collections/1_root_collection.json",
    }


def test_listed_order_is_storable(client, monkeypatch):
    page = b'{"data": [%b], "has_more": false}' % BODY
    monkeypatch.setattr(client, "_request", lambda *_, **__: _response(page))
    ((order,),) = client.search_orders()
    assert order.status_message == "no imagery"


def test_select_is_storable():
    body = (
        rb'{"id": "1", "status": "FAILED", "error_message": {"Error": "\u0000no"}, "stack_depth_summary": {"1": 1e999}}'
    )
    select = SelectStatus.model_validate(json_object(_response(body)))
    assert (select.reason, select.stack_depth_summary) == ("no", {"1": None})


def test_error_is_storable():
    body = rb'{"code": "invalid_input", "message": "no \u0000\ud800imagery"}'
    error = error_from_response(_response(body, status_code=400, headers={"x-request-id": "r\0"}), "GET u")
    assert str(error) == "GET u: no imagery (HTTP status 400, code invalid_input, request ID r)"
    error = error_from_response(_response(b"", status_code=503, reason="no\0t now"), "GET u")
    assert error.message == "GET u: not now"
