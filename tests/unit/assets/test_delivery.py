from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.assets import delivered_orders, delivery_asset


@dataclass
class Event:
    """The attributes of an asset event that are read."""

    extra: Any
    hour: int = 0
    timestamp: datetime = field(init=False)

    def __post_init__(self):
        self.timestamp = datetime(2026, 1, 1, self.hour, tzinfo=UTC)


@pytest.mark.parametrize("destination", ["s3://bkt/p", "s3://bkt/p/", "bkt/p", " S3://bkt/p "])
def test_destination_is_normalized(destination):
    assert delivery_asset(destination) == Asset("s3://bkt/p")


def test_options_are_passed_to_the_asset():
    assert delivery_asset("az://c/p", extra={"by": "me"}).extra == {"by": "me"}


def test_group_is_omitted_with_a_warning_before_airflow_3(caplog):
    asset = delivery_asset("az://c/p", group="imagery")
    if airflow_version.startswith("2."):
        assert (asset, caplog.messages) == (
            Asset("az://c/p"),
            ["The datasets of this Airflow have no group: left out."],
        )
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
