from __future__ import annotations

import json

import pytest

from airflow_provider_ard.exceptions import ArdError, ArdNotFoundError, ArdOrderFailed, ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.version_compat import AirflowSkipException, Asset, AssetAlias
from tests.airflow_names import DAG


@pytest.fixture
def order_id(ard, ard_connection, context):
    return ArdOrderOperator(task_id="o", acquisitions=ard.acquisitions[0], destination="b/p").execute(context)


def test_unfinished_order_is_an_error(order_id, context):
    with pytest.raises(ArdError, match="ArdOrderSensor"):
        ArdListTilesOperator(task_id="t", order_id=order_id).execute(context)


def test_failed_order_is_an_error_with_the_message_of_the_api(ard, order_id, context):
    ard.fail_order(order_id, "no imagery today")
    with pytest.raises(ArdOrderFailed, match="no imagery today"):
        ArdListTilesOperator(task_id="t", order_id=order_id).execute(context)


def test_unknown_order_is_an_error(ard_connection, context):
    with pytest.raises(ArdNotFoundError):
        ArdListTilesOperator(task_id="t", order_id="404").execute(context)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("batch_size", size) for size in (0, -1, "x", True, 1.5)),
        *(("order_id", value) for value in (None, "None", "a b", {"order_id": "7"})),
        *(("dates", value) for value in ("last week", "2026-02-30", "2026-01-02/2026-01-01", "/", "a/b/c", [7])),
        *(("cells", value) for value in ("031133320203", "Z13-0311", ["Z13-031133320203", 7], {"Z13": 1})),
        *(("acquisitions", value) for value in ("10300100B2B497", 7, [None])),
        *(("assets", value) for value in (7, [""], [7], {"visual": True})),
    ],
)
def test_invalid_argument_sends_no_request(ard, order_id, context, argument, value):
    sent = len(ard.requests)
    with pytest.raises(ArdRequestError, match=f"^{argument}: "):
        ArdListTilesOperator(**{"task_id": "t", "order_id": order_id, argument: value}).execute(context)
    assert len(ard.requests) == sent


@pytest.fixture(scope="module")
def delivering(tmp_path_factory):
    """Run a sandbox that delivers immediately to a folder; yield both."""
    folder = tmp_path_factory.mktemp("delivered")
    with Sandbox(order_duration=0, storage=folder, pixels=64) as sandbox:
        yield sandbox, folder


@pytest.fixture
def place_order(delivering, monkeypatch, context):
    """Return a function that places an order and waits for its delivery; its `reads` are the URIs read from storage."""
    ard, folder = delivering
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    place_order.reads = []

    def read(store, uris):
        for uri in uris:
            place_order.reads.append(uri)
            yield uri, json.loads((folder / uri.removeprefix("s3://")).read_bytes())

    monkeypatch.setattr("airflow_provider_ard.hooks.storage.AirflowObjectStore.read_documents", read)
    numbers = iter(range(100))

    def place_and_deliver(acquisitions, prefix, **arguments):
        context["ti"].task_id = f"{prefix}-{next(numbers)}"
        order_id = ArdOrderOperator(
            task_id="o", acquisitions=acquisitions, destination=f"b/{prefix}", **arguments
        ).execute(context)
        ard.wait_for_deliveries()
        return order_id

    place_and_deliver.reads = place_order.reads
    return place_and_deliver


def list_tiles(context, order_id, **arguments):
    return ArdListTilesOperator(task_id="t", order_id=order_id, **arguments).execute(context)


def cells_of(delivering, acquisition):
    return sorted(delivering[0].catalog.tiles(acquisition))


