"""Run the example DAGs that need no scheduler with `dag.test()` against local servers of all three clouds.

`test_examples_scheduled.py` tests the examples that need a scheduler, `test_dag_test.py` the quickstart.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from demo.runner import ITEM
from demo.standalone import REPOSITORY, clean_environment
from tests.integration.clouds import KEY_FILE, Clouds, three_clouds
from tests.integration.published import imagery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox
    from airflow_provider_ard.sandbox.backend.orders import Order

FOLDER = Path(__file__).parent
RUN_LIMIT_S = 400
IS_3_0 = version("apache-airflow").startswith("3.0.")
# The order of the single-cloud examples, for comparison, and an acquisition that does not exist.
EXISTING = {"acquisitions": ["10400100E82CCE00"], "bbox": [-105.10, 40.13, -105.03, 40.19]}
NONEXISTENT = {"acquisitions": ["10300100FFFFFF00"]}
IS_2 = version("apache-airflow").startswith("2.")
RUNS: dict[str, dict[str, Any]] = {
    "ard_price_report": {"candidates": [EXISTING, NONEXISTENT, {"acquisitions": ["10500100C09E8B00"]}]},
    "ard_to_gcs": {},
    "ard_to_azure": {},
    "ard_many_aois": {},
    "ard_monthly_budget": {},
    "ard_daily_monitor": {},
    # `dag.test()` of Airflow 3.0 does not support assets.
    **({} if IS_3_0 else {"ard_deliver": {}}),
    # Started without an asset event, so there is nothing to ingest.
    "ard_ingest_delivered": {},
    **({} if IS_2 or IS_3_0 else {"ard_new_imagery": {}}),
}
# One acquisition for each day that a manual run may search.
NEW_ACQUISITIONS = {
    f"10400100000C{day:02d}00": ((datetime.now(UTC) - timedelta(days=day)).strftime("%Y-%m-%dT12:00:00Z"), 0)
    for day in range(2, 8)
}

pytestmark = pytest.mark.timeout(RUN_LIMIT_S + 400)


@dataclass(frozen=True)
class ExampleRuns:
    """Servers, files and outcomes after all examples have run."""

    clouds: Clouds
    ard: Sandbox
    home: Path
    sas: str
    output: str
    outcomes: dict[str, dict[str, Any]]

    def states(self, dag_id: str, task_id: str) -> list[str]:
        """Return the states of a task's instances in the order of map indexes."""
        tasks = self.outcomes[dag_id]["tasks"]
        return [tasks[name] for name in sorted(tasks) if name.startswith(f"{task_id}[")]

    def orders(self, dag_id: str) -> list[Order]:
        return [order for order in self.ard.orders if order.request["metadata"]["airflow_dag_id"] == dag_id]

    def items(self, platform: str, prefix: str) -> list[str]:
        """Return the paths of the STAC items below a prefix."""
        return [path for path in self.clouds.files(platform).find(f"ard-demo/{prefix}") if ITEM.search(path)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleRuns]:
    from airflow_provider_ard.sandbox import Sandbox

    home = tmp_path_factory.mktemp("examples")
    with (
        three_clouds() as clouds,
        Sandbox(
            order_duration="1s",
            storage="cloud",
            s3_endpoint=clouds.s3,
            s3_key="k",
            s3_secret="s",
            gcs_endpoint=clouds.gcs,
            azure_endpoint=clouds.azure,
            pixels=64,
        ) as ard,
    ):
        clouds.make_bucket("ard-demo")
        ard.store_credentials("ard-writer", KEY_FILE)
        ard.publish(imagery(NEW_ACQUISITIONS))
        sas = clouds.sas()
        process = subprocess.run(
            [sys.executable, str(FOLDER / "dag_test_examples.py"), str(REPOSITORY / "dags_examples"), json.dumps(RUNS)],
            env=environment(home, clouds, ard, sas),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_S,
            check=False,
        )
        output = process.stdout + process.stderr
        assert process.returncode == 0, output[-8000:]
        report = json.loads(process.stdout.splitlines()[-1])
        assert report["import_errors"] == {}
        yield ExampleRuns(clouds, ard, home, sas, output, report["outcomes"])


