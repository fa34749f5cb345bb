import base64
import json

import pytest
import requests
from shapely.geometry import GeometryCollection, Point, box, mapping

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.backend.orders import OrderService
from tests.unit.sandbox.conftest import Api


@pytest.fixture(scope="module")
def ard():
    """One sandbox for all tests: rejected orders leave no trace."""
    with Sandbox(order_duration=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def api(ard):
    client = Api(ard)
    yield client
    client.session.close()


KEY_FILE = base64.b64encode(json.dumps({"type": "service_account"}).encode()).decode()


def _error_message(response, code="invalid_parameters"):
    assert response.status_code == 400, response.text
    body = response.json()
    assert set(body) == {"message", "code", "type"}
    assert (body["code"], body["type"]) == (code, "invalid_request_error")
    return body["message"]


def _tile(ard, number=0):
    return next(iter(ard.catalog.tiles(ard.acquisitions[number]).values()))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"nonsense", b'"text"'])
def test_unparsable_body(api, body):
    headers = {"Content-Type": "application/json"}
    _error_message(api.post("/order/", data=body, headers=headers), "unparsable_body")


def test_unknown_acquisitions_are_named(ard, api):
    acquisitions = [{"id": ard.acquisitions[0]}, {"id": "10300100FFFFFF00"}, {"id": "nonsense"}]
    message = _error_message(api.order(acquisitions=acquisitions))
    assert "10300100FFFFFF00" in message
    assert "nonsense" in message
    assert ard.acquisitions[0] not in message


@pytest.mark.parametrize(
    "changes",
    [
        {"acquisitions": None},
        {"acquisitions": []},
        {"acquisitions": "10300100B2B49700"},
        {"acquisitions": ["10300100B2B49700"]},
        {"acquisitions": None, "select_id": "123"},
        {"select_id": "123"},
        {"acquisitions": None, "select_id": "123", "bbox": [0, 0, 1, 1]},
        {"color": "red"},
        {"dry_run": "yes"},
        {"settings": {"color": True}},
        {"settings": {"hd": "yes"}},
        {"settings": []},
        {"notifications": [{"type": "sms", "address": "1"}]},
        {"notifications": [{"type": "email"}]},
        {"notifications": [{"type": "sns", "topic_arn": "my-topic"}]},
        {"notifications": {"type": "email", "address": "a@b.c"}},
        {"metadata": []},
        {"metadata": {"a": {"b": {"c": 1}}}},
    ],
)
def test_invalid_order_is_rejected(api, changes):
    _error_message(api.order(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": None, "metadata": None, "dry_run": None},
        {"settings": {"hd": True, "water_mask": False, "visual": False}},
        {"notifications": [{"type": "email", "address": "a@b.c"}, {"type": "sns", "topic_arn": "arn:aws:sns:x"}]},
        {"metadata": {"a": 1, "b": [1, "x"], "c": {"d": None}}},
    ],
)
def test_valid_order_is_accepted(api, changes):
    assert api.order(**changes).status_code == 200


@pytest.mark.parametrize("key", ["cells", "cell_ids"])
def test_cell_filter_by_either_name(ard, api, key):
    tile = _tile(ard)
    api.order(acquisitions=[{"id": tile.acquisition_id, key: [tile.cell_id]}])
    assert ard.orders[-1].tiles == [tile]


def test_invalid_cell_filters(ard, api):
    tile, other = _tile(ard), _tile(ard, -1)
    first = tile.acquisition_id
    assert other.cell_id in _error_message(api.order(acquisitions=[{"id": first, "cells": [other.cell_id]}]))
    for entry in (
        {"id": first, "tiles": [tile.cell_id]},
        {"id": first, "cells": [tile.cell_id], "cell_ids": [tile.cell_id]},
        {"id": first, "cells": ["Z1-0"]},
        {"id": first, "cells": tile.cell_id},
        {"cells": [tile.cell_id]},
    ):
        _error_message(api.order(acquisitions=[entry]))


