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
    """The part of an asset event that a DAG run gets."""

    extra: Any
    hour: int = 0
    timestamp: datetime = field(init=False)

    def __post_init__(self):
        self.timestamp = datetime(2026, 1, 1, self.hour, tzinfo=UTC)


@pytest.mark.parametrize("written", ["s3://bkt/p", "s3://bkt/p/", "bkt/p", " S3://bkt/p "])
def test_a_destination_is_one_asset_however_it_is_written(written):
    assert delivery_asset(written) == Asset("s3://bkt/p")


def test_options_go_to_the_asset():
    assert delivery_asset("az://c/p", extra={"by": "me"}).extra == {"by": "me"}


def test_a_group_is_left_out_with_a_word_where_airflow_has_none(caplog):
    asset = delivery_asset("az://c/p", group="imagery")
    if airflow_version.startswith("2."):
        assert (asset, caplog.messages) == (
            Asset("az://c/p"),
            ["The datasets of this Airflow have no group: left out."],
        )
    else:
        assert (asset.group, caplog.messages) == ("imagery", [])


def test_what_no_airflow_knows_is_refused():
    with pytest.raises(TypeError, match="color"):
        delivery_asset("az://c/p", color="red")


def test_what_is_no_destination_is_refused_when_the_dag_is_read():
    with pytest.raises(ArdRequestError, match="destination"):
        delivery_asset("ftp://bkt/p")


def order(order_id, **facts):
    return {"order_id": order_id, "output_uri": "s3://b/p", "collection_uri": "s3://b/p/o.json", "tiles": 4, **facts}


@pytest.mark.parametrize("key", ["triggering_asset_events", "triggering_dataset_events"])
def test_the_orders_of_a_runs_events_each_once_the_first_first(key):
    first, second, third = order("1"), order("2"), order("3", tiles=None)
    events = {"a": [Event({"orders": [second, third]}, hour=2), Event(first, hour=1)], "alias": [Event(first, hour=1)]}
    assert delivered_orders({key: events}) == [first, second, third]


def test_events_of_other_origin_and_runs_without_any_hold_no_orders():
    assert delivered_orders({"triggering_asset_events": {"a": [Event({}), Event({"from": "me"}), Event(None)]}}) == []
    assert delivered_orders({}) == []
