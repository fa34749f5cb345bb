from __future__ import annotations

import pytest

from airflow_provider_ard.api.delivery.layout import TileLocation
from airflow_provider_ard.api.delivery.scope import OrderScope
from airflow_provider_ard.api.orders.status import EchoedRequest

A, B = "10300100B2B49700", "1040010060C9AD00"
CELL, OTHER_CELL = "Z13-031133320203", "Z13-031133320202"


def tile(cell, acquisition=A):
    return TileLocation(cell, "2026-01-01", acquisition)


def test_bbox_at_the_antimeridian_contains_its_tile():
    assert OrderScope(EchoedRequest(bbox=[-180, 0, -179.9, 1])).contains(tile("Z60-122223222212"))
    assert not OrderScope(EchoedRequest(bbox=[-180, 0, -179.9, 1])).contains(tile("Z01-122223222212"))


@pytest.mark.parametrize("key", ["cells", "cell_ids"])
def test_only_listed_cells_are_in_scope(key):
    scope = OrderScope(EchoedRequest(acquisitions=[{"id": A, key: [CELL]}, {"id": B, key: []}]))
    assert scope.contains(tile(CELL))
    assert not scope.contains(tile(OTHER_CELL))
    assert scope.contains(tile(OTHER_CELL, B))
    assert scope.tile_count is None


def test_request_with_all_cells_and_no_aoi_has_a_tile_count():
    acquisitions = [{"id": A, "cells": [CELL, OTHER_CELL]}, {"id": B, "cells": [CELL]}]
    assert OrderScope(EchoedRequest(acquisitions=acquisitions)).tile_count == 3
    assert OrderScope(EchoedRequest(acquisitions=acquisitions, bbox=[-107, 35, -106, 36])).tile_count is None


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
def test_only_cells_that_intersect_the_aoi_are_in_scope(aoi):
    scope = OrderScope(EchoedRequest(acquisitions=[{"id": A}], **aoi))
    assert scope.contains(tile(CELL))
    assert not scope.contains(tile("Z13-031133320000"))
    assert not scope.contains(tile("Z14-031133320203"))


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
def test_unreadable_request_contains_every_tile(echo):
    assert OrderScope(echo).contains(tile(CELL))
    assert OrderScope(echo).tile_count is None


def test_ordered_cells_are_those_that_intersect_the_aoi():
    acquisitions = [{"id": A, "cells": [CELL, "Z13-031133320000"]}, {"id": B}]
    complete = OrderScope(EchoedRequest(acquisitions=acquisitions)).ordered_cells
    assert complete == {A: {CELL, "Z13-031133320000"}, B: None}
    scope = OrderScope(EchoedRequest(acquisitions=acquisitions, bbox=[-106.68, 35.15, -106.66, 35.17]))
    assert scope.ordered_cells == {A: {CELL}, B: None}
    assert OrderScope(None).ordered_cells == {}