def environment(home: Path, clouds: Clouds, ard: Sandbox, sas: str) -> dict[str, str]:
    """Return an environment with the Connections that the examples use."""
    extra = {"extra": {"credentials_ids": {"gs://ard-demo": "ard-writer"}}}
    connections = clouds.connections
    return clean_environment() | {
        **connections,
        "PYTHONPATH": str(FOLDER / "fast_polling_policy"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags_examples"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # `dag.test()` of Airflow 3.2 does not generate one.
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW_CONN_ARD_DEFAULT": json.dumps(json.loads(ard.connection_json) | extra),
        "AIRFLOW_CONN_ARD_WRITER": json.dumps({"conn_type": "generic", "password": sas}),
        "AIRFLOW_CONN_AWS_DEFAULT": connections["AIRFLOW_CONN_CLOUDS_S3"],
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": connections["AIRFLOW_CONN_CLOUDS_GCS"],
        "AIRFLOW_CONN_WASB_DEFAULT": connections["AIRFLOW_CONN_CLOUDS_AZURE"],
    }


@pytest.mark.parametrize(("dag_id", "platform"), [("ard_to_gcs", "gcs"), ("ard_to_azure", "azure")])
def test_example_orders_to_its_cloud_and_ingests_every_tile(runs: ExampleRuns, dag_id: str, platform: str) -> None:
    assert runs.outcomes[dag_id]["state"] == "success"
    assert set(runs.outcomes[dag_id]["tasks"].values()) == {"success"}
    [order] = runs.orders(dag_id)
    tiles = runs.items(platform, "delivered")
    assert len(tiles) == len(order.tiles) >= 4
    assert runs.states(dag_id, "ingest") == ["success"] * len(tiles)


def test_gcs_order_uses_credentials_id_of_the_connection(runs: ExampleRuns) -> None:
    [order] = runs.orders("ard_to_gcs")
    assert order.request["output_config"] == {
        "google_cloud_storage": {"bucket": "ard-demo", "prefix": "delivered", "credentials_id": "ard-writer"}
    }


def test_sas_url_does_not_leak(runs: ExampleRuns) -> None:
    [signature] = parse_qs(urlsplit(runs.sas).query)["sig"]
    files = [path for path in runs.home.rglob("*") if path.is_file()]
    assert any(path.name == "airflow.db" for path in files)
    # In a `dag.test()` process, Airflow 3.0 itself logs the secrets to mask at debug level.
    output = "\n".join(line for line in runs.output.splitlines() if "MaskSecret(" not in line or not IS_3_0)
    for secret in {signature, quote(signature, safe="")}:
        assert secret not in output
        assert [path.name for path in files if secret.encode() in path.read_bytes()] == []


def test_each_aoi_is_ordered_unless_it_has_no_imagery(runs: ExampleRuns) -> None:
    assert runs.outcomes["ard_many_aois"]["state"] == "success"
    for task_id in ("select", "order", "wait", "list_tiles", "ingest"):
        assert runs.states("ard_many_aois", f"aoi.{task_id}") == ["success", "success", "skipped"], task_id
    assert sorted(order.request["output_config"]["prefix"] for order in runs.orders("ard_many_aois")) == [
        "aois/longmont",
        "aois/mendoza",
    ]
    for order in runs.orders("ard_many_aois"):
        assert len(runs.items("s3", order.request["output_config"]["prefix"])) == len(order.tiles) > 0


def test_monthly_budget_skips_what_exceeds_it(runs: ExampleRuns) -> None:
    # `dag.test()` runs mapped task instances in any sequence.
    assert runs.outcomes["ard_monthly_budget"]["state"] == "success"
    assert sorted(runs.states("ard_monthly_budget", "order")) == ["skipped", "success", "success"]
    costs = [order.usage["cost"]["total_imagery_cost"] for order in runs.orders("ard_monthly_budget")]
    assert len(costs) == 2
    assert sum(costs) <= 1000
    report = runs.outcomes["ard_monthly_budget"]["report"].splitlines()
    assert [line.endswith("skipped") for line in report].count(True) == 1


def test_price_report_matches_cost_of_an_order(runs: ExampleRuns) -> None:
    assert runs.outcomes["ard_price_report"]["state"] == "success"
    assert runs.states("ard_price_report", "price") == ["success", "failed", "success"]
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in runs.outcomes["ard_price_report"]["report"].splitlines()[2:]
    ]
    [order] = runs.orders("ard_to_gcs")
    area, cost = order.usage["area"]["total_imagery_sqkm"], order.usage["cost"]["total_imagery_cost"]
    assert rows[0] == ["10400100E82CCE00", str(EXISTING["bbox"]), str(area), str(cost)]
    assert rows[1] == ["10300100FFFFFF00", "whole", "refused", ""]
    assert float(rows[2][2]) > float(rows[0][2]) > 0


def test_price_report_places_no_order(runs: ExampleRuns) -> None:
    # The report runs first, so its dry runs precede the first order.
    dry_runs = [record.dry_run for record in runs.ard.requests if record.endpoint == "POST /order"]
    assert dry_runs[:4] == [True, True, True, False]
    assert runs.orders("ard_price_report") == []
    assert len(runs.ard.orders) == len(runs.ard.submissions) == 7 + ("ard_deliver" in RUNS)


def test_manual_run_of_monitor_ingests_its_day(runs: ExampleRuns) -> None:
    assert runs.outcomes["ard_daily_monitor"]["state"] == "success"
    [order] = runs.orders("ard_daily_monitor")
    [acquisition] = order.request["acquisitions"]
    assert acquisition["id"] in NEW_ACQUISITIONS
    assert runs.states("ard_daily_monitor", "ingest") == ["success"] * len(runs.items("s3", "monitor")) != []


@pytest.mark.skipif(IS_3_0, reason="`dag.test()` of Airflow 3.0 does not support assets")
def test_order_is_delivered_to_the_location_of_the_asset(runs: ExampleRuns) -> None:
    assert set(runs.outcomes["ard_deliver"]["tasks"].values()) == {"success"}
    [order] = runs.orders("ard_deliver")
    assert len(runs.items("s3", "shared")) == len(order.tiles) > 0


@pytest.mark.parametrize("dag_id", sorted(RUNS.keys() & {"ard_ingest_delivered", "ard_new_imagery"}))
def test_run_without_asset_event_orders_and_ingests_nothing(runs: ExampleRuns, dag_id: str) -> None:
    assert runs.outcomes[dag_id]["state"] == "success"
    assert runs.outcomes[dag_id]["tasks"]["ingest[-1]"] == "skipped"
    assert runs.orders(dag_id) == []
