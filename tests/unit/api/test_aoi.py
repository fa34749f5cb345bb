from __future__ import annotations

import json

import pytest
import shapely
import shapely.affinity
from maxar_ard_grid import Cell

from airflow_provider_ard.api.aoi import area_sqkm, read_aoi, width_m
from airflow_provider_ard.api.errors import ArdRequestError

BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
SMALL = shapely.box(-105.2, 40.1, -105.195, 40.105)
GEOJSON = shapely.geometry.mapping(BOX)


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
def test_the_same_area_in_any_form(value):
    aoi = read_aoi(value)
    assert shapely.from_wkt(aoi.wkt).normalize().equals(BOX)
    assert aoi.notes == ()


def test_a_valid_text_goes_out_as_it_came():
    text = "POLYGON((-105.2 40.1,-105.1 40.1,-105.1 40.2,-105.20 40.2,-105.2 40.1))"
    assert read_aoi(text).wkt == text


@pytest.mark.parametrize(("name", "content"), [("aoi.wkt", BOX.wkt), ("aoi.geojson", json.dumps(GEOJSON))])
def test_an_area_from_a_file(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert shapely.from_wkt(read_aoi(str(tmp_path / name)).wkt).equals(BOX)
    assert shapely.from_wkt(read_aoi(tmp_path / name).wkt).equals(BOX)


def test_a_geo_data_frame_is_reprojected():
    geopandas = pytest.importorskip("geopandas")
    frame = geopandas.GeoSeries([BOX], crs=4326).to_crs(32613)
    assert shapely.hausdorff_distance(shapely.from_wkt(read_aoi(frame).wkt), BOX) < 1e-6


@pytest.mark.filterwarnings("ignore:The .shapely.ops.transform:DeprecationWarning")  # in maxar-ard-grid
def test_a_grid_cell_is_taken_in_degrees():
    cell = Cell("031133320203", zone=13)
    assert shapely.from_wkt(read_aoi(cell).wkt).equals(cell.geom_WGS84)


def test_the_third_dimension_is_dropped_and_told():
    aoi = read_aoi(shapely.force_3d(BOX, 7.0))
    assert not shapely.from_wkt(aoi.wkt).has_z
    assert "third dimension" in aoi.notes[0]


def test_an_open_ring_is_closed_and_told():
    aoi = read_aoi("POLYGON ((0 0, 0 1, 1 1, 1 0))")
    assert shapely.from_wkt(aoi.wkt).area == 1
    assert "open ring" in aoi.notes[0]


def test_a_self_intersection_is_mended_and_told():
    aoi = read_aoi("POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))")
    assert shapely.from_wkt(aoi.wkt).is_valid
    assert "Self-intersection" in aoi.notes[0]


@pytest.mark.parametrize(
    ("value", "words"),
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
def test_what_breaks_a_rule_is_refused_with_the_figure(value, words):
    with pytest.raises(ArdRequestError, match=words) as caught:
        read_aoi(value)
    assert caught.value.argument == "intersects"


def test_figures():
    assert area_sqkm(shapely.box(0, 0, 0.01, 0.01)) == pytest.approx(1.2309, rel=1e-3)
    assert width_m(shapely.box(0, 60, 0.01, 61)) == pytest.approx(557, rel=0.05)
