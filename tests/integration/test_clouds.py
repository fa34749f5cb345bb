"""Listing and reading what was delivered, through Airflow's Connections, on real servers of the three clouds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

DAGS = Path(__file__).with_name("clouds_dag")
CLOUDS = {"s3": "s3://tiles/listed", "gcs": "gs://tiles/listed", "azure": "az://tiles/listed"}
RAN_WITHIN = 240


def run(folder: str) -> None:
    """Run the DAGs by `dag.test()` in this process; the last line is what came of them."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.asset import AssetEvent
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    initdb()
    bag = DagBag(folder)
    assert bag.import_errors == {}, bag.import_errors
    outcome: dict[str, Any] = {}
    for name in CLOUDS:
        ended = bag.dags[f"from_{name}"].test()
        tasks = ended.get_task_instances()
        ingested = [ti.xcom_pull(task_ids="ingest", map_indexes=ti.map_index) for ti in tasks if ti.task_id == "ingest"]
        (order_id,) = {ti.xcom_pull(task_ids="order") for ti in tasks if ti.task_id == "order"}
        outcome[name] = {"state": ended.state, "ingested": ingested, "order_id": str(order_id)}
    with create_session() as session:
        events = [[event.asset.uri, event.extra] for event in session.query(AssetEvent)]
    sys.stdout.write("\n" + json.dumps({"runs": outcome, "events": events}) + "\n")


if __name__ == "__main__":
    run(*sys.argv[1:])
    sys.exit()


import pytest  # noqa: E402

from demo.standalone import clean_environment  # noqa: E402
from tests.integration.clouds import KEY_FILE, three_clouds  # noqa: E402

pytestmark = pytest.mark.timeout(RAN_WITHIN + 60)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What came of the DAGs."""
    from airflow_provider_ard.sandbox import Sandbox

    home = tmp_path_factory.mktemp("airflow")
    with (
        three_clouds() as clouds,
        Sandbox(
            order_duration=0,
            storage="cloud",
            s3_endpoint=clouds.s3,
            s3_key="k",
            s3_secret="s",
            gcs_endpoint=clouds.gcs,
            azure_endpoint=clouds.azure,
            pixels=64,
        ) as ard,
    ):
        ard.store_credentials("google", KEY_FILE)
        ard.store_credentials("azure", clouds.sas())
        connection = json.loads(ard.connection_json)
        extra = connection.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
        connection["extra"] = {**extra, "credentials_ids": {"gs://": "google", "az://": "azure"}}
        env = clean_environment() | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_ARD_DEFAULT": json.dumps(connection),
            **clouds.connections,
        }
        ended = subprocess.run(
            [sys.executable, __file__, str(DAGS)],
            env=env, cwd=home, capture_output=True, text=True, timeout=RAN_WITHIN, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, (ended.stdout + ended.stderr)[-8000:]
        yield json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_tile_is_listed_and_its_image_read_by_the_uri_as_it_came(ran, cloud):
    run = ran["runs"][cloud]
    assert run["state"] == "success"
    assert len(run["ingested"]) == 2
    for item_uri, brightest in run["ingested"]:
        assert item_uri.startswith(f"{CLOUDS[cloud]}/13/")
        assert brightest > 0


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_assets_event_tells_order_collection_and_number_of_tiles(ran, cloud):
    (extra,) = [extra for uri, extra in ran["events"] if uri == CLOUDS[cloud]]
    order_id = ran["runs"][cloud]["order_id"]
    assert extra == {
        "order_id": order_id,
        "output_uri": CLOUDS[cloud],
        "collection_uri": f"{CLOUDS[cloud]}/order_collections/{order_id}_root_collection.json",
        "tiles": 2,
    }
