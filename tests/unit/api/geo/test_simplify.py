from __future__ import annotations

import numpy as np
import pytest
import shapely
import shapely.affinity

from airflow_provider_ard.api.geo.aoi import AOI, parse_aoi
from airflow_provider_ard.api.geo.rules import MAX_VERTICES
from tests.unit.api.geo.conftest import BOX


def noisy(vertices: int, *, teeth: bool = False) -> shapely.Polygon:
    chance, angles = np.random.default_rng(0), np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    waves = np.arange(1, 300)
    noise = np.cos(np.outer(angles, waves) + chance.uniform(0, 6, 299)) @ (chance.normal(size=299) / waves)
    radius = 0.5 * (1 + 0.02 * (np.arange(vertices) % 2) if teeth else np.maximum(1 + 0.08 * noise, 0.2))
    return shapely.Polygon(np.c_[10 + radius * np.cos(angles), 60 + radius * np.sin(angles)])


@pytest.mark.parametrize(
    "polygon",
    [
        noisy(1001),
        noisy(20_000),
        noisy(3000, teeth=True),
        shapely.Point(10, 60).buffer(1, quad_segs=50_000),
        shapely.Point(10, 60).buffer(1, quad_segs=5000),
        noisy(5000).difference(shapely.affinity.scale(noisy(3000), 0.4, 0.4)),
        noisy(4000).union(shapely.affinity.translate(noisy(4000), 0.7)),
        shapely.affinity.translate(noisy(5000), 169.6).intersection(shapely.box(-180, -90, 180, 90)),
    ],
    ids=["1,001", "20,000", "teeth", "200,000", "circle", "hole", "union", "at the antimeridian"],
)
def test_simplified_polygon_covers_original_within_tolerance(polygon):
    aoi = parse_aoi(polygon, simplify=True)
    simple = shapely.from_wkt(aoi.wkt)
    assert simple.is_valid
    assert shapely.get_num_coordinates(simple) <= MAX_VERTICES
    assert simple.covers(polygon)
    [warning] = aoi.warnings
    tolerance_m = float(warning.split("at most ")[1].removesuffix(" m"))
    # A degree has at most 112 km; a degree of longitude is longest at the latitude nearest to the equator.
    scale = np.array([np.cos(np.radians(polygon.bounds[1])), 1])
    original, simplified = (shapely.transform(geometry, lambda xy: xy * scale) for geometry in (polygon, simple))
    assert original.buffer(1.01 * tolerance_m / 112_000).covers(simplified)
    # The polygon is not much larger than necessary.
    assert simple.area < 1.05 * polygon.area


def test_polygon_within_the_limit_is_not_simplified():
    assert parse_aoi(BOX, simplify=True) == AOI(BOX.wkt, BOX)
    aoi = parse_aoi([BOX, noisy(1500)], simplify=True)
    assert shapely.from_wkt(aoi.wkt).geoms[0].equals_exact(BOX, 0)
