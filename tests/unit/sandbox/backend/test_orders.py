import pytest

from airflow_provider_ard.sandbox import Sandbox
from tests.unit.sandbox.conftest import Api


def test_order_runs_then_succeeds():
    with Sandbox(order_duration="1h") as ard:
        api = Api(ard)
        response = api.order(metadata={"mine": "yes"}).json()
        assert response["id"].isdecimal()
        assert response["status"] == "RUNNING"
        running = api.status(response["id"])
        assert running["status"] == "RUNNING"
        assert running["order"]["usage"]["area"]["estimate"] is True
        ard.clock.advance("1h")
        done = api.status(response["id"])
        assert done["status"] == "SUCCEEDED"
        assert "status_message" not in done
        assert done["order"]["metadata"] == {"mine": "yes"}
        assert done["order"]["output_config"] == {"bucket": "bkt", "prefix": "a/b"}
        assert done["order"]["usage"]["area"]["estimate"] is False
        assert done["finished"] > done["created"]
        api.session.close()


def test_order_ends_at_nth_status_call(tmp_path):
    with Sandbox(order_status_calls=3, storage=tmp_path, pixels=32) as ard:
        api = Api(ard)
        order_id = api.order().json()["id"]
        assert [api.status(order_id)["status"] for _ in range(4)] == ["RUNNING"] * 2 + ["SUCCEEDED"] * 2
        assert (tmp_path / f"bkt/a/b/order_collections/{order_id}_root_collection.json").exists()
        api.session.close()


def test_dry_run_returns_usage_and_places_no_order(ard, api):
    body = api.order(dry_run=True).json()
    assert set(body) == {"usage"}
    assert body["usage"]["cost"]["estimate"] is True
    assert ard.orders == []
    assert ard.submissions == []


def test_dry_run_rejects_unwritable_destination(tmp_path):
    (tmp_path / "bkt").write_text("a file in place of the bucket folder")
    with Sandbox(storage=tmp_path) as ard:
        api = Api(ard)
        response = api.order(dry_run=True)
        assert response.status_code == 400
        assert "written" in response.json()["message"]
        assert api.order(dry_run=True, output_config={"bucket": "other", "prefix": ""}).status_code == 200
        assert list((tmp_path / "other").iterdir()) == []
        api.session.close()


def test_failed_delivery_fails_the_order(tmp_path):
    (tmp_path / "bkt").write_text("a file in place of the bucket folder")
    with Sandbox(storage=tmp_path, pixels=32) as ard:
        api = Api(ard)
        body = api.wait(api.order().json()["id"])
        assert body["status"] == "FAILED"
        assert body["status_message"].startswith("Delivery failed")
        api.session.close()


def test_unknown_order_is_404(api):
    response = api.get("/order/status/123")
    assert response.status_code == 404
    assert set(response.json()) == {"message", "code", "type"}


@pytest.mark.parametrize("path", ["/order", "/order/"])
def test_paths_with_and_without_trailing_slash(ard, api, path):
    response = api.post(path, json=api.payload())
    assert response.status_code == 200
    assert response.history == []
    assert api.get(path).json()["data"][0]["id"] == response.json()["id"]
    assert api.get(f"/order/status/{response.json()['id']}/").status_code == 200


def test_fail_finish_and_set_order_status():
    with Sandbox(order_duration="3d") as ard:
        api = Api(ard)
        first, second, third = (api.order().json()["id"] for _ in range(3))
        ard.fail_order(first, "clouds")
        ard.set_order_status(second, "PAUSED", "message")
        ard.finish_order(third)
        assert api.status(first)["status"] == "FAILED"
        assert api.status(first)["status_message"] == "clouds"
        assert [order.status for order in ard.orders] == ["FAILED", "PAUSED", "SUCCEEDED"]
        api.session.close()


def test_secrets_are_not_echoed(ard, api):
    config = {"azure_blob_storage": {"sas_url": "https://x.example/?sig=s3cr3t", "container": "c", "prefix": ""}}
    order_id = api.order(output_config=config).json()["id"]
    assert "s3cr3t" not in api.get(f"/order/status/{order_id}").text
    assert "s3cr3t" not in api.get("/order").text
    assert "s3cr3t" not in str(ard.orders[0].request)
    assert ard.submissions[0].body["output_config"] == config


def test_usage_by_age_class_and_price():
    with Sandbox(order_duration=0, prices={"fresh": 10, "standard": 5, "training": 1}) as ard:
        api = Api(ard)
        age_classes = set()
        for acquisition in ard.acquisitions:
            usage = api.order(acquisitions=[{"id": acquisition}], dry_run=True).json()["usage"]
            area, cost = usage["area"], usage["cost"]
            name = next(n for n in ("fresh", "standard", "training") if area[f"{n}_imagery_sqkm"])
            age_classes.add(name)
            price = {"fresh": 10, "standard": 5, "training": 1}[name]
            assert cost["total_imagery_cost"] == pytest.approx(area["total_imagery_sqkm"] * price, abs=0.02)
            assert usage["limits"]["annual_subscription_fee_limit"] == -1
            assert usage["available"]["total_imagery_balance"] == -1
        assert age_classes == {"fresh", "standard", "training"}
        api.session.close()


def test_class_without_price_cannot_be_ordered():
    with Sandbox(prices={"fresh": None, "standard": 5, "training": None}) as ard:
        api = Api(ard)
        response = api.order()
        assert response.status_code == 400
        assert "no price" in response.json()["message"]
        api.session.close()


def test_billed_area_is_that_of_the_ordered_tiles(ard, api):
    acquisition = ard.acquisitions[0]
    whole = api.order(dry_run=True).json()["usage"]["area"]["total_imagery_sqkm"]
    tiles = ard.catalog.tiles(acquisition)
    parts = [
        api.order(dry_run=True, acquisitions=[{"id": acquisition, "cells": [cell]}]).json()["usage"]["area"]
        for cell in tiles
    ]
    assert sum(part["total_imagery_sqkm"] for part in parts) == pytest.approx(whole, abs=0.01)
    assert whole == pytest.approx(sum(tile.properties["tile:data_area"] for tile in tiles.values()), rel=0.01)


def test_logged_requests_do_not_contain_the_token(ard, api):
    api.get("/order/", limit=5, filter="status:RUNNING")
    record = ard.requests[-1]
    assert (record.method, record.path, record.endpoint) == ("GET", "/api/v1/order/", "GET /order")
    assert record.query == {"limit": "5", "filter": "status:RUNNING"}
    assert record.headers["authorization"] == "Bearer ***"
    assert (record.status, record.body) == (200, None)
    assert record.seconds > 0


def test_server_responds_during_delivery(tmp_path):
    with Sandbox(order_duration=0, storage=tmp_path, pixels=256) as ard:
        api = Api(ard)
        for acquisition in ard.acquisitions[:3]:
            api.order(acquisitions=[{"id": acquisition}])
        assert api.get("/auth/self").status_code == 200
        assert ard.orders[-1].status == "RUNNING"
        api.session.close()
