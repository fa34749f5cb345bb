"""List and read delivered tiles through Airflow Connections on local servers of the three clouds."""

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
RUN_LIMIT_S = 240


def run(folder: str) -> None:
    """Run the DAGs with `dag.test()` in this process and print their outcome as JSON in the last line."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.asset import AssetEvent
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    initdb()
    bag = DagBag(folder)
    assert bag.import_errors == {}, bag.import_errors
    outcomes: dict[str, Any] = {}
    for name in CLOUDS:
        dag_run = bag.dags[f"from_{name}"].test()
        tasks = dag_run.get_task_instances()
        ingested = [ti.xcom_pull(task_ids="ingest", map_indexes=ti.map_index) for ti in tasks if ti.task_id == "ingest"]
        (order_id,) = {ti.xcom_pull(task_ids="order") for ti in tasks if ti.task_id == "order"}
        outcomes[name] = {"state": dag_run.state, "ingested": ingested, "order_id": str(order_id)}
    with create_session() as session:
        events = [[event.asset.uri, event.extra] for event in session.query(AssetEvent)]
    sys.stdout.write("\n" + json.dumps({"runs": outcomes, "events": events}) + "\n")


if __name__ == "__main__":
    run(*sys.argv[1:])
    sys.exit()


import pytest  # noqa: E402

from demo.standalone import clean_environment  # noqa: E402
from tests.integration.clouds import KEY_FILE, three_clouds  # noqa: E402

pytestmark = pytest.mark.timeout(RUN_LIMIT_S + 60)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run the DAGs and return their outcomes and asset events."""
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
        process = subprocess.run(
            [sys.executable, __file__, str(DAGS)],
            env=env, cwd=home, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False,
        )  # fmt: skip
        assert process.returncode == 0, (process.stdout + process.stderr)[-8000:]
        yield json.loads(process.stdout.splitlines()[-1])


@pytest.mark.parametrize("cloud", CLOUDS)
def test_listed_uris_open_without_changes(results, cloud):
    run = results["runs"][cloud]
    assert run["state"] == "success"
    assert len(run["ingested"]) == 2
    for item_uri, brightest in run["ingested"]:
        assert item_uri.startswith(f"{CLOUDS[cloud]}/13/")
        assert brightest > 0


@pytest.mark.parametrize("cloud", CLOUDS)
def test_asset_event_contains_order_collection_and_tile_count(results, cloud):
    (extra,) = [extra for uri, extra in results["events"] if uri == CLOUDS[cloud]]
    order_id = results["runs"][cloud]["order_id"]
    assert extra == {
        "order_id": order_id,
        "output_uri": CLOUDS[cloud],
        "collection_uri": f"{CLOUDS[cloud]}/order_collections/{order_id}_root_collection.json",
        "tiles": 2,
    }
