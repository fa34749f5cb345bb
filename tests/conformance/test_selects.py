"""Select and MetaSelect: search, results, and orders of results."""

from __future__ import annotations

import json

import pytest
import requests
from conftest import BUCKET
from max_ard import Order, Select
from max_ard import metadata as search
from max_ard.exceptions import (
    BadARDRequest,
    GeometryException,
    MissingARDResource,
    NotFinished,
    NotSubmitted,
    SelectError,
)
from max_ard.metadata import MetaSelect
from max_ard.session import get_user_session
from shapely.geometry import box

BBOX = [-105.13, 40.14, -105.06, 40.19]
CELL = "Z13-031131111312"


@pytest.fixture(scope="module")
def select():
    """Return a succeeded Select."""
    return _succeeded(Select(bbox=BBOX, stack_depth=3, query={}))


def _succeeded(select):
    select.submit()
    select.wait_for_success(0.1)
    return select


def test_select_runs_then_succeeds(sandbox):
    select = Select(bbox=BBOX)
    sandbox.call("PUT", "/clock", rate=0)
    try:
        select.submit()
        assert select.running
        with pytest.raises(NotFinished):
            _ = select.usage
    finally:
        sandbox.call("PUT", "/clock", rate=1)
    select.wait_for_success(0.1)
    assert select.succeeded
    assert select.finished


def test_unsubmitted_select_has_no_state():
    with pytest.raises(NotSubmitted):
        _ = Select(bbox=BBOX).status


def test_select_has_its_request(select):
    assert select.request.bbox == BBOX
    assert select.request.stack_depth == 3


def test_usage_is_an_estimate_with_limits_and_balances(select):
    assert select.usage.area.estimate
    assert select.usage.area.total_imagery_sqkm > 0
    assert select.usage.limits.annual_subscription_fee_limit == -1
    assert select.usage.available.total_imagery_balance == -1
    assert select.usage.usage_as_of


def test_summary_counts_results(select):
    assert select.response.unique_acquisitions == len(select.results.acquisitions)
    cells = len(select.results.stacks)
    assert sum(select.response.stack_depth_summary.values()) == cells


def test_results_intersect_the_area(select):
    area = box(*BBOX)
    assert len(select.results.tiles) > 3
    for tile in select.results.tiles:
        assert tile.data_mask.intersects(area)
        assert tile.cell.id == tile.cell_id
        assert tile.date == tile.properties["datetime"][:10]
    assert max(len(stack) for stack in select.results.stacks) == 3


def test_default_stack_depth_is_five():
    results = _succeeded(Select(bbox=BBOX)).results
    assert max(len(stack) for stack in results.stacks) == 5


def test_results_are_downloaded_by_signed_link_without_login(select):
    link = select.get_signed_link("geojson")
    response = requests.get(link, timeout=20)
    assert response.status_code == 200
    assert response.json()["features"][0]["properties"]["best_matches"]
    assert requests.get(link.replace("signature=", "signature=0"), timeout=20).status_code == 403


@pytest.mark.parametrize("name", ["geojson", "geojsonl", "order", "stac", "html"])
def test_result_files_are_downloadable(select, name, tmp_path):
    select.copy_file(name, tmp_path)
    text = (tmp_path / f"{select.select_id}.{name}").read_text()
    if name == "geojsonl":
        assert all(json.loads(line)["type"] == "Feature" for line in text.splitlines())
    elif name == "html":
        assert text.startswith("<!doctype html>")
    else:
        assert json.loads(text)


def test_thumbnails_are_png(select):
    response = get_user_session().get(select.results.tiles[0].thumbnail_url)
    assert response.headers["content-type"] == "image/png"
    assert response.content.startswith(b"\x89PNG")


def test_select_is_read_by_id(select):
    again = Select.from_id(select.select_id)
    assert again.succeeded
    assert len(again.results.tiles) == len(select.results.tiles)


def test_unknown_select_id():
    with pytest.raises(MissingARDResource):
        Select.from_id("404")


def test_failed_select_has_an_error_message(sandbox):
    sandbox.fault("fail_select", "POST /select", message="too many tiles")
    select = Select(bbox=BBOX)
    select.submit()
    with pytest.raises(SelectError, match="too many tiles"):
        select.wait_for_success(0.1)
    assert select.failed


def test_order_by_select_id(select, wait):
    order = Order(select_id=select.select_id, destination=f"s3://{BUCKET}/select", settings={}, dry_run=True)
    order.submit()
    assert order.response.order.usage.cost.total_imagery_cost == select.usage.cost.total_imagery_cost


