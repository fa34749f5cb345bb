from __future__ import annotations

import errno
import json
import shutil
import sys

import boto3
import geopandas
import numpy as np
import pytest
import shapely
import shapely.affinity
from airflow import __version__ as AIRFLOW_VERSION  # noqa: N812
from airflow.providers.common.compat.sdk import ObjectStoragePath
from maxar_ard_grid import Cell
from moto.server import ThreadedMotoServer
from packaging.version import Version

from airflow_provider_ard.api.errors import ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.geo.aoi import (
    AOI,
    MAX_VERTICES,
    area_sqkm,
    check_connected,
    parse_aoi,
    parse_bbox,
    width_m,
)
from airflow_provider_ard.hooks.ard import read_file

BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
SMALL = shapely.box(-105.2, 40.1, -105.195, 40.105)
EAST = shapely.box(-104.2, 40.1, -104.1, 40.2)
GEOJSON = shapely.geometry.mapping(BOX)
# Airflow knows memory:// since 3.2.
STORES = ["memory", "file", "s3"] if Version(AIRFLOW_VERSION) >= Version("3.2") else ["file", "s3"]


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
    aoi = parse_aoi(value)
    assert shapely.from_wkt(aoi.wkt).normalize().equals(BOX)
    assert aoi.warnings == ()


def test_a_valid_text_goes_out_as_it_came():
    text = "POLYGON((-105.2 40.1,-105.1 40.1,-105.1 40.2,-105.20 40.2,-105.2 40.1))"
    assert parse_aoi(text).wkt == text


@pytest.mark.parametrize(("name", "content"), [("aoi.wkt", BOX.wkt), ("aoi.geojson", json.dumps(GEOJSON))])
def test_an_area_from_a_file(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert shapely.from_wkt(parse_aoi(str(tmp_path / name)).wkt).equals(BOX)
    assert shapely.from_wkt(parse_aoi(tmp_path / name).wkt).equals(BOX)


def near(aoi: AOI, expected: shapely.Geometry) -> bool:
    """Whether an AOI is what is wanted, but for the rounding of a reprojection."""
    return shapely.hausdorff_distance(shapely.from_wkt(aoi.wkt), expected) < 1e-6


@pytest.mark.parametrize("crs", [4326, 32613, 3857, 4269])
@pytest.mark.parametrize("kind", ["GeoSeries", "GeoDataFrame"])
def test_a_frame_is_reprojected_from_its_crs(kind, crs):
    series = geopandas.GeoSeries([BOX, EAST], crs=4326).to_crs(crs)
    aoi = parse_aoi(series if kind == "GeoSeries" else geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=series))
    assert near(aoi, shapely.GeometryCollection([BOX, EAST]))
    assert aoi.warnings == ()


def test_frame_without_crs_is_read_as_degrees_with_a_warning():
    aoi = parse_aoi(geopandas.GeoSeries([BOX]))
    assert near(aoi, BOX)
    assert "no CRS" in aoi.warnings[0]


def test_a_row_without_geometry_is_refused():
    with pytest.raises(ArdRequestError, match="row has no geometry"):
        parse_aoi(geopandas.GeoSeries([BOX, None], crs=4326))


def test_the_crs_of_an_old_geojson_is_heeded(tmp_path):
    projected = geopandas.GeoSeries([BOX], crs=4326).to_crs(32613)
    content = json.loads(projected.to_json(drop_id=True)) | {
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32613"}}
    }
    (tmp_path / "aoi.geojson").write_text(json.dumps(content))
    for value in (content, json.dumps(content), tmp_path / "aoi.geojson"):
        assert near(parse_aoi(value), BOX)


FORMATS = {
    "gpkg": "GPKG",
    "fgb": "FlatGeobuf",
    "shp": "ESRI Shapefile",
    "gml": "GML",
    "kml": "KML",
    "geojsonl": "GeoJSONSeq",
}


