from __future__ import annotations

import errno
import json
import shutil
import sys

import boto3
import geopandas
import pytest
import shapely
import shapely.affinity
from airflow import __version__ as AIRFLOW_VERSION  # noqa: N812
from moto.server import ThreadedMotoServer
from packaging.version import Version

from airflow_provider_ard.api.errors import ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.geo.aoi import parse_aoi
from airflow_provider_ard.hooks.ard import read_file
from airflow_provider_ard.version_compat import ObjectStoragePath
from tests.unit.api.geo.conftest import BOX, EAST, GEOJSON, near

# Airflow supports memory:// since 3.2.
STORES = ["memory", "file", "s3"] if Version(AIRFLOW_VERSION) >= Version("3.2") else ["file", "s3"]


@pytest.mark.parametrize("crs", [4326, 32613, 3857, 4269])
@pytest.mark.parametrize("kind", ["GeoSeries", "GeoDataFrame"])
def test_frame_is_reprojected_from_its_crs(kind, crs):
    series = geopandas.GeoSeries([BOX, EAST], crs=4326).to_crs(crs)
    aoi = parse_aoi(series if kind == "GeoSeries" else geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=series))
    assert near(aoi, shapely.GeometryCollection([BOX, EAST]))
    assert aoi.warnings == ()


def test_frame_without_crs_is_read_as_degrees_with_a_warning():
    aoi = parse_aoi(geopandas.GeoSeries([BOX]))
    assert near(aoi, BOX)
    assert "no CRS" in aoi.warnings[0]


def test_row_without_geometry_is_rejected():
    with pytest.raises(ArdRequestError, match="row 2 of 2"):
        parse_aoi(geopandas.GeoSeries([BOX, None], crs=4326))


def test_crs_member_of_geojson_is_honored(tmp_path):
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


@pytest.mark.parametrize("source", ["path", "object store"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_ogr_format_is_read_and_reprojected(tmp_path, suffix, source):
    crs = 4326 if suffix in {"kml", "geojsonl"} else 32613
    path = tmp_path / f"aoi.{suffix}"
    geopandas.GeoSeries([BOX, EAST], crs=4326).to_crs(crs).to_file(path, driver=FORMATS[suffix])
    if source == "path":
        assert near(parse_aoi(str(path)), shapely.GeometryCollection([BOX, EAST]))
    elif suffix == "shp":
        with pytest.raises(ArdRequestError, match="zip the Shapefile"):
            parse_aoi(path.as_uri(), read_file=lambda uri: path.read_bytes())
    else:
        aoi = parse_aoi(path.as_uri(), read_file=lambda uri: path.read_bytes())
        assert near(aoi, shapely.GeometryCollection([BOX, EAST]))


@pytest.mark.parametrize("source", ["path", "object store"])
def test_zipped_shapefile_is_read(tmp_path, source):
    geopandas.GeoSeries([BOX], crs=4326).to_crs(32613).to_file(tmp_path / "shp", driver="ESRI Shapefile")
    shutil.make_archive(str(tmp_path / "aoi"), "zip", tmp_path / "shp")
    path = tmp_path / "aoi.zip"
    aoi = parse_aoi(str(path) if source == "path" else "s3://bkt/aoi.zip", read_file=lambda uri: path.read_bytes())
    assert near(aoi, BOX)


def test_folder_is_read_by_ogr(tmp_path):
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
def test_invalid_file_is_rejected(tmp_path, content, suffix):
    path = tmp_path / f"aoi.{suffix}"
    path.write_bytes(content)
    for source in (str(path), f"s3://bkt/aoi.{suffix}"):
        with pytest.raises(ArdRequestError, match="intersects") as caught:
            parse_aoi(source, read_file=lambda uri: path.read_bytes())
        assert caught.value.argument == "intersects"


def test_missing_ogr_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "aoi.gpkg").write_bytes(b"SQLite format 3\0")
    monkeypatch.setitem(sys.modules, "pyogrio", None)
    with pytest.raises(ArdRequestError, match=r"airflow-provider-ard\[ogr\]"):
        parse_aoi(str(tmp_path / "aoi.gpkg"))


@pytest.mark.parametrize(
    "error", [FileNotFoundError, PermissionError, ValueError, ImportError, TypeError, OSError(errno.ENAMETOOLONG, "x")]
)
def test_invalid_object_store_path_is_rejected(error):
    def read_file(path):
        raise error

    with pytest.raises(ArdRequestError, match="path of a readable file"):
        parse_aoi("s3://bkt/aoi.gpkg", read_file=read_file)


@pytest.mark.parametrize("error", [ConnectionError, TimeoutError, RuntimeError, Exception])
def test_unreachable_object_store_is_an_outage(error):
    def read_file(path):
        raise error

    with pytest.raises(ArdUnavailableError, match=r"aoi\.gpkg"):
        parse_aoi("s3://bkt/aoi.gpkg?token=PlantedSecret", read_file=read_file)
    with pytest.raises(ArdUnavailableError) as caught:
        parse_aoi("s3://user:PlantedSecret@bkt/aoi.gpkg?token=PlantedSecret", read_file=read_file)
    assert "PlantedSecret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # in the libraries of the object stores
@pytest.mark.parametrize("suffix", ["wkt", "geojson", "gpkg"])
@pytest.mark.parametrize("store", STORES)
def test_airflow_object_stores_are_read(tmp_path, store, suffix, monkeypatch, request):
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
    for source in (path, ObjectStoragePath(path)):
        assert near(parse_aoi(source, read_file=read_file), BOX)


@pytest.fixture(scope="module")
def s3():
    """Run an S3 server with a bucket `areas`; yield the Connection to it as JSON, and a client."""
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
