from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.plugins.orders_page.rows import HIDDEN, create_row

TAGS = {"airflow_dag_id": "d", "airflow_task_id": "t", "airflow_run_id": "r", "airflow_map_index": "3"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def status(**order) -> OrderStatus:
    return OrderStatus.model_validate({"id": "1", "status": "RUNNING", "order": order})


@pytest.mark.parametrize("map_index", ["3", 3, 3.0, "3.0"])
def test_row_contains_the_task(map_index):
    row = create_row(status(metadata=TAGS | {"airflow_map_index": map_index}))
    assert (row.dag, row.task, row.run, row.map_index) == ("d", "t", "r", 3)


def test_task_of_an_unreadable_dag_is_hidden():
    row = create_row(status(metadata=TAGS)).visible_to({"other"})
    assert (row.dag, row.task, row.run, row.map_index) == (None, None, None, HIDDEN)


def test_task_of_a_readable_dag_is_visible():
    assert create_row(status(metadata=TAGS)).visible_to({"d"}).task == "t"


@pytest.mark.parametrize(
    ("order", "bbox"),
    [
        ({"bbox": [-105.1, 40.13, -105.03, 40.19]}, [-105.1, 40.13, -105.03, 40.19]),
        ({"intersects": "POLYGON ((1 2, 3.5 2, 3.5 -4e0, 1 2))"}, [1, -4, 3.5, 2]),
        (
            {"intersects": "GEOMETRYCOLLECTION (POLYGON ((1 2, 3 2, 3 4, 1 2)), POLYGON ((9 9, 10 9, 10 8, 9 9)))"},
            [1, 2, 10, 9],
        ),
        ({"acquisitions": [{"id": "a", "cells": ["Z13-031131111330"]}]}, [-105.1176, 40.1552, -105.0586, 40.2004]),
        ({"acquisitions": [{"id": "a", "cell_ids": ["Z13-031131111330"]}]}, [-105.1176, 40.1552, -105.0586, 40.2004]),
        ({"acquisitions": [{"id": "a", "cells": []}]}, None),
        ({"intersects": "POLYGON EMPTY"}, None),
        ({}, None),
    ],
)
def test_row_has_the_bbox_of_the_order(order, bbox):
    bounds = create_row(status(**order)).bbox
    assert bounds == (bbox if bbox is None else pytest.approx(bbox, abs=2e-3))


def test_times_are_seconds():
    order = OrderStatus.model_validate(
        {"id": "1", "created": "2026-01-01T00:00:00Z", "finished": "2026-01-01T01:00:00"}
    )
    row = create_row(order)
    assert (row.created, row.finished) == (1767225600, 1767229200)


def test_signature_in_a_message_is_redacted():
    order = OrderStatus.model_validate({"id": "1", "status_message": "https://x.blob/c?sp=rw&sig=s3cr3t&se=1"})
    assert "s3cr3t" not in create_row(order).message


def test_row_contains_no_credentials():
    config = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": "https://x?sig=s3cr3t"}}
    row = create_row(status(output_config=config))
    assert row.destination == "az://c/p"
    assert "s3cr3t" not in json.dumps(row)


@given(created=JSON, acquisitions=JSON, bbox=JSON, intersects=JSON, map_index=JSON)
def test_any_api_response_gives_a_row_of_plain_json(created, acquisitions, bbox, intersects, map_index):
    order = OrderStatus.model_validate(
        {
            "id": "1",
            "created": created,
            "order": {
                "acquisitions": acquisitions, "bbox": bbox, "intersects": intersects,
                "metadata": {"airflow_map_index": map_index, "airflow_dag_id": map_index},
            },
        }
    )  # fmt: skip
    json.dumps(create_row(order), allow_nan=False)