def test_order_of_select_results(select):
    order = Order(acquisitions=select.results, destination=f"s3://{BUCKET}/select", settings={}, dry_run=True)
    assert sum(len(acquisition.cells) for acquisition in order.request.acquisitions) == len(select.results.tiles)
    order.submit()
    assert order.response.order.usage.area.total_imagery_sqkm == select.usage.area.total_imagery_sqkm


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ({"platform": {"eq": "worldview-02"}}, lambda p: p["platform"] == "worldview-02"),
        ({"platform": {"in": ["worldview-03", "geoeye-01"]}}, lambda p: p["platform"] != "worldview-02"),
        ({"eo:cloud_cover": {"lte": 0}}, lambda p: p["eo:cloud_cover"] == 0),
        ({"aoi:cloud_free_percentage": {"gte": 90}}, lambda p: p["aoi:cloud_free_percentage"] >= 90),
        ({"aoi:data_percentage": {"gt": 60}}, lambda p: p["aoi:data_percentage"] > 60),
        ({"view:off_nadir": {"lt": 20, "gt": 5}}, lambda p: 5 < p["view:off_nadir"] < 20),
    ],
)
def test_queries(query, matches):
    tiles = MetaSelect(bbox=BBOX, query=query).results.tiles
    all_tiles = MetaSelect(bbox=BBOX).results.tiles
    assert {(t.acq_id, t.cell_id) for t in tiles} == {(t.acq_id, t.cell_id) for t in all_tiles if matches(t.properties)}
    assert 0 < len(tiles) < len(all_tiles)


def test_unknown_property_is_rejected():
    with pytest.raises(BadARDRequest, match="hue"):
        Select(bbox=BBOX, query={"hue": {"eq": "red"}}).submit()


def test_date_range():
    results = MetaSelect(bbox=BBOX, datetime="2021-01-01/2024-12-31").results
    assert results.dates
    assert "2021-01-01" <= results.start_date <= results.end_date <= "2024-12-31"
    assert MetaSelect(bbox=BBOX, datetime="2026-06-01T00:00:00Z/..").results.start_date >= "2026-06-01"


def test_age_category():
    results = MetaSelect(bbox=BBOX, image_age_category=["training"]).results.tiles
    assert results
    assert {tile.properties["image_age_category"] for tile in results} == {"training"}


def test_shape_as_area(select):
    by_shape = _succeeded(Select(intersects=box(*BBOX), stack_depth=3)).results
    assert len(by_shape.tiles) == len(select.results.tiles)


def test_select_by_acquisitions(acquisitions):
    results = _succeeded(Select(acq_ids=acquisitions[:2])).results
    assert set(results.acquisition_ids) == set(acquisitions[:2])


def test_too_small_area_is_rejected():
    with pytest.raises(GeometryException):
        Select(bbox=[-105.1, 40.1, -105.0999, 40.1001]).submit()


def test_metaselect_equals_select_of_maximum_depth():
    deep = _succeeded(Select(bbox=BBOX, stack_depth=100)).results
    meta = MetaSelect(bbox=BBOX).results
    assert {(t.acq_id, t.cell_id) for t in meta.tiles} == {(t.acq_id, t.cell_id) for t in deep.tiles}


def test_metadata_as_geojson_order_and_stac(acquisitions):
    kwargs = {"acq_ids": acquisitions[:1]}
    tiles = search.search_by_area(**kwargs)["features"]
    order = search.search_by_area(**kwargs, format="order")
    stac = search.search_by_area(**kwargs, format="stac")["features"]
    assert order == {acquisitions[0]: [tile["properties"]["cell_id"] for tile in tiles]}
    assert [item["stac_version"] for item in stac] == ["1.0.0"] * len(tiles)


def test_metadata_of_a_cell_is_sorted_newest_first():
    tiles = search.search_by_cell_id(CELL, stack_depth=4)["features"]
    dates = [tile["properties"]["date"] for tile in tiles]
    assert len(dates) == 4
    assert dates == sorted(dates, reverse=True)


def test_metadata_of_an_acquisition_and_of_a_tile(acquisitions):
    features = search.get_acquisition(acquisitions[0])["features"]
    cell_id = features[0]["properties"]["cell_id"]
    assert search.get_tile(cell_id, acquisitions[0])["properties"]["acquisition_id"] == acquisitions[0]
    with pytest.raises(MissingARDResource):
        search.get_tile(cell_id, "10300100FFFFFF00")


def test_metaselect_by_acquisitions_sends_unknown_field():
    # It sends "acq_ids", the API expects "ids".
    with pytest.raises(BadARDRequest, match="acq_ids"):
        MetaSelect(acq_ids=["1030010002269900"], bbox=BBOX)
