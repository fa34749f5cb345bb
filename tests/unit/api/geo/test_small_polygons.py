from __future__ import annotations

import pytest
import shapely
import shapely.affinity

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import AOI, parse_aoi
from tests.unit.api.geo.conftest import BOX

ISLETS = [shapely.box(x, 40, x + 0.005, 40.005) for x in (-100.0, -99.9, -99.8)]
# 1.7 km² but 111 m wide.
SPIT = shapely.box(-100, 40.1, -99.82, 40.101)


@pytest.mark.parametrize("aoi", [[BOX, *ISLETS, SPIT], shapely.MultiPolygon([ISLETS[0], BOX, *ISLETS[1:], SPIT])])
def test_small_polygons_are_dropped_with_a_warning_each(aoi):
    parsed = parse_aoi(aoi, drop_small=True)
    assert parsed.geometry.equals_exact(BOX, 0)
    assert len(parsed.warnings) == 4


def test_several_large_polygons_are_kept():
    other = shapely.affinity.translate(BOX, 1)
    parsed = parse_aoi([BOX, ISLETS[0], other], drop_small=True)
    assert [part.bounds for part in parsed.geometry.geoms] == [BOX.bounds, other.bounds]


def test_aoi_without_small_polygons_is_unchanged():
    assert parse_aoi(BOX.wkt, drop_small=True) == AOI(BOX.wkt, BOX)


@pytest.mark.parametrize("aoi", [ISLETS, ISLETS[0], SPIT])
def test_aoi_of_small_polygons_only_is_refused(aoi):
    with pytest.raises(ArdRequestError) as caught:
        parse_aoi(aoi, drop_small=True)
    assert caught.value.argument == "intersects"


def test_small_polygons_are_refused_by_default():
    with pytest.raises(ArdRequestError):
        parse_aoi([BOX, *ISLETS])