def test_all_tiles_and_assets_are_listed(delivering, place_order, context):
    acquisition = delivering[0].acquisitions[0]
    tiles = list_tiles(context, place_order(acquisition, "all"))
    assert sorted(tile["cell_id"] for tile in tiles) == cells_of(delivering, acquisition)
    for tile in tiles:
        assert set(tile) == {"item_uri", "acquisition_id", "cell_id", "date", "assets"}
        assert tile["acquisition_id"] == acquisition
        assert tile["item_uri"].startswith("s3://b/all/")
        assert {"visual", "ms_analytic", "cloud-mask"} <= set(tile["assets"])
        for uri in tile["assets"].values():
            assert (delivering[1] / uri.removeprefix("s3://")).is_file()
    batches = list_tiles(context, place_order(acquisition, "all"), batch_size="2")
    assert [tile for batch in batches for tile in batch] == tiles
    assert {len(batch) for batch in batches[:-1]} == {2}


def test_only_selected_assets_are_listed(delivering, place_order, context):
    order_id = place_order(delivering[0].acquisitions[0], "assets")
    for assets in (["visual", "cloud-mask"], "['visual', 'cloud-mask']"):
        assert {tuple(tile["assets"]) for tile in list_tiles(context, order_id, assets=assets)} == {
            ("visual", "cloud-mask")
        }
    with pytest.raises(ArdRequestError, match=r"assets: .*'cloud_mask'.*did you mean 'cloud-mask'"):
        list_tiles(context, order_id, assets=["visual", "cloud_mask"])


def test_items_are_not_read_without_assets(delivering, place_order, context):
    order_id = place_order(delivering[0].acquisitions[0], "none")
    all_tiles = list_tiles(context, order_id)
    place_order.reads.clear()
    tiles = list_tiles(context, order_id, assets=[])
    assert tiles == [{**tile, "assets": {}} for tile in all_tiles]
    assert [uri.rsplit("/", 2)[1] for uri in place_order.reads] == ["order_collections", "acquisition_collections"]


def test_excluded_items_are_not_read(delivering, place_order, context):
    id_a, id_b = delivering[0].acquisitions[:2]
    order_id = place_order([id_a, id_b], "filters")
    all_tiles = list_tiles(context, order_id)
    days = {tile["acquisition_id"]: tile["date"] for tile in all_tiles}
    assert days[id_a] != days[id_b]
    cell = cells_of(delivering, id_a)[0]
    early, late = sorted(days.values())
    for filters, is_selected in [
        ({"acquisitions": id_a}, lambda tile: tile["acquisition_id"] == id_a),
        (
            {"acquisitions": [id_a], "cells": [cell]},
            lambda tile: (tile["acquisition_id"], tile["cell_id"]) == (id_a, cell),
        ),
        ({"dates": late}, lambda tile: tile["date"] == late),
        ({"dates": f"{late}T00:00:00+00:00/.."}, lambda tile: tile["date"] == late),
        ({"dates": f"{early}/{late}"}, lambda tile: True),
        ({"dates": [f"/{early}"], "cells": "None", "acquisitions": ""}, lambda tile: tile["date"] == early),
    ]:
        place_order.reads.clear()
        tiles = list_tiles(context, order_id, **filters)
        assert tiles == [tile for tile in all_tiles if is_selected(tile)], filters
        assert tiles
        items = [uri for uri in place_order.reads if "collections/" not in uri]
        assert sorted(items) == sorted(tile["item_uri"] for tile in tiles)
    place_order.reads.clear()
    list_tiles(context, order_id, acquisitions=id_a)
    assert not [uri for uri in place_order.reads if id_b in uri]


def test_filter_without_matches_logs_a_warning(delivering, place_order, context, log_text):
    assert list_tiles(context, place_order(delivering[0].acquisitions[0], "nothing"), dates="1999-01-01") == []
    assert "0 tiles of 0 acquisitions (filtered by dates)" in log_text()


def test_orders_with_one_destination_are_separate(delivering, place_order, context):
    id_a, id_b = delivering[0].acquisitions[:2]
    cells = cells_of(delivering, id_a)
    first = place_order({id_a: cells[:2]}, "shared")
    second = place_order([{"id": id_a, "cells": cells[2:3]}, id_b], "shared")
    assert sorted(tile["cell_id"] for tile in list_tiles(context, first)) == cells[:2]
    assert sorted(tile["cell_id"] for tile in list_tiles(context, second, acquisitions=id_a)) == cells[2:3]
    both = list_tiles(context, [first, second])
    assert len(both) == len({tile["item_uri"] for tile in both}) == 3 + len(cells_of(delivering, id_b))
    # An order of the complete acquisition has all of its tiles.
    assert len(list_tiles(context, place_order(id_a, "shared"))) == len(cells)


