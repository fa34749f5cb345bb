from __future__ import annotations

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.plugins.orders_page.details import order_details
from airflow_provider_ard.plugins.orders_page.rows import HIDDEN, Row

BBOX = [-105.10, 40.13, -105.03, 40.19]


def place_order(client, **arguments) -> str:
    request = OrderRequest.of(**{"acquisitions": ["10400100E82CCE00"], "destination": "s3://b/p"} | arguments)
    return client.submit_order(IdempotencyKey("d", "t", "r").tag(request)).id


def tiles(details) -> set[tuple[str, str]]:
    return {(cell, acquisition) for cell, _, matches in details["cells"] for acquisition, _ in matches}


def test_only_tiles_that_intersect_the_aoi_are_shown(ard, client):
    order_id = place_order(client, bbox=BBOX)
    details = order_details(client, order_id, {"d"})
    [order] = ard.orders
    assert tiles(details) == {(tile.cell_id, tile.acquisition_id) for tile in order.tiles}
    assert details["aoi"]["type"] == "Polygon"
    assert {date for _, _, matches in details["cells"] for _, date in matches} == {"2025-07-12"}


def test_only_ordered_cells_are_shown(client):
    details = order_details(client, place_order(client, acquisitions={"10400100E82CCE00": ["Z13-031131111330"]}), {"d"})
    assert tiles(details) == {("Z13-031131111330", "10400100E82CCE00")}
    [[_, ring, _]] = details["cells"]
    assert ring[0] == ring[-1]
    assert ring[0] == pytest.approx([-105.11742, 40.15529], abs=1e-4)


def test_tiles_of_a_select_are_shown(client):
    from airflow_provider_ard.api.selects.request import SelectRequest

    select = client.submit_select(SelectRequest.of(bbox=BBOX, stack_depth=1))
    details = order_details(client, place_order(client, acquisitions=None, select_id=select.id), {"d"})
    assert tiles(details)
    assert details["select_id"] == select.id


def test_unavailable_catalog_shows_ordered_cells_and_a_note(ard, client):
    order_id = place_order(client, acquisitions={"10400100E82CCE00": ["Z13-031131111330"]})
    ard.faults.add("POST /metadata/cells/acquisitions", kind="status", status=403)
    details = order_details(client, order_id, {"d"})
    assert tiles(details) == {("Z13-031131111330", "10400100E82CCE00")}
    assert "Not all tiles" in details["note"]


def test_secret_metadata_is_masked(client):
    metadata = {"campaign": "spring", "password": "s3cr3t", "source": "https://storage.example/a?sv=1&sig=s3cr3t"}
    details = order_details(client, place_order(client, metadata=metadata), {"d"})
    masked = {"password": "***", "source": "https://storage.example/a?sv=1&sig=***"}
    assert details["metadata"] == {"campaign": "spring"} | masked


def test_task_requires_access_to_its_dag(client):
    order_id = place_order(client)
    assert Row(*order_details(client, order_id, {"d"})["row"]).task == "t"
    hidden = Row(*order_details(client, order_id, set())["row"])
    assert (hidden.dag, hidden.map_index) == (None, HIDDEN)


def test_collection_is_shown_after_delivery(ard, client):
    order_id = place_order(client)
    assert order_details(client, order_id, {"d"})["collection"] is None
    ard.finish_order(order_id)
    assert order_details(client, order_id, {"d"})["collection"].endswith(f"{order_id}_root_collection.json")


def test_aoi_that_is_a_path_is_not_opened(ard, client, tmp_path):
    path = tmp_path / "secret.wkt"
    path.write_text("POLYGON ((0 0, 0 1, 1 1, 1 0, 0 0))")
    order_id = place_order(
        client, intersects="POLYGON ((-105.1 40.1, -105.1 40.2, -105.0 40.2, -105.0 40.1, -105.1 40.1))"
    )
    ard.faults.add("GET /order/status/*", kind="set_json", path="$.order.intersects", value=str(path))
    assert order_details(client, order_id, {"d"})["aoi"] is None
