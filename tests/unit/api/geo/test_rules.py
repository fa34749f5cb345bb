"""The API's limits for an AOI: tolerance at the limits, and numbers in the errors."""

from __future__ import annotations

import subprocess
import sys

import pytest
import shapely
import shapely.affinity

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import parse_aoi
from airflow_provider_ard.api.geo.bbox import parse_bbox
from airflow_provider_ard.api.geo.rules import area_sqkm, below, width_m
from tests.unit.api.geo.conftest import BOX

ISLET = shapely.box(0, 0, 0.005, 0.005)
NEEDLE = shapely.box(0, 0, 0.001, 1)


def in_a_row(*polygons: shapely.Polygon) -> list[shapely.Polygon]:
    return [shapely.affinity.translate(polygon, index) for index, polygon in enumerate(polygons)]


@pytest.mark.parametrize("box", [(179.5, 0, 180.00000000000003, 1), (-180.0000000005, -90.00000000001, -179, -89)])
def test_rounding_errors_beyond_the_limits_are_removed(box):
    limited = [max(-180, box[0]), max(-90, box[1]), min(180, box[2]), box[3]]
    assert list(parse_bbox(box)) == limited
    aoi = parse_aoi(shapely.box(*box))
    assert shapely.from_wkt(aoi.wkt).equals(shapely.box(*limited))
    assert "limits" in aoi.warnings[0]


@pytest.mark.parametrize("beyond", [180.000001, 180.00000001])
def test_coordinate_beyond_the_tolerance_is_rejected(beyond):
    for parse in (lambda: parse_bbox([179, 0, beyond, 1]), lambda: parse_aoi(shapely.box(179, 0, beyond, 1))):
        with pytest.raises(ArdRequestError, match=str(beyond)):
            parse()


def test_swapped_bbox_error_shows_all_digits():
    with pytest.raises(ArdRequestError, match=r"1\.00000000001, 0, 1, 1"):
        parse_bbox([1.00000000001, 0, 1, 1])


@pytest.mark.parametrize(
    ("number", "expected"), [(0.3077, "0.3077"), (0.99999949, "0.999999"), (0.99996, "0.99996"), (111.32, "111.3")]
)
def test_number_is_rounded_below_the_limit(number, expected):
    assert below(number, 1.0 if number < 1 else 250.0) == expected


def test_area_error_has_enough_digits():
    side = (1 / area_sqkm(shapely.box(0, 0, 1, 1))) ** 0.5
    almost = shapely.box(0, 0, side * 0.9999999, side * 0.9999)
    assert 0.9995 < area_sqkm(almost) < 1
    with pytest.raises(ArdRequestError, match=r"is 0\.999\d+ km²"):
        parse_aoi(almost)


def test_polygons_below_the_minimum_are_listed_with_areas():
    with pytest.raises(ArdRequestError) as caught:
        parse_aoi(in_a_row(ISLET, BOX, shapely.affinity.scale(ISLET, 0.5, 0.5), BOX))
    message = str(caught.value)
    assert "polygon 1 of 4 is 0.3077 km²" in message
    assert "polygon 3 of 4 is 0.07693 km²" in message
    assert "polygon 2" not in message
    assert message.count("minimum") == 1


@pytest.mark.parametrize(
    ("polygon", "message"),
    [
        (NEEDLE, "m wide"),
        (shapely.Point(0, 0).buffer(0.4, quad_segs=400), "vertices"),
        (shapely.box(-100, 0, 100, 1), "of longitude"),
    ],
)
def test_invalid_polygons_are_listed(polygon, message):
    with pytest.raises(ArdRequestError) as caught:
        parse_aoi([*in_a_row(polygon, polygon), shapely.box(0, 60, 1, 61)])
    assert str(caught.value).count(message) == 2


def test_list_of_invalid_polygons_is_limited():
    with pytest.raises(ArdRequestError, match=r"polygon 20 of 60.* and 40 more"):
        parse_aoi(in_a_row(*[ISLET] * 60))


def test_width_of_a_polygon_that_extends_to_the_other_side_of_the_earth():
    assert width_m(shapely.Polygon([(-90, 0), (90, 0.001), (90, -0.001)])) < 300
    assert width_m(shapely.Polygon([(-90, -89), (90, -89), (90, 89), (-90, 89)])) > 1e5


@pytest.mark.parametrize(
    "polygon",
    [
        "POLYGON ((0 0, 1e-300 1e-300, 0 1e-300, 1e-320 0, 0 0), (1e-310 0, 0 0, 1 1, 1e-310 0))",
        "POLYGON ((0 0, 90 1e-12, 180 0, 0 0))",
        "POLYGON ((-180 0, 0 1e-300, 0 0, -180 0), (0 0, 0 0, 0 0, 0 0))",
    ],
)
def test_degenerate_polygon_is_refused(polygon):
    with pytest.raises(ArdRequestError) as caught:
        parse_aoi(polygon)
    assert caught.value.argument == "intersects"


@pytest.mark.parametrize("beyond", [95, 1e300])
def test_hole_outside_of_its_polygon_is_checked_as_well(beyond):
    hole = [(0, beyond), (1, beyond), (1, beyond * 1.1), (0, beyond * 1.1)]
    with pytest.raises(ArdRequestError, match="within ±90"):
        parse_aoi(shapely.Polygon(BOX.exterior, [hole]))


def test_aoi_far_from_the_limits_is_parsed_without_pyproj():
    script = (
        "import sys; from airflow_provider_ard.api.geo.aoi import parse_aoi\n"
        f"parse_aoi({shapely.box(0, 0, 0.1, 0.1).wkt!r}); sys.exit('pyproj' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