@pytest.mark.parametrize("by", ["path", "object store"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_ogr_format_is_read_and_reprojected(tmp_path, suffix, by):
    crs = 4326 if suffix in {"kml", "geojsonl"} else 32613
    path = tmp_path / f"aoi.{suffix}"
    geopandas.GeoSeries([BOX, EAST], crs=4326).to_crs(crs).to_file(path, driver=FORMATS[suffix])
    if by == "path":
        assert near(parse_aoi(str(path)), shapely.GeometryCollection([BOX, EAST]))
    elif suffix == "shp":
        with pytest.raises(ArdRequestError, match="zip the Shapefile"):
            parse_aoi(path.as_uri(), read_file=lambda uri: path.read_bytes())
    else:
        aoi = parse_aoi(path.as_uri(), read_file=lambda uri: path.read_bytes())
        assert near(aoi, shapely.GeometryCollection([BOX, EAST]))


@pytest.mark.parametrize("by", ["path", "object store"])
def test_a_zipped_shapefile(tmp_path, by):
    geopandas.GeoSeries([BOX], crs=4326).to_crs(32613).to_file(tmp_path / "shp", driver="ESRI Shapefile")
    shutil.make_archive(str(tmp_path / "aoi"), "zip", tmp_path / "shp")
    path = tmp_path / "aoi.zip"
    aoi = parse_aoi(str(path) if by == "path" else "s3://bkt/aoi.zip", read_file=lambda uri: path.read_bytes())
    assert near(aoi, BOX)


def test_a_folder_that_ogr_knows(tmp_path):
    geopandas.GeoSeries([BOX], crs=4326).to_file(tmp_path / "folder", driver="ESRI Shapefile")
    assert near(parse_aoi(str(tmp_path / "folder")), BOX)


def test_all_layers_of_a_file_are_read_with_a_warning(tmp_path):
    for layer, part in (("west", BOX), ("east", EAST)):
        geopandas.GeoSeries([part], crs=4326).to_file(tmp_path / "aoi.gpkg", layer=layer, driver="GPKG")
    aoi = parse_aoi(str(tmp_path / "aoi.gpkg"))
    assert near(aoi, shapely.GeometryCollection([BOX, EAST]))
    assert "all 2 layers" in aoi.warnings[0]
    assert "west, east" in aoi.warnings[0]


def test_third_dimension_of_a_file_is_dropped_with_a_warning(tmp_path):
    geopandas.GeoSeries([shapely.force_3d(BOX, 7)], crs=4326).to_file(tmp_path / "aoi.gpkg", driver="GPKG")
    aoi = parse_aoi(tmp_path / "aoi.gpkg")
    assert near(aoi, BOX)
    assert "third dimension" in aoi.warnings[0]


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"PK\x03\x04", b"hello", b"", b'{"type": "FeatureCollection"'])
@pytest.mark.parametrize("suffix", ["gpkg", "zip", "shp", "kml", "geojson"])
def test_a_broken_file_is_refused(tmp_path, content, suffix):
    path = tmp_path / f"aoi.{suffix}"
    path.write_bytes(content)
    for given in (str(path), f"s3://bkt/aoi.{suffix}"):
        with pytest.raises(ArdRequestError, match="intersects") as caught:
            parse_aoi(given, read_file=lambda uri: path.read_bytes())
        assert caught.value.argument == "intersects"


def test_without_the_extra_an_ogr_file_names_it(tmp_path, monkeypatch):
    (tmp_path / "aoi.gpkg").write_bytes(b"SQLite format 3\0")
    monkeypatch.setitem(sys.modules, "pyogrio", None)
    with pytest.raises(ArdRequestError, match=r"airflow-provider-ard\[ogr\]"):
        parse_aoi(str(tmp_path / "aoi.gpkg"))


@pytest.mark.parametrize(
    "error", [FileNotFoundError, PermissionError, ValueError, ImportError, TypeError, OSError(errno.ENAMETOOLONG, "x")]
)
def test_a_path_of_an_object_store_that_is_wrong(error):
    def read_file(path):
        raise error

    with pytest.raises(ArdRequestError, match="path of a readable file"):
        parse_aoi("s3://bkt/aoi.gpkg", read_file=read_file)


@pytest.mark.parametrize("error", [ConnectionError, TimeoutError, RuntimeError, Exception])
def test_an_object_store_that_cannot_be_reached_is_worth_a_retry(error):
    def read_file(path):
        raise error

    with pytest.raises(ArdUnavailableError, match=r"aoi\.gpkg"):
        parse_aoi("s3://bkt/aoi.gpkg?token=PlantedSecret", read_file=read_file)
    with pytest.raises(ArdUnavailableError) as caught:
        parse_aoi("s3://user:PlantedSecret@bkt/aoi.gpkg?token=PlantedSecret", read_file=read_file)
    assert "PlantedSecret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # inside the object stores' libraries
