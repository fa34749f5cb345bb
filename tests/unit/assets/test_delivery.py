from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow import __version__ as airflow_version

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.assets import delivered_orders, delivery_asset
from airflow_provider_ard.assets.delivery import publish_to_outlets
from airflow_provider_ard.version_compat import Asset, AssetAlias


@dataclass
class Event:
    """The attributes of an asset event that are read."""

    extra: Any
    hour: int = 0
    timestamp: datetime = field(init=False)

    def __post_init__(self):
        self.timestamp = datetime(2026, 1, 1, self.hour, tzinfo=UTC)


@dataclass
class AliasEvents:
    """The events of an alias among a task's outlets."""

    error: Exception | None = None
    added: list[Any] = field(default_factory=list)

    def add(self, asset: Asset, *, extra: Any) -> None:
        if self.error:
            raise self.error
        self.added.append((asset, extra))


@pytest.mark.parametrize("destination", ["s3://bkt/p", "s3://bkt/p/", "bkt/p", " S3://bkt/p "])
def test_destination_is_normalized(destination):
    assert delivery_asset(destination) == Asset("s3://bkt/p")


@pytest.mark.parametrize(
    ("prefix", "encoded"),
    [
        ("zürich", "z%C3%BCrich"),
        ("東京/2026", "%E6%9D%B1%E4%BA%AC/2026"),
        ("my tiles+1", "my tiles+1"),
        ("a%20b", "a%2520b"),
    ],
)
@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_non_ascii_location_is_percent_encoded(scheme, prefix, encoded):
    asset = delivery_asset(f"{scheme}://tiles/{prefix}/")
    assert asset.uri == f"{scheme}://tiles/{encoded}"
    assert getattr(asset, "name", asset.uri).isascii()
    assert delivery_asset(f"{scheme}://tiles/{prefix}") == asset
    # An alias of a sensor or tile list publishes an event of the same asset.
    alias, events = AssetAlias("deliveries"), AliasEvents()
    report = order("1", output_uri=f"{scheme}://tiles/{prefix}")
    publish_to_outlets([alias], [report], {"outlet_events": {alias: events}})
    assert events.added == [(asset, report)]


def test_too_long_location_raises_in_the_dag_file():
    with pytest.raises(ArdRequestError) as caught:
        delivery_asset("s3://tiles/" + "ü" * 400)
    assert caught.value.argument == "destination"


def test_location_rejected_by_airflow_does_not_fail_the_task(caplog):
    alias, events = AssetAlias("deliveries"), AliasEvents(error=ValueError("too long"))
    publish_to_outlets([alias], [order("1")], {"outlet_events": {alias: events}})
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_options_are_passed_to_the_asset():
    assert delivery_asset("az://c/p", extra={"by": "me"}).extra == {"by": "me"}


def test_group_is_omitted_with_a_warning_before_airflow_3(caplog):
    asset = delivery_asset("az://c/p", group="imagery")
    if airflow_version.startswith("2."):
        assert asset == Asset("az://c/p")
        assert [record.levelname for record in caplog.records] == ["WARNING"]
    else:
        assert (asset.group, caplog.messages) == ("imagery", [])


def test_unknown_option_is_rejected():
    with pytest.raises(TypeError, match="color"):
        delivery_asset("az://c/p", color="red")


def test_invalid_destination_raises_in_the_dag_file():
    with pytest.raises(ArdRequestError, match="destination"):
        delivery_asset("ftp://bkt/p")


def order(order_id, **fields):
    return {"order_id": order_id, "output_uri": "s3://b/p", "collection_uri": "s3://b/p/o.json", "tiles": 4, **fields}


@pytest.mark.parametrize("key", ["triggering_asset_events", "triggering_dataset_events"])
def test_orders_of_events_are_deduplicated_and_sorted(key):
    first, second, third = order("1"), order("2"), order("3", tiles=None)
    events = {"a": [Event({"orders": [second, third]}, hour=2), Event(first, hour=1)], "alias": [Event(first, hour=1)]}
    assert delivered_orders({key: events}) == [first, second, third]


def test_other_events_contain_no_orders():
    assert delivered_orders({"triggering_asset_events": {"a": [Event({}), Event({"from": "me"}), Event(None)]}}) == []
    assert delivered_orders({}) == []
