"""Verification of deliveries by `ArdListTilesOperator` on a real S3 server."""

from __future__ import annotations

import json

import boto3
import pytest
import requests
from aiobotocore.client import AioBaseClient
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from airflow_provider_ard.exceptions import ArdDeliveryIncomplete, ArdError, ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sandbox import Sandbox

BUCKET = "tiles"
# With fewer masks, deliveries take less time.
SETTINGS = dict.fromkeys(
    ("cloud_mask", "healthy_vegetation_mask", "ms_saturation_mask", "pan_flare_mask", "terrain_shadow_mask"), False
)
# Airflow 2 masks it in all texts of this process, so it is not a word.
SECRET = "k7PqX2wZ"
FILES = {"visual", "pan_analytic", "ms_analytic", "data-mask", "water-mask", "water-mask-raster"}


@pytest.fixture(scope="module")
def s3():
    """Run an S3 server and yield its client."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port()).replace("0.0.0.0", "127.0.0.1")
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=endpoint, **keys)
    requests.post(f"{endpoint}/moto-api/reset", timeout=9)
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()
    server.stop()


@pytest.fixture(scope="module")
def ard(s3):
    endpoint = s3.meta.endpoint_url
    with Sandbox(
        order_duration=0, storage="s3", s3_endpoint=endpoint, s3_key="k", s3_secret=SECRET, pixels=64
    ) as sandbox:
        yield sandbox


@pytest.fixture
def cells(ard):
    return sorted(ard.catalog.tiles(ard.acquisitions[0]))[:2]


@pytest.fixture
def deliver(ard, s3, monkeypatch, context, request):
    """Return a function that places an order, by default of two tiles, and waits for its delivery."""
    extra = {"endpoint_url": s3.meta.endpoint_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "k", "password": SECRET, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_TILES", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    ard.faults.clear()
    numbers = iter(range(100))

    def place_and_deliver(**arguments):
        context["ti"].task_id = f"{request.node.name}-{next(numbers)}"
        if "select_id" not in arguments:
            cells = sorted(ard.catalog.tiles(ard.acquisitions[0]))[:2]
            arguments = {"acquisitions": {ard.acquisitions[0]: cells}} | arguments
        arguments["settings"] = SETTINGS | arguments.get("settings", {})
        destination = f"{BUCKET}/{request.node.name}"
        order_id = ArdOrderOperator(task_id="o", destination=destination, **arguments).execute(context)
        ard.wait_for_deliveries()
        return order_id

    return place_and_deliver


def verify(context, order_id, mode="report", **arguments):
    """Return the tiles and the report."""
    operator = ArdListTilesOperator(task_id="t", order_id=order_id, verify=mode, storage_conn_id="tiles", **arguments)
    tiles = operator.execute(context)
    return tiles, context["ti"].xcoms["verification"]


def test_complete_delivery_passes(deliver, context, cells, log_text):
    tiles, report = verify(context, deliver(), "fail")
    assert sorted(tile["cell_id"] for tile in tiles) == cells
    assert (report["complete"], report["tiles"], report["counts"], report["problems"]) == (True, 2, {}, [])
    assert "complete, 2 tiles" in log_text()


@pytest.mark.parametrize(
    "kind", ["missing_tile", "missing_asset", "missing_object", "empty_object", "truncated_object"]
)
def test_incomplete_delivery_is_reported_or_fails(ard, deliver, context, cells, kind):
    ard.faults.add(kind=kind, nth=1)
    order_id = deliver()
    tiles, report = verify(context, order_id)
    problem = "unreadable_object" if kind == "truncated_object" else kind
    assert report["counts"] == {problem: 1}
    assert not report["complete"]
    (entry,) = report["problems"]
    assert (entry["problem"], entry["order_id"]) == (problem, order_id)
    assert (entry["acquisition_id"], entry["cell_id"]) == (ard.acquisitions[0], cells[0])
    assert entry.get("asset") == (None if kind == "missing_tile" else "visual")
    assert len(tiles) == (1 if kind == "missing_tile" else 2)
    with pytest.raises(ArdDeliveryIncomplete) as caught:
        verify(context, order_id, True)
    assert caught.value.counts == report["counts"]
    assert caught.value.problems == report["problems"]
    assert caught.value.order_id == order_id


@pytest.mark.parametrize("suffix", ["-pan.tif", "-water-mask.gpkg"])
def test_damaged_object_is_unreadable(s3, deliver, context, suffix):
    order_id = deliver()
    (tile, _), _ = verify(context, order_id)
    uri = next(uri for uri in tile["assets"].values() if uri.endswith(suffix))
    key = uri.removeprefix(f"s3://{BUCKET}/")
    content = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    for damaged in (content[: len(content) // 2], content[:50], b"x" * 200):
        s3.put_object(Bucket=BUCKET, Key=key, Body=damaged)
        _, report = verify(context, order_id)
        assert report["counts"] == {"unreadable_object": 1}
        assert report["problems"][0]["uri"] == uri


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"assets": [1]}'])
def test_tile_without_a_readable_item_is_not_returned(s3, deliver, context, content):
    order_id = deliver()
    (tile, other), _ = verify(context, order_id)
    target = {"Bucket": BUCKET, "Key": tile["item_uri"].removeprefix(f"s3://{BUCKET}/")}
    if content is None:
        s3.delete_object(**target)
    else:
        s3.put_object(**target, Body=content)
    tiles, report = verify(context, order_id)
    assert tiles == [other]
    assert report["counts"] == {"unreadable_item": 1}
    assert report["problems"][0]["uri"] == tile["item_uri"]


def test_only_selected_assets_are_verified(ard, deliver, context):
    ard.faults.add(kind="empty_object", asset="pan_analytic", nth=1)
    ard.faults.add(kind="missing_asset", asset="water-mask", nth=1)
    order_id = deliver()
    assert verify(context, order_id)[1]["counts"] == {"empty_object": 1}
    assert verify(context, order_id, assets=["visual"])[1]["complete"]
    report = verify(context, order_id, assets=["visual", "water-mask"])[1]
    assert [(entry["problem"], entry["asset"]) for entry in report["problems"]] == [("missing_asset", "water-mask")]
    with pytest.raises(ArdRequestError, match="did you mean 'water-mask'"):
        verify(context, order_id, assets=["water_mask"])


def test_assets_that_were_not_ordered_are_not_missing(ard, deliver, context):
    order_id = deliver(settings={"pan_analytic": False, "data_mask": False})
    assert verify(context, order_id, "fail")[1]["complete"]
    panchromatic = next(
        name
        for name in ard.acquisitions
        if next(iter(ard.catalog.tiles(name).values())).properties["platform"] == "WV01"
    )
    cell = next(iter(ard.catalog.tiles(panchromatic)))
    assert verify(context, deliver(acquisitions={panchromatic: [cell]}), "fail")[1]["complete"]


def test_missing_tile_of_a_complete_acquisition_is_found(ard, deliver, context):
    ard.faults.add(kind="missing_tile", nth=1)
    order_id = deliver(acquisitions=ard.acquisitions[0])
    tiles, report = verify(context, order_id, assets=[])
    missing = set(ard.catalog.tiles(ard.acquisitions[0])) - {tile["cell_id"] for tile in tiles}
    assert [(entry["problem"], entry["cell_id"]) for entry in report["problems"]] == [("missing_tile", *missing)]


def test_missing_tile_of_a_select_is_found(ard, deliver, context):
    select_id = ArdSelectOperator(task_id="s", ids=ard.acquisitions[0], deferrable=False).execute(context)
    ard.faults.add(kind="missing_tile", nth=1)
    _, report = verify(context, deliver(select_id=select_id), assets=[])
    assert report["counts"] == {"missing_tile": 1}


def test_tiles_outside_of_the_aoi_are_listed_and_no_problem(ard, deliver, context):
    first, last = ard.acquisitions[0], ard.acquisitions[-1]
    tiles = list(ard.catalog.tiles(first).values())
    area = tiles[0].footprint.buffer(-0.001)
    outside = next(tile for tile in tiles if not tile.footprint.intersects(area))
    acquisitions = [{"id": first, "cells": [tiles[0].cell_id, outside.cell_id]}, last]
    order_id = deliver(acquisitions=acquisitions, intersects=area.wkt)
    report = verify(context, order_id, "fail", assets=[])[1]
    assert report["complete"]
    assert report["non_intersecting"] == [
        {"order_id": order_id, "acquisition_id": first, "cell_ids": [outside.cell_id]},
        {"order_id": order_id, "acquisition_id": last, "cell_ids": []},
    ]


def test_filters_restrict_what_is_verified(ard, deliver, context, cells):
    ard.faults.add(kind="missing_tile", nth=1)
    order_id = deliver()
    assert verify(context, order_id, cells=cells[1])[1]["complete"]
    assert not verify(context, order_id, cells=cells[0])[1]["complete"]
    assert verify(context, order_id, acquisitions=ard.acquisitions[1])[1]["complete"]
    assert verify(context, order_id, dates="1999-01-01")[1]["counts"] == {"missing_tile": 1}


def test_orders_are_verified_together(ard, deliver, context):
    ard.faults.add(kind="missing_tile", nth=1)
    other = ard.acquisitions[1]
    incomplete, complete = deliver(), deliver(acquisitions={other: [next(iter(ard.catalog.tiles(other)))]})
    _, report = verify(context, [incomplete, complete], assets=[])
    assert report["order_ids"] == [incomplete, complete]
    assert [entry["order_id"] for entry in report["problems"]] == [incomplete]


def test_requests_per_tile(deliver, context, cells, monkeypatch):
    order_id = deliver()
    sent = []
    call = AioBaseClient._make_api_call

    async def record(client, name, arguments):
        sent.append((name, (arguments.get("Key") or arguments["Prefix"]).rpartition("/")[2]))
        return await call(client, name, arguments)

    monkeypatch.setattr(AioBaseClient, "_make_api_call", record)
    (tile, *_), _ = verify(context, order_id, cells=cells[0])
    assert set(tile["assets"]) == FILES
    item = tile["item_uri"].rpartition("/")[2]
    files = [uri.rpartition("/")[2] for uri in tile["assets"].values()]
    expected = [("GetObject", item), ("ListObjectsV2", ""), *(("GetObject", name) for name in files)]
    collections = [request for request in sent if order_id in request[1] or "collection" in request[1]]
    assert sorted(request for request in sent if request not in collections) == sorted(expected)
    assert [name for name, _ in collections] == ["GetObject"] * 3


def test_refused_listing_is_an_error(deliver, context, monkeypatch):
    order_id = deliver()

    call = AioBaseClient._make_api_call

    async def refuse_lists(client, name, arguments):
        if name == "ListObjectsV2":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, name)
        return await call(client, name, arguments)

    monkeypatch.setattr(AioBaseClient, "_make_api_call", refuse_lists)
    with pytest.raises(ArdError, match="cannot be listed with storage_conn_id 'tiles': PermissionError"):
        verify(context, order_id)


@pytest.mark.parametrize("value", ["reports", 7, ["fail"], "warn"])
def test_invalid_verify_sends_no_request(ard, context, value):
    sent = len(ard.requests)
    with pytest.raises(ArdRequestError, match=r"^verify: "):
        ArdListTilesOperator(task_id="t", order_id="7", verify=value).execute(context)
    assert len(ard.requests) == sent


@pytest.mark.parametrize("value", [False, None, "", "False"])
def test_deliveries_are_not_verified_by_default(deliver, context, value):
    ArdListTilesOperator(task_id="t", order_id=deliver(), verify=value, storage_conn_id="tiles").execute(context)
    assert "verification" not in context["ti"].xcoms
