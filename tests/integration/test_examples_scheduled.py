"""Run the example DAGs that need a scheduler in one real Airflow: a backfill, an asset consumer and a watcher."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from packaging.version import Version

from demo.runner import ITEM
from demo.standalone import REPOSITORY, StandaloneAirflow
from tests.integration.published import imagery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox
    from demo.storage import S3Server

pytestmark = [pytest.mark.standalone, pytest.mark.timeout(900)]

# Time limit for one step, generous for slow machines.
STEP_LIMIT_S = 420
FILES = ("ard_daily_monitor", "ard_asset_driven", "ard_new_imagery")
# Retry policies are new in Airflow 3.3.
HAS_ALERTS = Version(version("apache-airflow")) >= Version("3.3")
ALERTS = "ard_alerts"
MONITOR, PRODUCER, CONSUMER, WATCHED = "ard_daily_monitor", "ard_deliver", "ard_ingest_delivered", "ard_new_imagery"
# Each run searches the day three days before its own. ID -> (acquired at, cloud cover in %, day of the run that orders it).
ACQUISITIONS = {
    "10400100000A0100": ("2025-12-31T23:59:59Z", 0, None),
    "10400100000A0200": ("2026-01-01T18:00:00Z", 0, "2026-01-04"),
    "10400100000A0300": ("2026-01-02T00:00:00Z", 0, "2026-01-05"),
    "10400100000A0400": ("2026-01-02T18:05:00Z", 20, "2026-01-05"),
    "10400100000A0500": ("2026-01-04T12:00:00Z", 90, None),
    "10400100000A0600": ("2026-01-04T23:59:59Z", 0, "2026-01-07"),
    "10400100000A0700": ("2026-01-05T00:00:00Z", 0, "2026-01-08"),
    "10400100000A0800": ("2026-01-06T00:00:00Z", 0, None),
}
EXPECTED_ORDERS = {acquisition_id: day for acquisition_id, (_, _, day) in ACQUISITIONS.items() if day}
NEW_ACQUISITION = "10400100000B0100"


@dataclass(frozen=True)
class Stack:
    """The running services, after the DAGs have run."""

    airflow: StandaloneAirflow
    ard: Sandbox
    s3: S3Server
    late_runs: Path

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return list(self.airflow.api.get(f"/dags/{dag_id}/dagRuns", order_by="logical_date")["dag_runs"])

    def backfilled(self) -> dict[str, dict[str, Any]]:
        """Return the monitor's backfilled runs by day."""
        return {run["logical_date"][:10]: run for run in self.runs(MONITOR) if run["run_type"] == "backfill"}

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        tasks = self.airflow.api.tasks(dag_id, run_id)
        return {f"{task['task_id']}[{task['map_index']}]": task["state"] for task in tasks}

    def ordered(self, dag_id: str) -> list[tuple[str, str]]:
        """Return run ID and acquisition ID of all orders of a DAG."""
        bodies = [order.request for order in self.ard.orders]
        return [
            (body["metadata"]["airflow_run_id"], acquisition["id"])
            for body in bodies
            if body["metadata"]["airflow_dag_id"] == dag_id
            for acquisition in body["acquisitions"]
        ]

    def wait_for_runs(self, dag_id: str, number: int, **fields: str) -> None:
        """Wait until `number` runs with these field values have succeeded; fail if one of them fails."""

        def have_succeeded() -> bool:
            runs = [run for run in self.runs(dag_id) if fields.items() <= run.items()]
            assert not [run for run in runs if run["state"] == "failed"], self.log_of(dag_id, runs)
            return len([run for run in runs if run["state"] == "success"]) >= number

        self.airflow.wait_until(have_succeeded, within=STEP_LIMIT_S, what=f"{number} runs of {dag_id}")

    def log_of(self, dag_id: str, runs: list[dict[str, Any]]) -> str:
        """Return the logs of the failed tasks."""
        api = self.airflow.api
        return "\n".join(
            api.task_log(dag_id, run["dag_run_id"], task)
            for run in runs
            for task in api.tasks(dag_id, run["dag_run_id"])
            if task["state"] == "failed"
        )

    def polls(self) -> int:
        """Return how often the watcher has polled."""
        return sum(record.endpoint == "POST /metadata/cells/acquisitions" for record in self.ard.requests)


