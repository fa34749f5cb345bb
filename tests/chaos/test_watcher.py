"""New imagery in a real Airflow, the triggerers killed between and in the middle: each acquisition is ordered once."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.chaos.cluster import Cluster
from tests.chaos.conftest import FULL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.standalone, pytest.mark.timeout(1800)]

# Patience for one step on a slow machine; nothing here is asserted about time.
SOON = 240
DAG = """
from datetime import timedelta

from airflow.sdk import Asset, AssetWatcher, dag, task

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger, new_acquisitions

trigger = ArdNewImageryTrigger(
    bbox=[-105.2, 40.1, -105.0, 40.25],
    query={"eo:cloud_cover": {"lte": 100}},
    lookback=timedelta(days=3650),
    poke_interval=2,
)
imagery = Asset("new_imagery", watchers=[AssetWatcher(name="longmont", trigger=trigger)])


@task(inlets=[imagery])
def new(triggering_asset_events=None, inlet_events=None):
    return new_acquisitions(triggering_asset_events, inlet_events)


@dag(schedule=[imagery], max_active_runs=1)
def watched():
    ArdOrderOperator.partial(task_id="order", destination="s3://ard-demo/watched").expand(acquisitions=new())


watched()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "watched.py").write_text(DAG)
    options = ["--order-duration", "1d", "--storage", str(tmp_path / "delivered"), "--pixels", "64"]
    with Cluster(tmp_path, tmp_path / "dags", options, without=["triggerer-2"]) as cluster:
        cluster.airflow.wait_for_dag("watched")
        yield cluster


def imagery(number: int, day: str) -> dict[str, Any]:
    """Return the tiles of a new acquisition: one of the catalogue's under another id and date."""
    bundled = json.loads(
        resources.files("airflow_provider_ard.sandbox.backend").joinpath("catalog.geojson").read_text()
    )
    first = next(one["properties"]["catalog_id"] for one in bundled["features"] if one["properties"]["utm_zone"] == 13)
    features = [one for one in bundled["features"] if one["properties"]["catalog_id"] == first]
    for one in features:
        one["properties"] |= {"catalog_id": f"104001{number:08X}00", "datetime": f"{day}T18:00:00Z"}
    return {"type": "FeatureCollection", "features": features}


class Scene:
    """What is done to a cluster, and waited for."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def publish(self, number: int, day: str) -> None:
        answer = requests.post(f"{self.cluster.sandbox_url}/sandbox/catalog", json=imagery(number, day), timeout=60)
        answer.raise_for_status()

    def wait_for_looks(self) -> None:
        """Return when the watch has looked two more times: what the first has seen is written down by the second."""
        seen = self._looks()
        self.wait(lambda: len(self._looks() - seen) >= 2, "the watch looks two more times")

    def wait_for_runs(self, number: int) -> None:
        self.wait(lambda: len(self.runs()) >= number and self._are_over(), f"{number} runs are over")

    def runs(self) -> list[dict[str, Any]]:
        return list(self.cluster.airflow.api.get("/dags/watched/dagRuns")["dag_runs"])

    def orders(self) -> list[dict[str, Any]]:
        return list(requests.get(f"{self.cluster.sandbox_url}/sandbox/orders", timeout=60).json()["orders"])

    def _are_over(self) -> bool:
        return all(run["state"] in {"success", "failed"} for run in self.runs())

    def _looks(self) -> set[str]:
        records = requests.get(f"{self.cluster.sandbox_url}/sandbox/requests", timeout=60).json()["requests"]
        return {one["time"] for one in records if one["endpoint"] == "POST /metadata/cells/acquisitions"}

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        self.cluster.airflow.wait_until(holds, within=SOON, what=f"{what}\n{self.cluster.log_tails()}")


def test_each_new_acquisition_is_ordered_once_whatever_is_killed(cluster: Cluster) -> None:
    scene = Scene(cluster)
    scene.wait_for_looks()
    scene.publish(1, "2026-10-20")
    scene.wait_for_runs(1)

    assert cluster.kill_triggerer()
    # Late, and older than what has been seen.
    scene.publish(2, "2026-10-01")
    scene.wait_for_runs(2)

    if FULL:
        scene.wait_for_looks()
        assert cluster.kill_triggerer()
    scene.publish(3, "2026-10-21")
    scene.wait_for_runs(3)
    assert [run["state"] for run in scene.runs()] == ["success"] * 3

    # Killed within a moment of firing: whether the event has arrived is not known to the next triggerer.
    scene.wait_for_looks()
    scene.publish(4, "2026-10-22")
    scene.wait(lambda: len(scene.runs()) == 4, "the fourth run has begun")
    assert cluster.kill_triggerer()
    scene.wait_for_looks()
    scene.wait_for_looks()
    scene.wait_for_runs(4)
    assert {run["state"] for run in scene.runs()} <= {"success", "skipped"}

    ordered = [order["order"]["acquisitions"] for order in scene.orders()]
    assert sorted(one["id"] for (one,) in ordered) == [f"104001{number:08X}00" for number in (1, 2, 3, 4)]
    assert all(one["cells"] for (one,) in ordered)
