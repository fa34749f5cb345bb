"""AOIs from damaged and compressed files, with several layers, and in rare formats."""

from __future__ import annotations

import gzip
import json
import struct
import zipfile
from typing import TYPE_CHECKING

import geopandas
import pytest
import shapely

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import parse_aoi
from tests.unit.api.geo.conftest import BOX, EAST

if TYPE_CHECKING:
    from pathlib import Path

GEOJSON = shapely.to_geojson(BOX)
RING = "-105.2,40.1 -105.1,40.1 -105.1,40.2 -105.2,40.2"
POLYGON = f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{RING} -105.2,40.1</coordinates></LinearRing></outerBoundaryIs></Polygon>"
PIN = "<Point><coordinates>-105.2,40.1</coordinates></Point>"
ESRI = {
    "geometryType": "esriGeometryPolygon",
    "spatialReference": {"wkid": 4326},
    "features": [{"attributes": {"a": 1}, "geometry": {"rings": [list(BOX.exterior.coords)]}}],
}
TOPOLOGY = {
    "type": "Topology",
    "objects": {"field": {"type": "Polygon", "arcs": [[0]]}},
    "arcs": [list(BOX.exterior.coords)],
}


def kml(*geometries: str, encoding: str = "UTF-8") -> str:
    placemarks = "".join(f"<Placemark>{geometry}</Placemark>" for geometry in geometries)
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        f"<name>doc</name>{placemarks}</Document></kml>"
    )


def frame(*geometries: shapely.Geometry | None) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"n": range(len(geometries))}, geometry=list(geometries), crs=4326)


def zip_shapefile(path: Path, folder: str, without: str = "") -> None:
    frame(BOX).to_file(path.parent / "aoi.shp")
    with zipfile.ZipFile(path, "w") as archive:
        for part in path.parent.glob("aoi.*"):
            if part.suffix not in {".zip", without}:
                archive.write(part, f"{folder}{part.name}")


def write_labeled_gpkg(path: Path) -> None:
    frame(BOX).to_file(path, layer="fields")
    frame(BOX.centroid).to_file(path, layer="labels")


def is_box(value: object) -> bool:
    return shapely.hausdorff_distance(shapely.from_wkt(parse_aoi(value).wkt), BOX) < 1e-6


@pytest.fixture(params=["path", "object store"])
def read(request, tmp_path):
    """Return a function that parses a file of the folder, by its path or through an object store."""

    def parse(name: str):
        if request.param == "path":
            return parse_aoi(str(tmp_path / name))
        return parse_aoi(f"s3://bkt/{name}", read_file=lambda uri: (tmp_path / uri.rpartition("/")[2]).read_bytes())

    return parse