def test_orders_of_one_acquisition_are_separated_by_aoi(delivering, place_order, context):
    id_a = delivering[0].acquisitions[0]
    catalog = delivering[0].catalog.tiles(id_a)
    area = min(catalog.values(), key=lambda tile: tile.cell_area.centroid.x).cell_area.centroid.buffer(0.01)
    ordered = place_order(id_a, "aoi", bbox=list(area.bounds))
    expected = list_tiles(context, ordered)
    assert 0 < len(expected) < len(catalog)
    by_wkt = place_order(id_a, "aoi", intersects=area.wkt)
    place_order(id_a, "aoi")
    assert list_tiles(context, ordered) == list_tiles(context, by_wkt) == expected


@pytest.fixture
def mapped():
    """Return a function that creates the operator in a DAG, optionally with a task mapped over its result."""

    def make(order_id, *, over, **arguments):
        with DAG("d", schedule=None):
            tiles = ArdListTilesOperator(task_id="t", order_id=order_id, **arguments)
            if over:
                ArdListTilesOperator.partial(task_id="ingest").expand(order_id=tiles.output)
        return tiles

    return make


def test_too_many_tiles_for_mapping_suggest_batch_size(delivering, place_order, context, mapped, monkeypatch, log_text):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "2")
    order_id = place_order(delivering[0].acquisitions[0], "many")
    count = len(cells_of(delivering, delivering[0].acquisitions[0]))
    with pytest.raises(ArdRequestError, match=rf"batch_size: {count} tiles .* max_map_length \(2\); set batch_size"):
        mapped(order_id, over=True).execute(context)
    assert not [uri for uri in place_order.reads if "collections/" not in uri]
    assert len(mapped(order_id, over=True, batch_size=-(-count // 2)).execute(context)) == 2
    assert "batch_size" not in log_text()
    assert len(mapped(order_id, over=False).execute(context)) == count
    assert "batch_size" in log_text()


class OutletEvents(dict):
    """The part of the outlet event accessors that the operator uses."""

    def __getitem__(self, outlet):
        # An asset of Airflow 3.1 cannot be a key, and a dataset of Airflow 2 has no name.
        return self.setdefault(outlet.uri if hasattr(outlet, "uri") else outlet.name, OutletEvent())


class OutletEvent:
    extra = None

    def __init__(self):
        self.added = []

    def add(self, asset, extra=None):
        self.added.append((asset, extra))


def test_outlet_events_contain_the_orders(delivering, place_order, context):
    id_a, id_b = delivering[0].acquisitions[:2]
    orders = [place_order(id_a, "event"), place_order(id_b, "event")]
    asset, alias = Asset("s3://b/event"), AssetAlias("deliveries")
    events = []
    for order_id in (orders[0], orders):
        context["outlet_events"] = OutletEvents()
        tiles = list_tiles(context, order_id, outlets=[asset, alias])
        events.append((context["outlet_events"][asset].extra, context["outlet_events"][alias].added, len(tiles)))
    (single, _, count), (several, added, total) = events
    assert single == {
        "order_id": orders[0],
        "output_uri": "s3://b/event",
        "collection_uri": f"s3://b/event/order_collections/{orders[0]}_root_collection.json",
        "tiles": count,
    }
    assert several["orders"][0] == single
    assert sum(order["tiles"] for order in several["orders"]) == total
    assert added == [(asset, order) for order in several["orders"]]


def test_empty_list_returns_no_tiles(ard_connection, context):
    assert list_tiles(context, []) == []


def test_empty_list_skips_a_task_with_outlets(ard_connection, context):
    context["outlet_events"] = OutletEvents()
    with pytest.raises(AirflowSkipException, match="no orders"):
        list_tiles(context, [], outlets=[Asset("s3://b/p")])
    assert context["outlet_events"] == {}
