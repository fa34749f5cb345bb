"""Tiles extend beyond their cells, and show the same as their neighbors where they overlap."""

from itertools import pairwise

import numpy as np
from rasterio import MemoryFile
from shapely.geometry import MultiPolygon, Point, box, shape

from airflow_provider_ard.sandbox.backend.catalog import Catalog
from airflow_provider_ard.sandbox.backend.matches import Match
from airflow_provider_ard.sandbox.rendering import stac
from airflow_provider_ard.sandbox.rendering.projection import WGS84, project
from airflow_provider_ard.sandbox.rendering.rasters import TileFiles

# 2 pixels of each margin, so that neighbors have 4 in common.
PIXELS = 64
IN_COMMON = 4


def full_neighbors():
    """Return two full tiles without clouds, the first west of the second."""
    tiles = [tile for tile in Catalog.load() if tile.properties["tile:data_area"] == 28.2 and not tile.clouds_percent]
    tiles.sort(key=lambda tile: (tile.acquisition_id, tile.cell.bounds[1], tile.cell.bounds[0]))
    return next(
        (west, east)
        for west, east in pairwise(tiles)
        if west.acquisition_id == east.acquisition_id and west.cell.bounds[2] == east.cell.bounds[0]
    )


def test_neighbors_show_the_same_where_they_overlap():
    images = []
    for tile in full_neighbors():
        with MemoryFile(TileFiles(tile, PIXELS).asset("visual").content) as memory, memory.open() as image:
            images.append((image.read().astype(int), image.bounds))
    (west, west_bounds), (east, east_bounds) = images
    assert west_bounds.right - east_bounds.left == 2 * 156.25
    # Compressed as JPEG, the same land differs slightly.
    assert np.abs(west[..., -IN_COMMON:] - east[..., :IN_COMMON]).mean() < 4
    assert np.abs(west[..., -2 * IN_COMMON : -IN_COMMON] - east[..., :IN_COMMON]).mean() > 4


def test_aoi_in_the_margin_selects_the_neighbor_only():
    west, east = full_neighbors()
    xmin, ymin, _, ymax = east.cell.bounds
    point = project(Point(xmin + 100, (ymin + ymax) / 2), east.epsg, WGS84)
    aoi = point.buffer(1e-5)
    assert west.footprint.intersects(aoi)
    assert Match.for_tile(west, aoi, "standard") is None
    assert Match.for_tile(east, aoi, "standard").data_percentage == 100.0


def test_tile_with_missing_lines_is_a_multipolygon():
    tiles = [tile for tile in Catalog.load() if isinstance(tile.footprint, MultiPolygon)]
    assert len({tile.acquisition_id for tile in tiles}) == 1
    item = stac.item(tiles[0], ())
    for geometry in (item["geometry"], item["properties"]["proj:geometry"]):
        assert geometry["type"] == "MultiPolygon"
        assert shape(geometry).is_valid
    assert box(*item["bbox"]).covers(shape(item["geometry"]))
