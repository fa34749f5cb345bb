"""An order with max-ard from login to delivered tiles."""

from __future__ import annotations

import time

import pytest
from conftest import BUCKET
from max_ard import ARDCollection, Order
from max_ard.exceptions import BadARDRequest, GeometryException, MissingARDResource
from max_ard.session import _get_user_session, get_self, get_user_session

BBOX = [-105.13, 40.14, -105.06, 40.19]
PAIR = ["1030010002269900", "10300100C0393A00"]


@pytest.fixture(scope="module")
def order():
    """An order of two acquisitions that has succeeded."""
    order = Order(acquisitions=PAIR, destination=f"s3://{BUCKET}/a/b", bbox=BBOX, metadata={"who": "sdk"}, settings={})
    order.add_email_notification("me@example.com")
    order.submit()
    end = time.monotonic() + 240
    while order.running:
        assert time.monotonic() < end, order.status
        time.sleep(0.2)
    return order


def test_login_from_environment(login):
    assert get_self(get_user_session())["user"]["email"] == login[0]


def test_login_from_config_file(home, login, monkeypatch):
    monkeypatch.delenv("ARD_USERNAME")
    (home / ".ard-config").write_text(f"[ard]\nuser_name = {login[0]}\nuser_password = {login[1]}\n")
    assert get_self(_get_user_session())["user"]["email"] == login[0]


def test_order_succeeds(order):
    assert order.succeeded
    assert order.finished
    assert not order.failed


def test_order_has_usage(order):
    assert order.usage.area.total_imagery_sqkm > 0
    assert order.usage.cost.total_imagery_cost > 0


def test_dry_run_returns_usage_and_places_no_order(order):
    before = [listed.order_id for listed in Order.list_orders()]
    dry = Order(acquisitions=PAIR, destination=f"s3://{BUCKET}/a/b", bbox=BBOX, dry_run=True, settings={})
    dry.submit()
    assert dry.response.order.usage.cost.total_imagery_cost == order.usage.cost.total_imagery_cost
    assert [listed.order_id for listed in Order.list_orders()] == before


def test_order_is_read_by_id(order):
    assert Order.from_id(order.order_id).succeeded
    assert order.order_id in [listed.order_id for listed in Order.list_orders(filter="metadata.who:sdk")]
    assert Order.list_orders(filter="metadata.who:nobody") == []


def test_tiles_are_on_s3(order):
    tiles = ARDCollection.from_order(order).tiles
    assert {tile.acq_id for tile in tiles} == set(PAIR)
    assert len(tiles) == 8
    assert len({tile.cell.id for tile in tiles}) == 4
    assert all(tile.date for tile in tiles)


def test_rasters_and_masks_are_readable(order):
    tile = ARDCollection.from_order(order).tiles[0]
    with tile.visual as visual:
        assert visual.count == 3
        assert visual.crs.to_epsg() == 32600 + int(tile.zone)
    assert tile.data_mask.area > 0
    assert set(tile.asset_paths) >= {"item", "visual", "ms_analytic", "pan_analytic", "cloud-mask", "data-mask"}


def test_failed_order():
    order = Order(acquisitions=PAIR[:1], destination="s3://no-such-bucket/p", bbox=BBOX, settings={})
    order.submit()
    end = time.monotonic() + 240
    while order.running:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert order.failed
    assert order.response.status_message


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({"acquisitions": ["10300100FFFFFF00"]}, BadARDRequest), ({"bbox": [0, 0, 1, 1]}, GeometryException)],
)
def test_errors_map_to_sdk_exceptions(arguments, error):
    order = Order(**{"acquisitions": PAIR, "destination": f"s3://{BUCKET}/x", "settings": {}, **arguments})
    with pytest.raises(error):
        order.submit()


def test_unknown_order():
    with pytest.raises(MissingARDResource):
        Order.from_id("404404")
