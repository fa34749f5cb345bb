from __future__ import annotations

import pytest

from airflow_provider_ard.api.delivery.layout import TileLocation
from airflow_provider_ard.api.delivery.scope import OrderScope
from airflow_provider_ard.api.orders.status import EchoedRequest

A, B = "10300100B2B49700", "1040010060C9AD00"
ONE, TWO = "Z13-031133320203", "Z13-031133320202"


def tile(cell, acquisition=A):
    return TileLocation(cell, "2026-01-01", acquisition)


def test_a_tile_at_the_antimeridian_is_not_lost():
    assert OrderScope(EchoedRequest(bbox=[-180, 0, -179.9, 1])).contains(tile("Z60-122223222212"))
    assert not OrderScope(EchoedRequest(bbox=[-180, 0, -179.9, 1])).contains(tile("Z01-122223222212"))


@pytest.mark.parametrize("key", ["cells", "cell_ids"])
def test_cells_asked_for_by_name_are_all_that_is_the_orders_own(key):
    ask = OrderScope(EchoedRequest(acquisitions=[{"id": A, key: [ONE]}, {"id": B, key: []}]))
    assert ask.contains(tile(ONE))
    assert not ask.contains(tile(TWO))
    assert ask.contains(tile(TWO, B))
    assert ask.tile_count is None


def test_request_with_all_cells_and_no_aoi_has_a_tile_count():
    asked = [{"id": A, "cells": [ONE, TWO]}, {"id": B, "cells": [ONE]}]
    assert OrderScope(EchoedRequest(acquisitions=asked)).tile_count == 3
    assert OrderScope(EchoedRequest(acquisitions=asked, bbox=[-107, 35, -106, 36])).tile_count is None


@pytest.mark.parametrize(
    "aoi",
    [
        {"bbox": [-106.68, 35.15, -106.66, 35.17]},
        {"intersects": "GEOMETRYCOLLECTION (POLYGON ((-106.68 35.15, -106.66 35.15, -106.66 35.17, -106.68 35.15)))"},
        {"intersects": '{"type": "Point", "coordinates": [-106.67, 35.16]}'},
        {"intersects": {"type": "Point", "coordinates": [-106.67, 35.16]}},
    ],
    ids=str,
)
def test_an_aoi_is_met_by_the_cell(aoi):
    ask = OrderScope(EchoedRequest(acquisitions=[{"id": A}], **aoi))
    assert ask.contains(tile(ONE))
    assert not ask.contains(tile("Z13-031133320000"))
    assert not ask.contains(tile("Z14-031133320203"))


@pytest.mark.parametrize(
    "echo",
    [
        None,
        EchoedRequest(),
        EchoedRequest(acquisitions="?", bbox=[1, 2], intersects="no WKT"),
        EchoedRequest(acquisitions=[], intersects="no WKT"),
        EchoedRequest(intersects=[7]),
    ],
    ids=str,
)
def test_what_is_not_known_of_a_request_loses_no_tile(echo):
    assert OrderScope(echo).contains(tile(ONE))
    assert OrderScope(echo).tile_count is None