@pytest.mark.parametrize(
    "config",
    [
        {"bucket": "b", "prefix": "p"},
        {"bucket": "b", "prefix": "p", "role_arn": "arn:aws:iam::1:role/x"},
        {"amazon_s3": {"bucket": "b", "prefix": ""}},
        {"azure_blob_storage": {"sas_url": "https://x.example/?sig=1", "container": "c", "prefix": "p"}},
        {"azure_blob_storage": {"credentials_id": "our-sas", "container": "c", "prefix": "p"}},
        {"google_cloud_storage": {"credentials_id": "our-key", "bucket": "b", "prefix": "p"}},
        {"google_cloud_storage": {"service_credentials": KEY_FILE, "bucket": "b", "prefix": "p"}},
    ],
)
def test_output_configs(ard, api, config):
    ard.store_credentials("our-sas", "https://x.example/?sig=1")
    ard.store_credentials("our-key", KEY_FILE)
    assert api.order(output_config=config).status_code == 200


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        "s3://b/p",
        {"prefix": "p"},
        {"bucket": "gs:", "prefix": "/b/p"},
        {"bucket": "b", "prefix": "../up"},
        {"bucket": "b", "prefix": 1},
        {"bucket": "b", "prefix": "p", "color": "red"},
        {"amazon_s3": {"bucket": "b"}, "azure_blob_storage": {"container": "c"}},
        {"amazon_s3": "b/p"},
        {"azure_blob_storage": {"container": "c", "prefix": "p"}},
        {"azure_blob_storage": {"sas_url": "https://x", "credentials_id": "y", "container": "c"}},
        {"azure_blob_storage": {"sas_url": "", "container": "c"}},
        {"azure_blob_storage": {"credentials_id": "not an id", "container": "c"}},
        {"google_cloud_storage": {"service_credentials": "path/to/file.json", "bucket": "b"}},
        {"google_cloud_storage": {"service_credentials": "aGVsbG8=", "bucket": "b"}},
        {"google_cloud_storage": {"credentials_id": "unknown", "bucket": "b"}},
        {"google_cloud_storage": {"credentials_id": "our-sas", "bucket": "b"}},
        {"azure_blob_storage": {"credentials_id": "unknown", "container": "c"}},
        {"azure_blob_storage": {"credentials_id": "our-key", "container": "c"}},
        {"azure_blob_storage": {"sas_url": "https://x.example/?se=2020-01-01T00:00:00Z&sig=1", "container": "c"}},
        {"azure_blob_storage": {"sas_url": "https://x.example/?se=soon&sig=1", "container": "c"}},
    ],
)
def test_invalid_output_configs(ard, api, config):
    ard.store_credentials("our-sas", "https://x.example/?sig=1")
    ard.store_credentials("our-key", KEY_FILE)
    _error_message(api.order(output_config=config))


@pytest.mark.parametrize(
    ("aoi", "reason"),
    [
        ({"intersects": "nonsense"}, "WKT"),
        ({"intersects": ""}, "WKT"),
        ({"intersects": "{}"}, "GeoJSON"),
        ({"intersects": 7}, "GeoJSON"),
        ({"intersects": "POINT (0 0)"}, "Point"),
        ({"intersects": "POLYGON EMPTY"}, "empty"),
        ({"intersects": "GEOMETRYCOLLECTION (POINT (0 0))"}, "Point"),
        ({"intersects": "POLYGON Z ((0 0 1, 0 1 1, 1 1 1, 0 0 1))"}, "two dimensions"),
        ({"intersects": "POLYGON ((0 0, nan 1, 1 1, 0 0))"}, "finite"),
        ({"intersects": "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))"}, "valid"),
        ({"intersects": "POLYGON ((0 0, 0 95, 1 95, 0 0))"}, "WGS84"),
        ({"intersects": "POLYGON ((500000 4000000, 500000 4001000, 501000 4000000, 500000 4000000))"}, "WGS84"),
        ({"intersects": "POLYGON ((179 0, 181 0, 181 1, 179 0))"}, "antimeridian"),
        ({"intersects": "POLYGON ((179 0, -179 0, -179 1, 179 1, 179 0))"}, "antimeridian"),
        ({"intersects": box(0, 0, 0.005, 0.005).wkt}, "1 km²"),
        ({"intersects": box(0, 0, 1, 0.002).wkt}, "250 m"),
        ({"intersects": Point(0, 0).buffer(1, quad_segs=300).wkt}, "1000 vertices"),
        ({"intersects": GeometryCollection([box(0, 0, 1, 1), box(3, 3, 3.001, 3.001)]).wkt}, "1 km²"),
        ({"intersects": box(0, 0, 1, 1).wkt}, "none of the acquisitions"),
        ({"intersects": box(0, 0, 1, 1).wkt, "bbox": [0, 0, 1, 1]}, "mutually exclusive"),
        ({"bbox": [0, 0, 1]}, "four numbers"),
        ({"bbox": "0,0,1,1"}, "four numbers"),
        ({"bbox": [0, 0, 1, True]}, "four numbers"),
        ({"bbox": [1, 1, 0, 0]}, "minimum"),
        ({"bbox": [0, 0, 1, 1]}, "none of the acquisitions"),
    ],
)
def test_invalid_aoi_is_rejected(api, aoi, reason):
    message = _error_message(api.order(**aoi))
    assert message.startswith("Problem with intersects/bbox")
    assert reason in message


