from __future__ import annotations

import pytest

from airflow_provider_ard.api.selects.tiles import select_tiles

TILE = {"acquisition_id": "10300100B2B49700", "tile:zone": 13, "tile:quadkey": "031133320203"}


@pytest.mark.parametrize("properties", [TILE, {"best_matches": [TILE]}])
def test_features_are_tiles_or_cells(properties):
    (tile,) = select_tiles({"features": [{"properties": properties}]})
    assert (tile.acquisition_id, tile.cell_id) == ("10300100B2B49700", "Z13-031133320203")


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"features": None},
        {"features": [None]},
        {"features": [{"properties": None}]},
        {"features": [{"properties": {"best_matches": 1}}]},
        {"features": [{"properties": {"best_matches": [None]}}]},
        {"features": [{"properties": {**TILE, "acquisition_id": "x"}}]},
        {"features": [{"properties": {**TILE, "tile:quadkey": ""}}]},
    ],
)
def test_undocumented_format(content):
    with pytest.raises(ValueError, match="not the tiles of a Select"):
        select_tiles(content)