@pytest.mark.parametrize("suffix", ["wkt", "geojson", "gpkg"])
@pytest.mark.parametrize("store", STORES)
def test_airflows_object_stores(tmp_path, store, suffix, monkeypatch, request):
    local = tmp_path / f"aoi.{suffix}"
    if suffix == "gpkg":
        geopandas.GeoSeries([BOX], crs=4326).to_crs(32613).to_file(local, driver="GPKG")
    else:
        local.write_text(BOX.wkt if suffix == "wkt" else json.dumps(GEOJSON))
    path = {
        "memory": f"memory://bkt/aoi.{suffix}",
        "file": local.as_uri(),
        "s3": f"s3://aws_default@areas/aoi.{suffix}",
    }[store]
    if store == "memory":
        ObjectStoragePath(path).write_bytes(local.read_bytes())
    if store == "s3":
        connection, client = request.getfixturevalue("s3")
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection)
        client.upload_file(str(local), "areas", f"aoi.{suffix}")
    for given in (path, ObjectStoragePath(path)):
        assert near(parse_aoi(given, read_file=read_file), BOX)


@pytest.fixture(scope="module")
def s3():
    """A local S3 server with a bucket `areas`: the connection to it as JSON, and a client."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    client.create_bucket(Bucket="areas")
    extra = {"endpoint_url": url, "region_name": "us-east-1"}
    yield json.dumps({"conn_type": "aws", "login": "test", "password": "test", "extra": extra}), client
    server.stop()


@pytest.mark.filterwarnings("ignore:The .shapely.ops.transform:DeprecationWarning")  # in maxar-ard-grid
def test_a_grid_cell_is_taken_in_degrees():
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
        parse_aoi(value)
    assert caught.value.argument == "intersects"


def test_figures():
    assert area_sqkm(shapely.box(0, 0, 0.01, 0.01)) == pytest.approx(1.2309, rel=1e-3)
    assert width_m(shapely.box(0, 60, 0.01, 61)) == pytest.approx(557, rel=0.05)


def test_the_area_is_geodesic_and_without_its_holes_however_they_turn():
    shell = [(0, 0), (0.02, 0), (0.02, 0.02), (0, 0.02)]
    hole = [(0.001, 0.001), (0.019, 0.001), (0.019, 0.019), (0.001, 0.019)]
    expected = area_sqkm(shapely.Polygon(shell)) - area_sqkm(shapely.Polygon(hole))
    for turned in (hole, hole[::-1]):
        polygon = shapely.Polygon(shell, [turned])
        assert area_sqkm(polygon) == pytest.approx(expected)
        with pytest.raises(ArdRequestError, match=f"{expected:.4g} km²"):
            parse_aoi(polygon)


@pytest.mark.parametrize("latitude", [0, 45, 70, 85])
def test_the_rules_are_met_and_broken_at_any_latitude(latitude):
    """A shape that just passes and one that just does not; the rules are in meters, the shapes in degrees."""
    metre_x, metre_y = 1 / (111_320 * np.cos(np.radians(latitude))), 1 / 111_132
    for meters, words in (((1010, 1010), None), ((980, 980), "km²"), ((260, 8000), None), ((240, 8000), "m wide")):
        box = shapely.box(10, latitude, 10 + meters[0] * metre_x, latitude + meters[1] * metre_y)
        if words:
            with pytest.raises(ArdRequestError, match=words):
                parse_aoi(box)
        else:
            assert parse_aoi(box).warnings == ()


def test_exactly_as_many_vertices_as_allowed():
    assert (
        parse_aoi(shapely.Polygon(list(shapely.Point(0, 0).buffer(1, quad_segs=400).exterior.coords)[:999])).warnings
        == ()
    )


def test_what_is_valid_goes_out_as_it_came():
    for text in ("POLYGON((-105.2 40.10,-105.1 40.1,-105.1 40.2,-105.2 40.2,-105.2 40.1))", BOX.wkt.lower()):
        assert parse_aoi(f"  {text}\n").wkt == text
        assert parse_aoi(f"srid=4326; {text}").wkt == text
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


def test_geojson_reads_the_same_however_many_rings_and_kinds():
    holed = BOX.difference(shapely.box(-105.16, 40.14, -105.14, 40.16))
    shapes = [BOX, holed, shapely.MultiPolygon([holed, EAST]), EAST.segmentize(0.001)]
    features = [{"type": "Feature", "geometry": shapely.geometry.mapping(geometry)} for geometry in shapes]
    for chosen in (features, features[:2], features[3:], features[::-1]):
        expected = [shapely.geometry.shape(feature["geometry"]) for feature in chosen]
        combined = shapely.from_wkt(parse_aoi({"type": "FeatureCollection", "features": chosen}).wkt)
        assert combined.equals_exact(shapely.GeometryCollection(expected), 0)


def test_overlapping_polygons_stay_valid_after_a_fix():
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    aoi = parse_aoi([bow_tie, shapely.box(0, 0, 1, 1)])
    assert shapely.from_wkt(aoi.wkt).is_valid
    assert "repaired" in aoi.warnings[0]


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
        shapely.Point(10, 60).buffer(1, quad_segs=5000),
        noisy(5000).difference(shapely.affinity.scale(noisy(3000), 0.4, 0.4)),
        noisy(4000).union(shapely.affinity.translate(noisy(4000), 0.7)),
        shapely.affinity.translate(noisy(5000), 169.6).intersection(shapely.box(-180, -90, 180, 90)),
    ],
    ids=["one too many", "20,000", "teeth", "circle", "hole", "two in one", "at the antimeridian"],
)
def test_a_simplified_polygon_covers_the_original_within_the_stated_tolerance(polygon):
    aoi = parse_aoi(polygon, simplify=True)
    simple = shapely.from_wkt(aoi.wkt)
    assert simple.is_valid
    assert shapely.get_num_coordinates(simple) <= MAX_VERTICES
    assert simple.covers(polygon)
    [note] = aoi.warnings
    stated = float(note.split("at most ")[1].removesuffix(" m"))
    # No degree is longer than 112 km, and none of longitude longer than at the latitude nearest to the equator.
    squeeze = np.array([np.cos(np.radians(polygon.bounds[1])), 1])
    original, reaching = (shapely.transform(geometry, lambda xy: xy * squeeze) for geometry in (polygon, simple))
    assert original.buffer(1.01 * stated / 112_000).covers(reaching)
    # Neither much larger nor coarser than it need be.
    assert simple.area < 1.05 * polygon.area


def test_a_polygon_within_the_limit_is_not_simplified():
    assert parse_aoi(BOX, simplify=True) == AOI(BOX.wkt, BOX)
    aoi = parse_aoi([BOX, noisy(1500)], simplify=True)
    assert shapely.from_wkt(aoi.wkt).geoms[0].equals_exact(BOX, 0)


def test_what_is_connected():
    check_connected(parse_aoi([BOX, shapely.affinity.translate(BOX, 0.1), shapely.affinity.translate(BOX, 0.05)]))
    for apart in ([BOX, EAST], [BOX, shapely.box(-105.1, 40.2, -105, 40.3)]):
        with pytest.raises(ArdRequestError, match="got 2 separate"):
            check_connected(parse_aoi(apart))


@pytest.mark.parametrize(
    "value",
    [(0, 1, 2, 3.5), "0 1 2 3.5", "0, 1, 2, 3.5", "(0, 1, 2, 3.5)", {"xmin": 0, "ymin": 1, "xmax": 2, "ymax": 3.5},
     "{'xmin': 0, 'ymin': 1, 'xmax': 2, 'ymax': 3.5}", '{"ymin": 1, "XMIN": 0, "xmax": 2, "ymax": 3.5}', np.array([0, 1, 2, 3.5]),
     (number for number in (0, 1, 2, 3.5)), ["0", "1", "2", "3.5"]],
)  # fmt: skip
def test_a_bbox_of_any_form(value):
    assert parse_bbox(value) == (0, 1, 2, 3.5)


def test_whole_numbers_of_a_bbox_stay_whole():
    assert json.dumps(parse_bbox([-106, 40, -105, 41.0])) == "[-106, 40, -105, 41.0]"


def test_nesting_without_end_is_refused():
    deep: list[object] = [BOX]
    deep.append(deep)
    with pytest.raises(ArdRequestError, match="nested"):
        parse_aoi(deep)


def test_an_object_that_fails_is_refused_by_its_error():
    class Failing:
        @property
        def __geo_interface__(self):
            raise KeyError("geometry")

    with pytest.raises(ArdRequestError, match="KeyError"):
        parse_aoi(Failing())
