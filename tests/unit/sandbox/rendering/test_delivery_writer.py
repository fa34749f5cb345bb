"""Delivery to folders and S3, and of concurrent orders."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.rendering.storage import Folder
from tests.unit.sandbox.conftest import Api
from tests.unit.sandbox.rendering.conftest import FILES


@pytest.mark.parametrize("config", [{"bucket": "bkt", "prefix": "a/b"}, {"amazon_s3": {"bucket": "bkt", "prefix": ""}}])
def test_delivery_to_s3(config):
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port()).replace("0.0.0.0", "127.0.0.1")
        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=endpoint, **keys)
        requests.post(f"{endpoint}/moto-api/reset", timeout=9)
        s3.create_bucket(Bucket="bkt")
        with Sandbox(order_duration=0, storage="s3", s3_endpoint=endpoint, pixels=64) as ard:
            api = Api(ard)
            cell = next(iter(ard.catalog.tiles(ard.acquisitions[0])))
            entries = [{"id": ard.acquisitions[0], "cells": [cell]}]
            assert api.order(acquisitions=entries, output_config=config, dry_run=True).status_code == 200
            done = api.wait(api.order(acquisitions=entries, output_config=config).json()["id"])
            assert done["status"] == "SUCCEEDED", done
            keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="bkt")["Contents"]]
            start = config.get("prefix", "")
            assert len(keys) == len(FILES) + 4
            assert all(key.startswith(start) for key in keys)
            missing = {"bucket": "no-such-bucket", "prefix": ""}
            assert api.order(acquisitions=entries, output_config=missing, dry_run=True).status_code == 400
            failed = api.wait(api.order(acquisitions=entries, output_config=missing).json()["id"])
            assert failed["status"] == "FAILED"
            assert "bucket" in failed["status_message"]
            api.session.close()
        s3.close()
    finally:
        server.stop()


def test_non_intersecting_tiles_are_reported(tmp_path):
    with Sandbox(order_duration=0, storage=tmp_path, pixels=64) as ard:
        api = Api(ard)
        first, last = ard.acquisitions[0], ard.acquisitions[-1]
        tiles = list(ard.catalog.tiles(first).values())
        area = tiles[0].footprint.buffer(-0.001)
        outside = next(tile for tile in tiles if not tile.footprint.intersects(area))
        entries = [{"id": first, "cells": [tiles[0].cell_id, outside.cell_id]}, {"id": last}]
        done = api.wait(api.order(acquisitions=entries, intersects=area.wkt).json()["id"])
        assert done["status"] == "SUCCEEDED"
        report = tmp_path / f"bkt/a/b/order_collections/{done['id']}_non_intersecting_tiles_report.json"
        assert json.loads(report.read_text()) == {
            "acquisitions": [{"id": first, "cell_ids": [outside.cell_id]}, {"id": last, "cell_ids": []}]
        }
        api.session.close()


def test_concurrent_orders_of_the_same_tiles_are_delivered(tmp_path):
    with Sandbox(order_duration=0, storage=tmp_path, pixels=64) as ard:
        api = Api(ard)
        placed = [api.order(acquisitions=[{"id": ard.acquisitions[0]}]).json()["id"] for _ in range(8)]
        done = [api.wait(order_id) for order_id in placed]
        assert {order["status"] for order in done} == {"SUCCEEDED"}, done
        assert not list(tmp_path.rglob("*.part"))
        api.session.close()


def test_concurrent_dry_runs_of_the_same_destination_succeed(tmp_path, monkeypatch):
    barrier, write = threading.Barrier(2), Folder.write

    def write_together(folder, name, content):
        write(folder, name, content)
        barrier.wait(10)

    monkeypatch.setattr(Folder, "write", write_together)
    with Sandbox(order_duration=0, storage=tmp_path, pixels=32) as ard:
        clients = [Api(ard), Api(ard)]
        with ThreadPoolExecutor() as threads:
            responses = list(threads.map(lambda api: api.order(dry_run=True), clients))
        assert [response.status_code for response in responses] == [200, 200], [response.text for response in responses]
        for api in clients:
            api.session.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_second_order_into_a_prefix_extends_the_collection(tmp_path):
    with Sandbox(order_duration=0, storage=tmp_path, pixels=64) as ard:
        api = Api(ard)
        acquisition = ard.acquisitions[0]
        for cell in list(ard.catalog.tiles(acquisition))[:2]:
            api.wait(api.order(acquisitions=[{"id": acquisition, "cells": [cell]}]).json()["id"])
        path = tmp_path / f"bkt/a/b/acquisition_collections/{acquisition}_collection.json"
        assert [link["rel"] for link in json.loads(path.read_text())["links"]].count("item") == 2
        api.session.close()
