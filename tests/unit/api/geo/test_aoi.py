from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
import shapely.affinity
from maxar_ard_grid import Cell

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import check_connected, parse_aoi
from airflow_provider_ard.api.geo.bbox import parse_bbox
from tests.unit.api.geo.conftest import BOX, EAST, GEOJSON


@pytest.mark.parametrize(
    "value",
    [
        BOX,
        BOX.wkt,
        f"SRID=4326;{BOX.wkt}",
        f"  {BOX.wkt.lower()}  ",
        GEOJSON,
        json.dumps(GEOJSON),
        {"type": "Feature", "properties": {}, "geometry": GEOJSON},
        json.dumps({"type": "Feature", "properties": {}, "geometry": GEOJSON}),
        [BOX],
        {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": GEOJSON}]},
    ],
)
def test_forms_of_one_area_are_equal(value):
    aoi = parse_aoi(value)
    assert shapely.from_wkt(aoi.wkt).normalize().equals(BOX)
    assert aoi.warnings == ()


def test_valid_wkt_is_sent_unchanged():
    wkt = "POLYGON((-105.2 40.1,-105.1 40.1,-105.1 40.2,-105.20 40.2,-105.2 40.1))"
    assert parse_aoi(wkt).wkt == wkt


@pytest.mark.parametrize(("name", "content"), [("aoi.wkt", BOX.wkt), ("aoi.geojson", json.dumps(GEOJSON))])
def test_file_is_read(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert shapely.from_wkt(parse_aoi(str(tmp_path / name)).wkt).equals(BOX)
    assert shapely.from_wkt(parse_aoi(tmp_path / name).wkt).equals(BOX)


@pytest.mark.filterwarnings("ignore:The .shapely.ops.transform:DeprecationWarning")  # in maxar-ard-grid
def test_grid_cell_is_converted_to_degrees():
    cell = Cell("031133320203", zone=13)
    assert shapely.from_wkt(parse_aoi(cell).wkt).equals(cell.geom_WGS84)


def test_third_dimension_is_dropped_with_a_warning():
    aoi = parse_aoi(shapely.force_3d(BOX, 7.0))
    assert not shapely.from_wkt(aoi.wkt).has_z
    assert "third dimension" in aoi.warnings[0]


def test_open_ring_is_closed_with_a_warning():
    aoi = parse_aoi("POLYGON ((0 0, 0 1, 1 1, 1 0))")
    assert shapely.from_wkt(aoi.wkt).area == 1
    assert "open ring" in aoi.warnings[0]


def test_self_intersection_is_fixed_with_a_warning():
    aoi = parse_aoi("POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))")
    assert shapely.from_wkt(aoi.wkt).is_valid
    assert "Self-intersection" in aoi.warnings[0]


def test_valid_geometry_is_sent_unchanged():
    for wkt in ("POLYGON((-105.2 40.10,-105.1 40.1,-105.1 40.2,-105.2 40.2,-105.2 40.1))", BOX.wkt.lower()):
        assert parse_aoi(f"  {wkt}\n").wkt == wkt
        assert parse_aoi(f"srid=4326; {wkt}").wkt == wkt
    assert parse_aoi(BOX).wkt == BOX.wkt
    assert parse_aoi(shapely.MultiPolygon([BOX, EAST])).wkt == shapely.MultiPolygon([BOX, EAST]).wkt


@pytest.mark.parametrize(
    "form",
    [
        lambda ring: {"type": "Polygon", "coordinates": [ring]},
        lambda ring: {"type": "MultiPolygon", "coordinates": [[ring]]},
        lambda ring: {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}},
        lambda ring: {
            "type": "FeatureCollection",
            "features": [{"geometry": {"type": "Polygon", "coordinates": [ring]}}],
        },
        lambda ring: f"POLYGON (({', '.join(f'{x} {y}' for x, y in ring)}))",
    ],
)
def test_open_ring_of_any_form_is_closed_with_a_warning(form):
    aoi = parse_aoi(form([[0, 0], [0, 1], [1, 1], [1, 0]]))
    assert shapely.from_wkt(aoi.wkt).area == 1
    assert aoi.warnings == ("an open ring was closed",)


def test_mixed_geojson_features_are_combined():
    with_hole = BOX.difference(shapely.box(-105.16, 40.14, -105.14, 40.16))
    shapes = [BOX, with_hole, shapely.MultiPolygon([with_hole, EAST]), EAST.segmentize(0.001)]
    features = [{"type": "Feature", "geometry": shapely.geometry.mapping(geometry)} for geometry in shapes]
    for selected in (features, features[:2], features[3:], features[::-1]):
        expected = [shapely.geometry.shape(feature["geometry"]) for feature in selected]
        combined = shapely.from_wkt(parse_aoi({"type": "FeatureCollection", "features": selected}).wkt)
        assert combined.equals_exact(shapely.GeometryCollection(expected), 0)


def test_overlapping_polygons_stay_valid_after_a_fix():
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    aoi = parse_aoi([bow_tie, shapely.box(0, 0, 1, 1)])
    assert shapely.from_wkt(aoi.wkt).is_valid
    assert "repaired" in aoi.warnings[0]


def test_unconnected_polygons_are_rejected():
    check_connected(parse_aoi([BOX, shapely.affinity.translate(BOX, 0.1), shapely.affinity.translate(BOX, 0.05)]))
    for unconnected in ([BOX, EAST], [BOX, shapely.box(-105.1, 40.2, -105, 40.3)]):
        with pytest.raises(ArdRequestError, match="got 2 separate"):
            check_connected(parse_aoi(unconnected))


@pytest.mark.parametrize(
    "value",
    [(0, 1, 2, 3.5), "0 1 2 3.5", "0, 1, 2, 3.5", "(0, 1, 2, 3.5)", {"xmin": 0, "ymin": 1, "xmax": 2, "ymax": 3.5},
     "{'xmin': 0, 'ymin': 1, 'xmax': 2, 'ymax': 3.5}", '{"ymin": 1, "XMIN": 0, "xmax": 2, "ymax": 3.5}', np.array([0, 1, 2, 3.5]),
     (number for number in (0, 1, 2, 3.5)), ["0", "1", "2", "3.5"]],
)  # fmt: skip
def test_bbox_in_any_form(value):
    assert parse_bbox(value) == (0, 1, 2, 3.5)


def test_integers_of_a_bbox_are_kept():
    assert json.dumps(parse_bbox([-106, 40, -105, 41.0])) == "[-106, 40, -105, 41.0]"


def test_recursive_list_is_rejected():
    nested: list[object] = [BOX]
    nested.append(nested)
    with pytest.raises(ArdRequestError, match="nested"):
        parse_aoi(nested)


def test_failing_geo_interface_is_rejected():
    class Failing:
        @property
        def __geo_interface__(self):
            raise KeyError("geometry")

    with pytest.raises(ArdRequestError, match="KeyError"):
        parse_aoi(Failing())
