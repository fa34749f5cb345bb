"""An asset watcher orders each new acquisition once, although the triggerer is killed between and during polls."""

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

# Time limit for one step, generous for slow machines.
STEP_LIMIT_S = 240
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
    """Return the tiles of a new acquisition, copied from the bundled catalog with another ID and date."""
    bundled = json.loads(
        resources.files("airflow_provider_ard.sandbox.backend").joinpath("catalog.geojson").read_text()
    )
    tiles = bundled["features"]
    original = next(tile["properties"]["catalog_id"] for tile in tiles if tile["properties"]["utm_zone"] == 13)
    features = [tile for tile in tiles if tile["properties"]["catalog_id"] == original]
    for tile in features:
        tile["properties"] |= {"catalog_id": f"104001{number:08X}00", "datetime": f"{day}T18:00:00Z"}
    return {"type": "FeatureCollection", "features": features}


class WatchedCluster:
    """Publishes imagery to a cluster's sandbox and waits for polls and runs."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def publish(self, number: int, day: str) -> None:
        response = requests.post(f"{self.cluster.sandbox_url}/sandbox/catalog", json=imagery(number, day), timeout=60)
        response.raise_for_status()

    def wait_for_polls(self) -> None:
        """Wait for two more polls, because the state of one poll is saved by the next."""
        earlier_polls = self._polls()
        self.wait(lambda: len(self._polls() - earlier_polls) >= 2, "the watcher has polled two more times")

    def wait_for_runs(self, number: int) -> None:
        self.wait(lambda: len(self.runs()) >= number and self._have_ended(), f"{number} runs have ended")

    def runs(self) -> list[dict[str, Any]]:
        return list(self.cluster.airflow.api.get("/dags/watched/dagRuns")["dag_runs"])

    def orders(self) -> list[dict[str, Any]]:
        return list(requests.get(f"{self.cluster.sandbox_url}/sandbox/orders", timeout=60).json()["orders"])

    def _have_ended(self) -> bool:
        return all(run["state"] in {"success", "failed"} for run in self.runs())

    def _polls(self) -> set[str]:
        records = requests.get(f"{self.cluster.sandbox_url}/sandbox/requests", timeout=60).json()["requests"]
        return {record["time"] for record in records if record["endpoint"] == "POST /metadata/cells/acquisitions"}

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        self.cluster.airflow.wait_until(condition, within=STEP_LIMIT_S, what=f"{what}\n{self.cluster.log_tails()}")


def test_each_new_acquisition_is_ordered_once_despite_kills(cluster: Cluster) -> None:
    watched = WatchedCluster(cluster)
    watched.wait_for_polls()
    watched.publish(1, "2026-10-20")
    watched.wait_for_runs(1)

    assert cluster.kill_triggerer()
    # Published late, with an older date than acquisitions already seen.
    watched.publish(2, "2026-10-01")
    watched.wait_for_runs(2)

    if FULL:
        watched.wait_for_polls()
        assert cluster.kill_triggerer()
    watched.publish(3, "2026-10-21")
    watched.wait_for_runs(3)
    assert [run["state"] for run in watched.runs()] == ["success"] * 3

    # Killed right after firing, so the next triggerer does not know whether the event has arrived.
    watched.wait_for_polls()
    watched.publish(4, "2026-10-22")
    watched.wait(lambda: len(watched.runs()) == 4, "the fourth run has started")
    assert cluster.kill_triggerer()
    watched.wait_for_polls()
    watched.wait_for_polls()
    watched.wait_for_runs(4)
    assert {run["state"] for run in watched.runs()} <= {"success", "skipped"}

    ordered = [order["order"]["acquisitions"] for order in watched.orders()]
    assert sorted(acquisition["id"] for (acquisition,) in ordered) == [
        f"104001{number:08X}00" for number in (1, 2, 3, 4)
    ]
    assert all(acquisition["cells"] for (acquisition,) in ordered)
