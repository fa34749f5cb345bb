"""The example DAGs that anybody can start, by `dag.test()`, against real servers of all three clouds.

Those that need a scheduler are in `test_examples_scheduled.py`, the quickstart in `test_dag_test.py`.
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

HERE = Path(__file__).parent
RAN_WITHIN = 400
IS_3_0 = version("apache-airflow").startswith("3.0.")
# What the examples that order to one cloud order, for comparison, and what nobody has.
KNOWN = {"acquisitions": ["10400100E82CCE00"], "bbox": [-105.10, 40.13, -105.03, 40.19]}
UNKNOWN = {"acquisitions": ["10300100FFFFFF00"]}
IS_2 = version("apache-airflow").startswith("2.")
RUNS: dict[str, dict[str, Any]] = {
    "ard_price_report": {"candidates": [KNOWN, UNKNOWN, {"acquisitions": ["10500100C09E8B00"]}]},
    "ard_to_gcs": {},
    "ard_to_azure": {},
    "ard_many_aois": {},
    "ard_daily_monitor": {},
    # `dag.test()` of Airflow 3.0 knows no assets.
    **({} if IS_3_0 else {"ard_deliver": {}}),
    # Nobody has started these by an event, so there is nothing to ingest.
    "ard_ingest_delivered": {},
    **({} if IS_2 or IS_3_0 else {"ard_new_imagery": {}}),
}
# One acquisition for each of the days that a run by hand may look at.
TAKEN = {
    f"10400100000C{day:02d}00": ((datetime.now(UTC) - timedelta(days=day)).strftime("%Y-%m-%dT12:00:00Z"), 0)
    for day in range(2, 8)
}

pytestmark = pytest.mark.timeout(RAN_WITHIN + 400)


@dataclass(frozen=True)
class Ran:
    """What there is after all of them have run."""

    clouds: Clouds
    ard: Sandbox
    home: Path
    sas: str
    output: str
    outcomes: dict[str, dict[str, Any]]

    def states(self, dag_id: str, task_id: str) -> list[str]:
        """Return the states of a task's instances, by map index."""
        tasks = self.outcomes[dag_id]["tasks"]
        return [tasks[name] for name in sorted(tasks) if name.startswith(f"{task_id}[")]

    def orders(self, dag_id: str) -> list[Order]:
        return [order for order in self.ard.orders if order.request["metadata"]["airflow_dag_id"] == dag_id]

    def items(self, platform: str, prefix: str) -> list[str]:
        """Return the paths of the STAC items of the tiles below a prefix."""
        return [path for path in self.clouds.files(platform).find(f"ard-demo/{prefix}") if ITEM.search(path)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
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
        ard.publish(imagery(TAKEN))
        sas = clouds.sas()
        ended = subprocess.run(
            [sys.executable, str(HERE / "dag_test_examples.py"), str(REPOSITORY / "dags_examples"), json.dumps(RUNS)],
            env=environment(home, clouds, ard, sas),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=RAN_WITHIN,
            check=False,
        )
        output = ended.stdout + ended.stderr
        assert ended.returncode == 0, output[-8000:]
        told = json.loads(ended.stdout.splitlines()[-1])
        assert told["import_errors"] == {}
        yield Ran(clouds, ard, home, sas, output, told["outcomes"])


def environment(home: Path, clouds: Clouds, ard: Sandbox, sas: str) -> dict[str, str]:
    """Return an environment with the Connections that the examples name."""
    stored = {"extra": {"credentials_ids": {"gs://ard-demo": "ard-writer"}}}
    given = clouds.connections
    return clean_environment() | {
        **given,
        "PYTHONPATH": str(HERE / "impatience"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags_examples"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # `dag.test()` of Airflow 3.2 makes none of its own.
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW_CONN_ARD_DEFAULT": json.dumps(json.loads(ard.connection_json) | stored),
        "AIRFLOW_CONN_ARD_WRITER": json.dumps({"conn_type": "generic", "password": sas}),
        "AIRFLOW_CONN_AWS_DEFAULT": given["AIRFLOW_CONN_CLOUDS_S3"],
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": given["AIRFLOW_CONN_CLOUDS_GCS"],
        "AIRFLOW_CONN_WASB_DEFAULT": given["AIRFLOW_CONN_CLOUDS_AZURE"],
    }


@pytest.mark.parametrize(("dag_id", "platform"), [("ard_to_gcs", "gcs"), ("ard_to_azure", "azure")])
def test_an_example_orders_to_its_cloud_and_ingests_every_tile(ran: Ran, dag_id: str, platform: str) -> None:
    assert ran.outcomes[dag_id]["state"] == "success"
    assert set(ran.outcomes[dag_id]["tasks"].values()) == {"success"}
    [order] = ran.orders(dag_id)
    tiles = ran.items(platform, "delivered")
    assert len(tiles) == len(order.tiles) >= 4
    assert ran.states(dag_id, "ingest") == ["success"] * len(tiles)


def test_gcs_is_written_to_by_credentials_that_the_connection_names(ran: Ran) -> None:
    [order] = ran.orders("ard_to_gcs")
    assert order.request["output_config"] == {
        "google_cloud_storage": {"bucket": "ard-demo", "prefix": "delivered", "credentials_id": "ard-writer"}
    }


def test_the_sas_url_for_azure_is_left_nowhere(ran: Ran) -> None:
    [signature] = parse_qs(urlsplit(ran.sas).query)["sig"]
    files = [path for path in ran.home.rglob("*") if path.is_file()]
    assert any(path.name == "airflow.db" for path in files)
    # In the process of a `dag.test()`, Airflow 3.0 itself logs at debug what it is asked to mask.
    output = "\n".join(line for line in ran.output.splitlines() if "MaskSecret(" not in line or not IS_3_0)
    for secret in {signature, quote(signature, safe="")}:
        assert secret not in output
        assert [path.name for path in files if secret.encode() in path.read_bytes()] == []


def test_each_area_has_an_order_of_its_own_and_one_without_imagery_is_skipped_alone(ran: Ran) -> None:
    assert ran.outcomes["ard_many_aois"]["state"] == "success"
    for task_id in ("select", "order", "wait", "list_tiles", "ingest"):
        assert ran.states("ard_many_aois", f"aoi.{task_id}") == ["success", "success", "skipped"], task_id
    assert sorted(order.request["output_config"]["prefix"] for order in ran.orders("ard_many_aois")) == [
        "aois/longmont",
        "aois/mendoza",
    ]
    for order in ran.orders("ard_many_aois"):
        assert len(ran.items("s3", order.request["output_config"]["prefix"])) == len(order.tiles) > 0


def test_the_price_report_tells_what_an_order_would_cost(ran: Ran) -> None:
    assert ran.outcomes["ard_price_report"]["state"] == "success"
    assert ran.states("ard_price_report", "price") == ["success", "failed", "success"]
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in ran.outcomes["ard_price_report"]["report"].splitlines()[2:]
    ]
    [order] = ran.orders("ard_to_gcs")
    area, cost = order.usage["area"]["total_imagery_sqkm"], order.usage["cost"]["total_imagery_cost"]
    assert rows[0] == ["10400100E82CCE00", str(KNOWN["bbox"]), str(area), str(cost)]
    assert rows[1] == ["10300100FFFFFF00", "whole", "refused", ""]
    assert float(rows[2][2]) > float(rows[0][2]) > 0


def test_the_price_report_buys_nothing(ran: Ran) -> None:
    # It runs first: before the first order there are its dry runs alone.
    asked = [record.dry_run for record in ran.ard.requests if record.endpoint == "POST /order"]
    assert asked[:4] == [True, True, True, False]
    assert ran.orders("ard_price_report") == []
    assert len(ran.ard.orders) == len(ran.ard.submissions) == 5 + ("ard_deliver" in RUNS)


def test_a_run_of_the_monitor_by_hand_orders_and_ingests_what_was_taken_on_its_day(ran: Ran) -> None:
    assert ran.outcomes["ard_daily_monitor"]["state"] == "success"
    [order] = ran.orders("ard_daily_monitor")
    [acquisition] = order.request["acquisitions"]
    assert acquisition["id"] in TAKEN
    assert ran.states("ard_daily_monitor", "ingest") == ["success"] * len(ran.items("s3", "monitor")) != []


@pytest.mark.skipif(IS_3_0, reason="`dag.test()` of Airflow 3.0 knows no assets")
def test_what_an_asset_stands_for_is_delivered(ran: Ran) -> None:
    assert set(ran.outcomes["ard_deliver"]["tasks"].values()) == {"success"}
    [order] = ran.orders("ard_deliver")
    assert len(ran.items("s3", "shared")) == len(order.tiles) > 0


@pytest.mark.parametrize("dag_id", sorted(RUNS.keys() & {"ard_ingest_delivered", "ard_new_imagery"}))
def test_a_run_that_no_event_has_started_orders_and_ingests_nothing(ran: Ran, dag_id: str) -> None:
    assert ran.outcomes[dag_id]["state"] == "success"
    assert ran.outcomes[dag_id]["tasks"]["ingest[-1]"] == "skipped"
    assert ran.orders(dag_id) == []
