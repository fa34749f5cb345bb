from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import airflow.triggers.base
import geopandas
import pytest
import shapely

from airflow_provider_ard.api.geo.aoi import parse_aoi
from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger
from airflow_provider_ard.version_compat import import_first
from tests.unit.triggers.imagery.conftest import BBOX, trigger

sdk = pytest.importorskip("airflow.sdk", reason="Airflow 2 has no asset watchers; see test_airflow2.py")

BOX = shapely.box(*BBOX)
GEOJSON = shapely.geometry.mapping(BOX)
CLEAR = {"eo:cloud_cover": {"lte": 10}}


def test_trigger_serializes_to_plain_json():
    imagery_trigger = trigger(intersects=shapely.box(*BBOX), query={"eo:cloud_cover": {"in": (1, 2)}})
    path, arguments = imagery_trigger.serialize()
    assert path == "airflow_provider_ard.triggers.imagery.ArdNewImageryTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert ArdNewImageryTrigger(**arguments).serialize() == (path, arguments)
    assert sdk.AssetWatcher(name="area", trigger=imagery_trigger).trigger is imagery_trigger
    # Airflow identifies watchers by this hash, in the DAG file and in its database.
    assert imagery_trigger.hash(path, arguments) == imagery_trigger.hash(path, json.loads(json.dumps(arguments)))


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("intersects", {"intersects": 1j}),
        ("query", {"bbox": BBOX, "query": {"a": {1}}}),
        ("bbox", {"bbox": [float("nan")] * 4}),
        ("lookback", {"bbox": BBOX, "lookback": 0}),
        ("lookback", {"bbox": BBOX, "lookback": "a month"}),
        ("lookback", {"bbox": BBOX, "lookback": timedelta.max}),
        ("poke_interval", {"bbox": BBOX, "poke_interval": True}),
        ("fire_existing", {"bbox": BBOX, "fire_existing": "perhaps"}),
        # No AOI, two AOIs, invalid AOIs.
        ("intersects", {}),
        ("intersects", {"query": CLEAR}),
        ("intersects", {"bbox": BBOX, "intersects": BOX.wkt}),
        ("intersects", {"bbox": BBOX, "intersects": "/aois/boulder.geojson"}),
        ("bbox", {"bbox": [40.1, -105.2, 40.25, -105.0]}),
        ("bbox", {"bbox": [-105.0, 40.1, -105.2, 40.25]}),
        ("bbox", {"bbox": [1, 2, 3]}),
        ("intersects", {"intersects": "POINT (0 0)"}),
        ("intersects", {"intersects": "POLYGON ((0 0, 1 1"}),
        ("intersects", {"intersects": {"type": "Circle"}}),
        ("intersects", {"intersects": shapely.box(0, 0, 0.001, 0.001)}),
        # Conditions that never match, or that the API does not support.
        ("query", {"bbox": BBOX, "query": {"eo:cloud_cover": {"less": 10}}}),
        ("query", {"bbox": BBOX, "query": {"platform": "worldview-02"}}),
        ("query", {"intersects": "/aois/boulder.geojson", "query": {"platform": {"in": []}}}),
        # Empty values.
        ("intersects", {"bbox": BBOX, "intersects": None}),
        ("bbox", {"intersects": BOX, "bbox": ()}),
        ("query", {"bbox": BBOX, "query": {}}),
        ("query", {"bbox": BBOX, "query": None}),
    ],
    ids=str,
)
def test_invalid_argument_raises_in_the_dag_file(argument, arguments):
    with pytest.raises(ArdRequestError) as caught:
        ArdNewImageryTrigger(**arguments)
    assert caught.value.argument == argument


def test_invalid_watcher_is_an_import_error_of_its_dag(tmp_path):
    # At the second location before Airflow 3.2.
    dag_bag = import_first("airflow.dag_processing.dagbag:DagBag", "airflow.models.dagbag:DagBag")
    (tmp_path / "watched.py").write_text(
        "from airflow.sdk import DAG, Asset, AssetWatcher\n"
        "from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger\n"
        "watcher = AssetWatcher(name='w', trigger=ArdNewImageryTrigger(bbox=[40.1, -105.2, 40.25, -105.0]))\n"
        "DAG('watched', schedule=[Asset('imagery', watchers=[watcher])])\n"
    )
    errors = dag_bag(str(tmp_path)).import_errors
    assert ["bbox" in error for error in errors.values()] == [True]


FORMS = {
    "GeoDataFrame": lambda: geopandas.GeoDataFrame({"n": [1]}, geometry=[BOX], crs=4326).to_crs(32613),
    "GeoSeries": lambda: geopandas.GeoSeries([BOX], crs=4326).to_crs(3857),
    "shapely": lambda: BOX,
    "list": lambda: [BOX],
    "object": lambda: SimpleNamespace(__geo_interface__=GEOJSON),
    "GeoJSON": lambda: GEOJSON,
    "WKT": lambda: BOX.wkt,
    "WKB": lambda: shapely.to_wkb(BOX),
}


@pytest.mark.parametrize("form", FORMS)
def test_aoi_forms_equal_those_of_an_order(form):
    made = ArdNewImageryTrigger(intersects=FORMS[form]())
    _, arguments = made.serialize()
    assert json.loads(json.dumps(arguments)) == arguments
    assert arguments == ArdNewImageryTrigger(**arguments).serialize()[1]
    watched = shapely.from_wkt(made._request().intersects)
    assert shapely.hausdorff_distance(watched, shapely.from_wkt(parse_aoi(FORMS[form]()).wkt)) == 0
    assert shapely.hausdorff_distance(watched, BOX) < 1e-6


@pytest.mark.parametrize("as_path", [str, Path])
def test_aoi_file_is_read_by_the_triggerer(tmp_path, as_path):
    made = ArdNewImageryTrigger(intersects=as_path(tmp_path / "aoi.wkt"), query=CLEAR)
    (tmp_path / "aoi.wkt").write_text(BOX.wkt)
    assert made._request().intersects == BOX.wkt


def test_error_before_airflow_3_names_the_required_version(monkeypatch):
    monkeypatch.delattr(airflow.triggers.base, "BaseEventTrigger")
    with pytest.raises(ArdRequestError, match=r"Airflow 3\.0"):
        ArdNewImageryTrigger(bbox=BBOX)
