"""Usage, stored credentials and monitors."""

from __future__ import annotations

import base64
import json

import pytest
from conftest import BUCKET
from max_ard import Order
from max_ard.admin import AccountManager
from max_ard.exceptions import BadARDRequest, MissingARDResource
from max_ard.monitor import Monitor

BBOX = [-105.13, 40.14, -105.06, 40.19]
KEY = {"type": "service_account", "private_key": "s3cr3t"}
SAS = "https://account.blob.core.windows.net/?sv=2024-11-04&sig=s3cr3t"


@pytest.fixture
def manager():
    """The account, as an administrator."""
    return AccountManager()


@pytest.fixture
def stored(manager):
    """The ID of a stored SAS URL."""
    manager.add_credentials("azure-prod", SAS, "Azure, production")
    yield "azure-prod"
    manager.delete_credentials("azure-prod")


def test_account_properties_have_prices_and_limits(manager):
    account = manager.properties
    assert account["account_id"] == manager.account_id
    assert account["pricing"]["fresh_imagery_price"] > 0
    assert account["limits"]["annual_subscription_fee_limit"] == -1


def test_usage_is_the_sum_of_orders(manager, acquisitions, wait):
    before = manager.get_account_usage()
    user_usage = manager.get_user_usage()
    order = Order(acquisitions=acquisitions[:1], destination=f"s3://{BUCKET}/usage", settings={}, bbox=None)
    order.submit()
    wait(order)
    after = manager.get_account_usage()
    assert not after.area.estimate
    expected = order.usage
    assert after.cost.total_imagery_cost - before.cost.total_imagery_cost == pytest.approx(
        expected.cost.total_imagery_cost, abs=0.01
    )
    assert after.area.total_imagery_sqkm - before.area.total_imagery_sqkm == pytest.approx(
        expected.area.total_imagery_sqkm, abs=0.01
    )
    assert manager.get_user_usage().cost.total_imagery_cost > user_usage.cost.total_imagery_cost


def test_failed_order_costs_nothing(manager, acquisitions, wait):
    before = manager.get_account_usage()
    order = Order(acquisitions=acquisitions[:1], destination="s3://no-such-bucket", settings={})
    order.submit()
    assert wait(order).failed
    assert manager.get_account_usage().cost.total_imagery_cost == before.cost.total_imagery_cost


def test_usage_of_a_period_without_orders(manager):
    usage = manager.get_account_usage("2001-01-01", "2001-12-31")
    assert usage.area.total_imagery_sqkm == 0
    assert usage.cost.total_imagery_cost == 0
    assert "unlimited" in str(usage)


def test_usage_of_unknown_user(manager):
    with pytest.raises(MissingARDResource):
        manager.get_user_usage("404")


def test_stored_credentials_are_returned_without_secret(manager, stored):
    credentials = manager.get_credentials(stored)
    assert credentials.credentials_id == stored
    assert credentials.description == "Azure, production"
    assert "s3cr3t" not in json.dumps(manager.get_credentials(stored, raw=True))


def test_key_file_is_stored_from_path(manager, tmp_path):
    path = tmp_path / "key.json"
    path.write_text(json.dumps(KEY))
    created = manager.add_credentials("gcs-prod", str(path))
    assert created["registered_credentials"]["credentials_id"] == "gcs-prod"
    config = {"google_cloud_storage": {"credentials_id": "gcs-prod", "bucket": BUCKET, "prefix": "p"}}
    order = Order(acquisitions=["1030010002269900"], output_config=config, settings={}, dry_run=True)
    order.submit()
    assert order.succeeded
    manager.delete_credentials("gcs-prod")


def test_credentials_are_replaced_silently(manager, stored):
    first = manager.get_credentials(stored)
    assert manager.add_credentials(stored, SAS, "other") is None
    again = manager.get_credentials(stored)
    assert again.description == "other"
    assert again.created == first.created
    assert again.modified > first.modified


def test_credentials_are_listed(manager, stored):
    assert [credentials.credentials_id for credentials in manager.list_credentials()] == [stored]


def test_credentials_are_listed_over_pages(manager):
    names = [f"many-{number:03d}" for number in range(120)]
    for name in names:
        manager.add_credentials(name, SAS)
    assert [credentials.credentials_id for credentials in manager.list_credentials()] == names
    for name in names:
        manager.delete_credentials(name)