@pytest.fixture(scope="module")
def stack(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    from airflow_provider_ard.sandbox import Sandbox

    folder = tmp_path_factory.mktemp("scheduled")
    (folder / "dags").mkdir()
    for name in (*FILES, ALERTS):
        shutil.copy(REPOSITORY / "dags_examples" / f"{name}.py", folder / "dags")
    with Sandbox(order_duration="3s", select_duration="1s", storage="s3", s3_endpoint=s3.url, pixels=64) as ard:
        ard.publish(imagery({acquisition_id: fields[:2] for acquisition_id, fields in ACQUISITIONS.items()}))
        env = {
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "AIRFLOW_CONN_AWS_DEFAULT": s3.connection_json,
            "LATE_RUNS": str(folder / "late_runs"),
            "PYTHONPATH": str(Path(__file__).with_name("fast_polling_policy")),
            # A watcher starts when its DAG file is parsed after the DAG was unpaused.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        }
        with StandaloneAirflow(folder / "airflow", folder / "dags", env=env) as airflow:
            for dag_id in (MONITOR, PRODUCER, CONSUMER, WATCHED, *([ALERTS] if HAS_ALERTS else [])):
                airflow.wait_for_dag(dag_id)
            stack = Stack(airflow, ard, s3, folder / "late_runs")
            run_all(stack)
            yield stack


def run_all(stack: Stack) -> None:
    """Run all DAGs concurrently."""
    api = stack.airflow.api
    # Created first, because on SQLite creating a backfill fails while others write.
    stack.airflow.wait_until(lambda: create_backfill(stack), within=STEP_LIMIT_S, what="the backfill is created")
    for dag_id in (WATCHED, MONITOR):
        api.patch(f"/dags/{dag_id}", {"is_paused": False})
    api.trigger(PRODUCER)
    if HAS_ALERTS:
        api.trigger(ALERTS)
    # Imagery seen by the first poll does not count as new.
    stack.airflow.wait_until(lambda: stack.polls() >= 2, within=STEP_LIMIT_S, what="the watcher has polled twice")
    stack.ard.publish(imagery({NEW_ACQUISITION: (datetime.now(UTC).isoformat(timespec="seconds"), 0)}))
    stack.wait_for_runs(MONITOR, 5, run_type="backfill")
    stack.wait_for_runs(CONSUMER, 1)
    stack.wait_for_runs(WATCHED, 1)


def create_backfill(stack: Stack) -> bool:
    """Create the backfill of five days; return False if the database was locked and nothing was created."""
    days = {"from_date": "2026-01-04T00:00:00Z", "to_date": "2026-01-08T00:00:00Z"}
    try:
        stack.airflow.api.post("/backfills", {"dag_id": MONITOR, "max_active_runs": 5} | days)
    except requests.HTTPError as error:
        if error.response.status_code != 503:
            raise
        return False
    return True


def test_backfill_orders_each_clear_acquisition_once(stack: Stack) -> None:
    days = {run["dag_run_id"]: day for day, run in stack.backfilled().items()}
    assert sorted(days.values()) == [f"2026-01-0{day}" for day in range(4, 9)]
    ordered = sorted((acquisition_id, days.get(run_id)) for run_id, acquisition_id in stack.ordered(MONITOR))
    assert ordered == sorted(EXPECTED_ORDERS.items())


def test_one_order_per_day(stack: Stack) -> None:
    orders = defaultdict(set)
    for order in stack.ard.orders:
        orders[order.request["metadata"]["airflow_run_id"]].add(order.id)
    runs = stack.backfilled()
    assert {day: len(orders[run["dag_run_id"]]) for day, run in runs.items()} == {
        day: int(day in EXPECTED_ORDERS.values()) for day in runs
    }


def test_day_without_imagery_is_skipped(stack: Stack) -> None:
    run = stack.backfilled()["2026-01-06"]
    states = stack.states(MONITOR, run["dag_run_id"])
    assert {name.partition("[")[0] for name in states} == {"select", "order", "wait", "list_tiles", "ingest"}
    assert set(states.values()) == {"skipped"}


def test_backfill_ingests_every_tile(stack: Stack) -> None:
    delivered = [uri for uri in stack.s3.uris("s3://ard-demo/monitor") if ITEM.search(uri)]
    ingested = []
    for day, run in stack.backfilled().items():
        states = stack.states(MONITOR, run["dag_run_id"])
        if day in EXPECTED_ORDERS.values():
            assert set(states.values()) == {"success"}
            ingested += [name for name in states if name.startswith("ingest[")]
    assert len(delivered) == len(ingested) == len(EXPECTED_ORDERS)


def test_cleared_day_places_no_new_order(stack: Stack) -> None:
    run_id = stack.backfilled()["2026-01-05"]["dag_run_id"]
    submissions, tries = len(stack.ard.submissions), order_tries(stack, run_id)
    stack.airflow.api.post(f"/dags/{MONITOR}/dagRuns/{run_id}/clear", {"dry_run": False})
    stack.airflow.wait_until(
        lambda: order_tries(stack, run_id) > tries, within=STEP_LIMIT_S, what="the order task runs again"
    )
    stack.wait_for_runs(MONITOR, 5, run_type="backfill")
    assert set(stack.states(MONITOR, run_id).values()) == {"success"}
    assert len(stack.ard.submissions) == submissions


def order_tries(stack: Stack, run_id: str) -> int:
    return int(stack.airflow.api.task(MONITOR, run_id, "order")["try_number"])


def test_succeeded_order_triggers_the_ingesting_dag(stack: Stack) -> None:
    [producer_run] = stack.runs(PRODUCER)
    [consumer_run] = stack.runs(CONSUMER)
    api = stack.airflow.api
    order_id = api.xcom(PRODUCER, producer_run["dag_run_id"], "order")
    assert api.xcom(CONSUMER, consumer_run["dag_run_id"], "delivered") == [order_id]
    tiles = api.xcom(CONSUMER, consumer_run["dag_run_id"], "list_tiles")
    delivered = {uri for uri in stack.s3.uris("s3://ard-demo/shared") if ITEM.search(uri)}
    assert {tile["item_uri"] for tile in tiles} == delivered
    assert len(delivered) >= 4
    [event] = api.get("/assets/events", source_dag_id=PRODUCER)["asset_events"]
    assert event["extra"]["tiles"] == len(delivered)
    states = stack.states(CONSUMER, consumer_run["dag_run_id"])
    assert set(states.values()) == {"success"}
    assert len([name for name in states if name.startswith("ingest[")]) == len(delivered)


def test_new_imagery_is_ordered_and_ingested(stack: Stack) -> None:
    [run] = stack.runs(WATCHED)
    assert stack.ordered(WATCHED) == [(run["dag_run_id"], NEW_ACQUISITION)]
    assert stack.states(WATCHED, run["dag_run_id"]) == dict.fromkeys(
        ("new[-1]", "order[0]", "wait[-1]", "list_tiles[-1]", "ingest[0]"), "success"
    )
    assert len([uri for uri in stack.s3.uris("s3://ard-demo/new") if ITEM.search(uri)]) == 1


@pytest.mark.skipif(not HAS_ALERTS, reason="Airflow before 3.3 has no retry policies")
def test_deadline_notifies_about_a_late_run(stack: Stack) -> None:
    stack.wait_for_runs(ALERTS, 1)
    [run] = stack.runs(ALERTS)
    stack.airflow.wait_until(stack.late_runs.exists, within=STEP_LIMIT_S, what="the deadline has been missed")
    assert stack.late_runs.read_text() == f"{ALERTS} {run['dag_run_id']}\n"


def test_mapped_tasks_are_named_by_cell_and_acquisition(stack: Stack) -> None:
    api = stack.airflow.api
    [consumer_run], [watcher_run] = stack.runs(CONSUMER), stack.runs(WATCHED)
    cells = {tile["cell_id"] for tile in api.xcom(CONSUMER, consumer_run["dag_run_id"], "list_tiles")}
    assert map_index_names(api.tasks(CONSUMER, consumer_run["dag_run_id"]), "ingest") == cells
    assert map_index_names(api.tasks(WATCHED, watcher_run["dag_run_id"]), "order") == {NEW_ACQUISITION}


def map_index_names(tasks: list[dict[str, Any]], task_id: str) -> set[str]:
    return {task["rendered_map_index"] for task in tasks if task["task_id"] == task_id}
