"""The API's limits of area, width and vertices, and invalid input."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import shapely.affinity

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import parse_aoi
from airflow_provider_ard.api.geo.rules import area_sqkm, width_m
from tests.unit.api.geo.conftest import BOX, SMALL


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (SMALL, "km²"),
        (shapely.box(-105.2, 40.1, -105.199, 41.1), "m wide"),
        (shapely.Point(0, 0).buffer(1, quad_segs=400), "1601 vertices"),
        ([BOX, shapely.affinity.translate(SMALL, 1)], "polygon 2 of 2"),
        (shapely.box(-179, 0, 179, 1), "antimeridian"),
        (shapely.box(40.1, -105.2, 40.2, -105.1), "swapped"),
        (shapely.box(500000, 4400000, 510000, 4410000), "projected"),
        ("POLYGON EMPTY", "empty"),
        ("POINT (1 1)", "Point"),
        ("POLYGON ((0 0, 1 1", "WKT"),
        ("SRID=32613;POLYGON ((0 0, 1 0, 1 1, 0 0))", "SRID 4326"),
        ("{not json", "JSON"),
        ("/no/such/file.geojson", "path"),
        ("", "empty"),
        ({"type": "Circle"}, "Circle"),
        ({"type": "Polygon", "coordinates": "x"}, "GeoJSON"),
        ({"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None}]}, "geometry"),
        ({"type": "FeatureCollection", "features": []}, "empty"),
        (5, "int"),
        (b"POLYGON EMPTY", "bytes"),
        ([], "empty"),
        ("POLYGON ((0 0, nan 1, 1 1, 0 0))", "finite"),
    ],
)
def test_invalid_aoi_is_rejected(value, message):
    with pytest.raises(ArdRequestError, match=message) as caught:
        parse_aoi(value)
    assert caught.value.argument == "intersects"


def test_area_and_width():
    assert area_sqkm(shapely.box(0, 0, 0.01, 0.01)) == pytest.approx(1.2309, rel=1e-3)
    assert width_m(shapely.box(0, 60, 0.01, 61)) == pytest.approx(557, rel=0.05)


def test_area_is_geodesic_and_excludes_holes():
    shell = [(0, 0), (0.02, 0), (0.02, 0.02), (0, 0.02)]
    hole = [(0.001, 0.001), (0.019, 0.001), (0.019, 0.019), (0.001, 0.019)]
    expected = area_sqkm(shapely.Polygon(shell)) - area_sqkm(shapely.Polygon(hole))
    for ring in (hole, hole[::-1]):
        polygon = shapely.Polygon(shell, [ring])
        assert area_sqkm(polygon) == pytest.approx(expected)
        with pytest.raises(ArdRequestError, match=f"{expected:.4g} km²"):
            parse_aoi(polygon)


@pytest.mark.parametrize("latitude", [0, 45, 70, 85])
def test_limits_apply_at_any_latitude(latitude):
    """Boxes just above and just below the limits; the limits are in meters, the boxes in degrees."""
    meter_x, meter_y = 1 / (111_320 * np.cos(np.radians(latitude))), 1 / 111_132
    for size_m, message in (((1010, 1010), None), ((980, 980), "km²"), ((260, 8000), None), ((240, 8000), "m wide")):
        box = shapely.box(10, latitude, 10 + size_m[0] * meter_x, latitude + size_m[1] * meter_y)
        if message:
            with pytest.raises(ArdRequestError, match=message):
                parse_aoi(box)
        else:
            assert parse_aoi(box).warnings == ()


def test_maximum_number_of_vertices_is_accepted():
    assert (
        parse_aoi(shapely.Polygon(list(shapely.Point(0, 0).buffer(1, quad_segs=400).exterior.coords)[:999])).warnings
        == ()
    )