FILES = {
    "esri.json": json.dumps(ESRI).encode(),
    "topology.json": json.dumps(TOPOLOGY).encode(),
    "aoi.geojson.gz": gzip.compress(GEOJSON.encode()),
    "aoi.wkt.gz": gzip.compress(BOX.wkt.encode()),
    "aoi.kml.gz": gzip.compress(kml(POLYGON).encode()),
    "utf16.geojson": GEOJSON.encode("utf-16"),
    "utf16be.geojson": GEOJSON.encode("utf-16-be"),
    "utf16.wkt": BOX.wkt.encode("utf-16"),
    "utf16.kml": kml(POLYGON, encoding="UTF-16").encode("utf-16"),
    "bom.wkt": BOX.wkt.encode("utf-8-sig"),
    "bom.kml": kml(POLYGON).encode("utf-8-sig"),
    "hex.txt": shapely.to_wkb(BOX, hex=True).encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_rare_formats_and_encodings_are_read(name, read, tmp_path):
    (tmp_path / name).write_bytes(FILES[name])
    assert shapely.from_wkt(read(name).wkt).equals(BOX)


@pytest.mark.parametrize(
    "value",
    [
        "\ufeff" + BOX.wkt,
        "\ufeff" + GEOJSON,
        shapely.to_wkb(BOX, hex=True),
        shapely.to_wkb(BOX, hex=True).lower(),
        shapely.to_wkb(BOX, hex=True, byte_order=0),
        shapely.to_wkb(shapely.set_srid(BOX, 4326), hex=True, include_srid=True),
        shapely.to_wkb(BOX),
        memoryview(shapely.to_wkb(BOX)),
        ESRI,
        json.dumps(ESRI),
        TOPOLOGY,
        kml(POLYGON),
    ],
    ids=lambda value: type(value).__name__,
)
def test_forms_of_other_systems_are_read(value):
    assert is_box(value)
    assert shapely.get_srid(parse_aoi(value).geometry) == 0


@pytest.mark.parametrize("folder", ["", "sub/", "a/b c/"])
def test_zipped_shapefile_in_any_folder_is_read(folder, read, tmp_path):
    zip_shapefile(tmp_path / "aoi.zip", folder)
    assert shapely.from_wkt(read("aoi.zip").wkt).equals(BOX)


def test_zipped_file_of_another_format_in_a_folder_is_read(read, tmp_path):
    with zipfile.ZipFile(tmp_path / "aoi.zip", "w") as archive:
        archive.writestr("sub/aoi.geojson", GEOJSON)
    assert shapely.from_wkt(read("aoi.zip").wkt).equals(BOX)


def test_open_ring_in_a_file_is_closed_with_a_warning(read, tmp_path):
    (tmp_path / "open.kml").write_text(kml(POLYGON.replace(" -105.2,40.1<", "<")))
    aoi = read("open.kml")
    assert shapely.from_wkt(aoi.wkt).equals(BOX)
    assert any("row 1: an open ring was closed" in warning for warning in aoi.warnings)


def test_curves_in_a_file_are_linearized(read, tmp_path):
    circle = "CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0))"
    (tmp_path / "curve.csv").write_text(f'id;WKT\n1;"{circle}"\n2;"MULTISURFACE ({circle.replace("2 0", "2 0.1")})"\n')
    assert shapely.from_wkt(read("curve.csv").wkt).area == pytest.approx(2 * 3.14159, rel=0.1)


SURFACES = [
    "TIN (((0 0 0, 0 1 0, 1 1 0, 0 0 0)))",
    "POLYHEDRALSURFACE (((0 0 0, 0 1 0, 1 1 0, 0 0 0)))",
    "TRIANGLE ((0 0, 0 1, 1 1, 0 0))",
    "GEOMETRYCOLLECTION (CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0)))",
]


@pytest.mark.parametrize("wkt", SURFACES)
def test_surface_in_a_file_is_rejected_with_its_row(wkt, read, tmp_path):
    (tmp_path / "tin.csv").write_text(f'id;WKT\n1;"{BOX.wkt}"\n2;"{wkt}"\n')
    with pytest.raises(ArdRequestError, match=r"'tin\.csv'.*row 2") as caught:
        read("tin.csv")
    assert caught.value.argument == "intersects"


@pytest.mark.parametrize("wkt", [*SURFACES, "MULTISURFACE (((0 0, 0 1, 1 1, 0 0)))", "CURVEPOLYGON EMPTY"])
def test_surface_in_wkt_is_rejected(wkt, tmp_path):
    (tmp_path / "aoi.wkt").write_text(wkt)
    for value in (wkt, f"SRID=4326;{wkt}", str(tmp_path / "aoi.wkt")):
        with pytest.raises(ArdRequestError, match="expected polygons, got a") as caught:
            parse_aoi(value)
        assert caught.value.argument == "intersects"
    assert "'aoi.wkt'" in str(caught.value)


@pytest.mark.parametrize("empty", [None, shapely.Polygon()])
@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "fgb"])
def test_row_without_geometry_is_rejected_with_its_number(suffix, empty, read, tmp_path):
    if suffix == "fgb" and empty is None:
        pytest.skip("FlatGeobuf stores no missing geometries")
    frame(BOX, EAST, empty).to_file(tmp_path / f"aoi.{suffix}", **({"SPATIAL_INDEX": "NO"} if suffix == "fgb" else {}))
    with pytest.raises(ArdRequestError, match=r"(row|geometry|feature) 3\b"):
        read(f"aoi.{suffix}")


def test_row_without_geometry_of_a_shapefile_is_rejected(tmp_path):
    frame(BOX, None).to_file(tmp_path / "aoi.shp")
    with pytest.raises(ArdRequestError, match="row 2"):
        parse_aoi(tmp_path / "aoi.shp")