def test_credentials_are_deleted(manager):
    manager.add_credentials("short-lived", SAS)
    manager.delete_credentials("short-lived")
    with pytest.raises(MissingARDResource):
        manager.get_credentials("short-lived")
    assert manager.list_credentials() == []


def test_order_with_stored_credentials(stored):
    config = {"azure_blob_storage": {"credentials_id": stored, "container": BUCKET, "prefix": "p"}}
    order = Order(acquisitions=["1030010002269900"], output_config=config, settings={}, dry_run=True)
    order.submit()
    assert order.succeeded


def test_order_with_unknown_credentials_is_rejected():
    config = {"azure_blob_storage": {"credentials_id": "unknown", "container": BUCKET, "prefix": "p"}}
    order = Order(acquisitions=["1030010002269900"], output_config=config, settings={})
    with pytest.raises(BadARDRequest, match="unknown"):
        order.submit()


def test_order_with_inline_credentials():
    encoded = base64.b64encode(json.dumps(KEY).encode()).decode()
    config = {"google_cloud_storage": {"service_credentials": encoded, "bucket": BUCKET, "prefix": "p"}}
    order = Order(acquisitions=["1030010002269900"], output_config=config, settings={}, dry_run=True)
    order.submit()
    assert order.succeeded


@pytest.fixture
def monitor():
    """A monitor of a small area."""
    monitor = Monitor(bbox=BBOX, name="town", description="test", query={"eo:cloud_cover": {"lte": 20}})
    monitor.add_email_notification("me@example.com")
    monitor.add_sns_notification("arn:aws:sns:us-east-1:1:new")
    monitor.submit()
    yield monitor
    monitor.delete()


def test_monitor_has_the_cells_of_its_area(monitor):
    assert monitor.submitted
    assert monitor.active
    assert {cell.id for cell in monitor.cells} >= {"Z13-031131111330", "Z13-031131111332"}
    assert monitor.response.query == {"eo:cloud_cover": {"lte": 20}}


def test_monitor_is_read_by_id(monitor):
    again = Monitor.from_id(monitor.monitor_id)
    assert again.response.name == "town"
    assert len(again.response.actions) == 2


def test_monitors_are_listed(monitor, manager):
    assert monitor.monitor_id in [monitor.monitor_id for monitor in Monitor.list_monitors()]
    assert monitor.monitor_id in [monitor.monitor_id for monitor in manager.list_monitors()]


def test_monitors_are_listed_over_pages():
    many = [Monitor(bbox=BBOX, name=str(number)) for number in range(105)]
    for monitor in many:
        monitor.submit()
    listed = {monitor.monitor_id for monitor in Monitor.list_monitors()}
    assert {monitor.monitor_id for monitor in many} <= listed
    for monitor in many:
        monitor.delete()


def test_deleted_monitor_is_inactive_and_not_listed():
    monitor = Monitor(bbox=BBOX)
    monitor.submit()
    monitor.delete()
    assert not Monitor.from_id(monitor.monitor_id).response.active
    assert monitor.monitor_id not in [monitor.monitor_id for monitor in Monitor.list_monitors()]
    assert monitor.monitor_id in [monitor.monitor_id for monitor in Monitor.list_monitors(active_only="false")]


def test_unknown_monitor():
    with pytest.raises(MissingARDResource):
        Monitor.from_id("404")


def test_history_contains_new_imagery(monitor, sandbox):
    assert monitor.get_history() == []
    properties = {
        "catalog_id": "10300100AAAAAA00",
        "datetime": "2026-11-02T18:00:00Z",
        "utm_zone": 13,
        "quadkey": "031131111330",
        "platform": "WV02",
        "view:off_nadir": 12.5,
        "tile:clouds_percent": 3,
    }
    area = {
        "type": "Polygon",
        "coordinates": [[[-105.1, 40.19], [-105.06, 40.19], [-105.06, 40.16], [-105.1, 40.16], [-105.1, 40.19]]],
    }
    feature = {"type": "Feature", "properties": properties, "geometry": area}
    assert sandbox.call("POST", "/catalog", type="FeatureCollection", features=[feature]) == {"published": 1}
    (match,) = monitor.get_history()
    assert match["matches"][0]["acquisition_id"] == "10300100AAAAAA00"
    sent = sandbox.call("GET", "/notifications")["notifications"]
    assert [notification["target"] for notification in sent if notification["subject_id"] == monitor.monitor_id] == [
        "me@example.com",
        "arn:aws:sns:us-east-1:1:new",
    ]