@pytest.mark.parametrize("form", ["wkt", "collection", "geojson", "geojson string", "feature", "features", "bbox"])
def test_order_contains_tiles_that_intersect_the_aoi(ard, api, form):
    tile = _tile(ard)
    area = tile.footprint.centroid.buffer(0.012).envelope
    feature = {"type": "Feature", "properties": {}, "geometry": mapping(area)}
    aoi = {
        "wkt": {"intersects": area.wkt},
        "collection": {"intersects": GeometryCollection([area, area]).wkt},
        "geojson": {"intersects": mapping(area)},
        "geojson string": {"intersects": json.dumps(mapping(area))},
        "feature": {"intersects": feature},
        "features": {"intersects": {"type": "FeatureCollection", "features": [feature]}},
        "bbox": {"bbox": list(area.bounds)},
    }[form]
    response = api.order(**aoi)
    assert response.status_code == 200, response.text
    catalog = ard.catalog.tiles(tile.acquisition_id)
    expected = {key for key, other in catalog.items() if other.footprint.intersects(area)}
    assert tile.cell_id in expected
    assert {other.cell_id for other in ard.orders[-1].tiles} == expected


def test_bundle_adjust_rejects_clouds_and_unconnected_tiles(ard, api):
    catalog = ard.catalog
    cloudy = next(t for t in catalog if t.clouds_percent > 50)
    entry = {"id": cloudy.acquisition_id, "cells": [cloudy.cell_id]}
    adjust = {"bundle_adjust": True}
    assert "clouds" in _error_message(api.order(acquisitions=[entry], settings=adjust))
    unconnected = [_tile(ard), next(t for t in catalog.tiles(ard.acquisitions[-1]).values() if t.clouds_percent < 50)]
    entries = [{"id": tile.acquisition_id, "cells": [tile.cell_id]} for tile in unconnected]
    assert "connected" in _error_message(api.order(acquisitions=entries, settings=adjust))
    assert api.order(settings=adjust).status_code == 200


def test_errors_have_the_form_of_the_api(ard, api):
    for method, path, status in (
        ("GET", "/nothing/here", 404),
        ("PUT", "/order", 405),
        ("DELETE", "/auth/self", 405),
    ):
        response = api.session.request(method, f"{ard.url}/api/v1{path}", timeout=9)
        assert response.status_code == status
        assert set(response.json()) == {"message", "code", "type"}


def test_too_large_body_is_413(ard, api):
    response = api.post("/order", data=b"x" * (11 * 2**20))
    assert response.status_code == 413
    assert response.json()["message"] == "Request Entity Too Large"


def test_unexpected_exception_is_500_in_the_form_of_the_api(ard, api, monkeypatch, caplog):
    monkeypatch.setattr(OrderService, "all", lambda _: 1 / 0)
    response = requests.get(f"{ard.url}/api/v1/order", headers=api.session.headers, timeout=9)
    assert response.status_code == 500
    assert set(response.json()) == {"message", "code", "type"}
    assert "ZeroDivisionError" in caplog.text