@pytest.mark.parametrize(
    "empty",
    [
        shapely.GeometryCollection([BOX, shapely.GeometryCollection()]),
        f"GEOMETRYCOLLECTION ({BOX.wkt}, MULTIPOLYGON EMPTY)",
        shapely.GeometryCollection([shapely.GeometryCollection([BOX, shapely.Polygon()])]),
        [BOX, "POLYGON EMPTY"],
        f"MULTIPOLYGON ({BOX.wkt[8:]}, EMPTY)",
    ],
    ids=str,
)
def test_empty_member_of_a_collection_is_rejected(empty):
    with pytest.raises(ArdRequestError, match="geometry 2 of 2 is empty"):
        parse_aoi(empty)


def test_missing_shx_error_contains_the_message_of_gdal(tmp_path):
    frame(BOX).to_file(tmp_path / "aoi.shp")
    (tmp_path / "aoi.shx").unlink()
    with pytest.raises(ArdRequestError, match="SHAPE_RESTORE_SHX"):
        parse_aoi(tmp_path / "aoi.shp")


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b damaged", gzip.compress(GEOJSON.encode())[:-9]], ids=["not gzip", "truncated"]
)
def test_damaged_gzip_is_rejected(content, read, tmp_path):
    (tmp_path / "aoi.geojson.gz").write_bytes(content)
    with pytest.raises(ArdRequestError, match="damaged"):
        read("aoi.geojson.gz")


def test_unsupported_geoparquet_error_suggests_geopandas(read, tmp_path):
    frame(BOX).to_parquet(tmp_path / "aoi.parquet")
    with pytest.raises(ArdRequestError, match="read_parquet"):
        read("aoi.parquet")


def test_message_of_gdal_names_the_original_file(read, tmp_path):
    (tmp_path / "aoi.gpkg").write_bytes(b"SQLite format 3\0 damaged")
    with pytest.raises(ArdRequestError, match=r"aoi\.gpkg") as caught:
        read("aoi.gpkg")
    assert "ard-aoi-" not in str(caught.value)


def test_points_in_another_layer_error_names_the_layers(read, tmp_path):
    write_labeled_gpkg(tmp_path / "aoi.gpkg")
    with pytest.raises(ArdRequestError, match=r"layer 'labels'.*path#fields") as caught:
        read("aoi.gpkg")
    assert caught.value.argument == "intersects"


@pytest.mark.parametrize("layer", ["fields", "polygons"])
def test_layer_of_a_path_is_read(layer, tmp_path):
    write_labeled_gpkg(tmp_path / "aoi.gpkg")
    content = (tmp_path / "aoi.gpkg").read_bytes()
    for aoi in (
        parse_aoi(f"{tmp_path}/aoi.gpkg#{layer}"),
        parse_aoi(f"s3://bkt/aoi.gpkg#{layer}", read_file={"s3://bkt/aoi.gpkg": content}.__getitem__),
    ):
        assert shapely.from_wkt(aoi.wkt).equals(BOX)


def test_unknown_layer_error_suggests_a_layer(tmp_path):
    write_labeled_gpkg(tmp_path / "aoi.gpkg")
    with pytest.raises(ArdRequestError, match="did you mean 'fields'"):
        parse_aoi(f"{tmp_path}/aoi.gpkg#field")


def test_existing_file_with_a_number_sign_is_read(tmp_path):
    (tmp_path / "aoi#1.wkt").write_text(BOX.wkt)
    assert is_box(f"{tmp_path}/aoi#1.wkt")


def test_points_beside_polygons_are_omitted_on_request(tmp_path):
    (tmp_path / "aoi.kml").write_text(kml(PIN, POLYGON))
    with pytest.raises(ArdRequestError, match="a Point in row 1; use path#polygons"):
        parse_aoi(tmp_path / "aoi.kml")
    aoi = parse_aoi(f"{tmp_path}/aoi.kml#polygons")
    assert shapely.from_wkt(aoi.wkt).equals(BOX)
    assert "1 points and lines" in aoi.warnings[0]


def test_invalid_wkb_is_rejected():
    projected = shapely.to_wkb(shapely.set_srid(BOX, 32613), hex=True, include_srid=True)
    with pytest.raises(ArdRequestError, match="got 32613"):
        parse_aoi(projected)
    with pytest.raises(ArdRequestError, match="nested"):
        parse_aoi((b"\x01" + struct.pack("<II", 7, 1)) * 200_000 + shapely.to_wkb(BOX))
    for damaged in (shapely.to_wkb(BOX)[:-5], b"", b"POLYGON EMPTY", b"\x01\x10\0\0\0\0\0\0\0"):
        with pytest.raises(ArdRequestError):
            parse_aoi(damaged)
