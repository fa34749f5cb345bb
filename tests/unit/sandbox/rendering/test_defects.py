"""Orders that succeed with an incomplete delivery."""

import json

import pytest

from airflow_provider_ard.sandbox import Sandbox
from tests.unit.sandbox.conftest import Api
from tests.unit.sandbox.rendering.conftest import FILES, stac_items


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("defects")
    with Sandbox(order_duration=0, storage=folder, pixels=32) as ard:
        api = Api(ard)
        yield ard, api, folder
        api.session.close()


@pytest.fixture
def deliver(sandbox, request):
    """Return a function that orders two tiles with faults, and returns the prefix and the order."""
    ard, api, folder = sandbox
    ard.faults.clear()

    def order(*faults):
        for fault in faults:
            ard.faults.add(**fault, nth=1)
        acquisition = ard.acquisitions[0]
        entries = [{"id": acquisition, "cells": sorted(ard.catalog.tiles(acquisition))[:2]}]
        config = {"bucket": "bkt", "prefix": request.node.name}
        done = api.wait(api.order(acquisitions=entries, output_config=config).json()["id"])
        assert done["status"] == "SUCCEEDED", done
        return folder / "bkt" / request.node.name, done

    return order


def files(prefix, suffix):
    return sorted(path.stat().st_size for path in prefix.rglob(f"*{suffix}"))


def test_missing_tile_is_neither_delivered_nor_linked(deliver):
    prefix, _ = deliver({"kind": "missing_tile"})
    (item,) = stac_items(prefix)
    (path,) = prefix.glob("acquisition_collections/*.json")
    (link,) = [link for link in json.loads(path.read_text())["links"] if link["rel"] == "item"]
    assert item["properties"]["quadkey"] in link["href"]


def test_missing_asset_is_not_in_the_item(deliver):
    prefix, _ = deliver({"kind": "missing_asset"}, {"kind": "missing_asset", "asset": "water-mask"})
    assert sorted(len(item["assets"]) for item in stac_items(prefix)) == [len(FILES) - 2, len(FILES)]
    assert len(files(prefix, FILES["visual"])) == len(files(prefix, FILES["water-mask"])) == 1


def test_missing_object_is_in_the_item(deliver):
    prefix, _ = deliver({"kind": "missing_object", "asset": "pan_analytic"})
    assert [len(item["assets"]) for item in stac_items(prefix)] == [len(FILES)] * 2
    assert len(files(prefix, FILES["pan_analytic"])) == 1


def test_empty_and_truncated_objects(deliver):
    prefix, _ = deliver({"kind": "empty_object"}, {"kind": "truncated_object", "asset": "data-mask"})
    assert files(prefix, FILES["visual"])[0] == 0 < files(prefix, FILES["visual"])[1]
    half, complete = files(prefix, FILES["data-mask"])
    assert half < complete


def test_next_order_delivers_the_complete_tile(deliver):
    prefix, _ = deliver({"kind": "empty_object"})
    deliver()
    assert files(prefix, FILES["visual"])[0] > 0


def test_defects_survive_a_restart(tmp_path):
    settings = {"order_duration": 0, "storage": tmp_path / "delivered", "pixels": 32, "state": tmp_path / "state"}
    with Sandbox(**settings) as ard:
        ard.faults.add(kind="empty_object", asset="data-mask", nth=1)
        api = Api(ard)
        order_id = api.order().json()["id"]
        api.session.close()
    with Sandbox(**settings) as ard:
        ard.wait_for_deliveries()
        assert [order.id for order in ard.orders] == [order_id]
        (path,) = [path for path in (tmp_path / "delivered").rglob("*-data-mask.gpkg") if not path.stat().st_size]
        assert path.exists()
