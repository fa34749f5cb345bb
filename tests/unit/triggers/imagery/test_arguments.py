from __future__ import annotations

import json

import airflow.triggers.base
import pytest
import shapely

from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger
from tests.unit.triggers.imagery.conftest import BBOX, trigger

sdk = pytest.importorskip("airflow.sdk", reason="Airflow 2 has no asset watchers; see test_airflow2.py")


def test_trigger_serializes_to_plain_json():
    imagery_trigger = trigger(bbox=None, intersects=shapely.box(*BBOX), query={"eo:cloud_cover": {"in": (1, 2)}})
    path, arguments = imagery_trigger.serialize()
    assert path == "airflow_provider_ard.triggers.imagery.ArdNewImageryTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert ArdNewImageryTrigger(**arguments).serialize() == (path, arguments)
    assert sdk.AssetWatcher(name="area", trigger=imagery_trigger).trigger is imagery_trigger
    # Airflow identifies watchers by this, in the DAG file and in its database.
    assert imagery_trigger.hash(path, arguments) == imagery_trigger.hash(path, json.loads(json.dumps(arguments)))


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("intersects", 1j),
        ("query", {"a": {1}}),
        ("bbox", [float("nan")] * 4),
        ("lookback", 0),
        ("lookback", "a month"),
        ("poke_interval", True),
    ],
    ids=str,
)
def test_invalid_argument_raises_in_the_dag_file(argument, wrong):
    with pytest.raises(ArdRequestError, match=argument):
        ArdNewImageryTrigger(**{"bbox": BBOX, argument: wrong})


def test_error_before_airflow_3_names_the_required_version(monkeypatch):
    monkeypatch.delattr(airflow.triggers.base, "BaseEventTrigger")
    with pytest.raises(ArdRequestError, match=r"Airflow 3\.0"):
        ArdNewImageryTrigger(bbox=BBOX)
