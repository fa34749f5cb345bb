from __future__ import annotations

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.plugins.orders_page.details import order_details
from airflow_provider_ard.plugins.orders_page.rows import HIDDEN, Row

BBOX = [-105.10, 40.13, -105.03, 40.19]


def placed(client, **arguments) -> str:
    request = OrderRequest.of(**{"acquisitions": ["10400100E82CCE00"], "destination": "s3://b/p"} | arguments)
    return client.submit_order(IdempotencyKey("d", "t", "r").tag(request)).id


def tiles(details) -> set[tuple[str, str]]:
    return {(cell, acquisition) for cell, _, matches in details["cells"] for acquisition, _ in matches}


def test_of_whole_acquisitions_just_the_tiles_that_meet_the_aoi(ard, client):
    order_id = placed(client, bbox=BBOX)
    details = order_details(client, order_id, {"d"})
    [order] = ard.orders
    assert tiles(details) == {(tile.cell_id, tile.acquisition_id) for tile in order.tiles}
    assert details["aoi"]["type"] == "Polygon"
    assert {date for _, _, matches in details["cells"] for _, date in matches} == {"2025-07-12"}


def test_of_named_cells_just_these(client):
    details = order_details(client, placed(client, acquisitions={"10400100E82CCE00": ["Z13-031131111330"]}), {"d"})
    assert tiles(details) == {("Z13-031131111330", "10400100E82CCE00")}
    [[_, ring, _]] = details["cells"]
    assert ring[0] == ring[-1]
    assert ring[0] == pytest.approx([-105.11742, 40.15529], abs=1e-4)


def test_an_order_by_a_select_shows_what_the_select_found(client):
    from airflow_provider_ard.api.selects.request import SelectRequest

    select = client.submit_select(SelectRequest.of(bbox=BBOX, stack_depth=1))
    details = order_details(client, placed(client, acquisitions=None, select_id=select.id), {"d"})
    assert tiles(details)
    assert details["select_id"] == select.id


def test_without_the_catalog_the_named_cells_are_shown_and_a_note(ard, client):
    order_id = placed(client, acquisitions={"10400100E82CCE00": ["Z13-031131111330"]})
    ard.faults.add("POST /metadata/cells/acquisitions", kind="status", status=403)
    details = order_details(client, order_id, {"d"})
    assert tiles(details) == {("Z13-031131111330", "10400100E82CCE00")}
    assert "Not all tiles" in details["note"]


def test_the_users_metadata_is_shown_and_what_is_named_a_secret_is_not(client):
    details = order_details(client, placed(client, metadata={"campaign": "spring", "password": "s3cr3t"}), {"d"})
    assert details["metadata"] == {"campaign": "spring", "password": "***"}


def test_the_task_only_to_who_may_read_its_dag(client):
    order_id = placed(client)
    assert Row(*order_details(client, order_id, {"d"})["row"]).task == "t"
    hidden = Row(*order_details(client, order_id, set())["row"])
    assert (hidden.dag, hidden.map_index) == (None, HIDDEN)


def test_the_collection_once_it_is_delivered(ard, client):
    order_id = placed(client)
    assert order_details(client, order_id, {"d"})["collection"] is None
    ard.finish_order(order_id)
    assert order_details(client, order_id, {"d"})["collection"].endswith(f"{order_id}_root_collection.json")
