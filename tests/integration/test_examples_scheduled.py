"""The example DAGs that need a scheduler, in one real Airflow: backfilled days, an asset's consumer, a watcher."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from demo.runner import ITEM
from demo.standalone import REPOSITORY, StandaloneAirflow
from tests.integration.published import imagery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox
    from demo.storage import S3Server

pytestmark = [pytest.mark.standalone, pytest.mark.timeout(900)]

# Patience for one step on a slow machine; nothing here is asserted about time.
SOON = 420
FILES = ("ard_daily_monitor", "ard_asset_driven", "ard_new_imagery")
MONITOR, PRODUCER, CONSUMER, WATCHED = "ard_daily_monitor", "ard_deliver", "ard_ingest_delivered", "ard_new_imagery"
# Each run looks at the day three days before its own. What was taken, in percent of clouds, and the run it is for.
TAKEN = {
    "10400100000A0100": ("2025-12-31T23:59:59Z", 0, None),
    "10400100000A0200": ("2026-01-01T18:00:00Z", 0, "2026-01-04"),
    "10400100000A0300": ("2026-01-02T00:00:00Z", 0, "2026-01-05"),
    "10400100000A0400": ("2026-01-02T18:05:00Z", 20, "2026-01-05"),
    "10400100000A0500": ("2026-01-04T12:00:00Z", 90, None),
    "10400100000A0600": ("2026-01-04T23:59:59Z", 0, "2026-01-07"),
    "10400100000A0700": ("2026-01-05T00:00:00Z", 0, "2026-01-08"),
    "10400100000A0800": ("2026-01-06T00:00:00Z", 0, None),
}
WANTED = {name: day for name, (_, _, day) in TAKEN.items() if day}
NEW = "10400100000B0100"


@dataclass(frozen=True)
class Stage:
    """All that is running, after the DAGs have run."""

    airflow: StandaloneAirflow
    ard: Sandbox
    s3: S3Server

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return list(self.airflow.api.get(f"/dags/{dag_id}/dagRuns", order_by="logical_date")["dag_runs"])

    def backfilled(self) -> dict[str, dict[str, Any]]:
        """Return the monitor's backfilled runs by their days."""
        return {run["logical_date"][:10]: run for run in self.runs(MONITOR) if run["run_type"] == "backfill"}

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        tasks = self.airflow.api.tasks(dag_id, run_id)
        return {f"{task['task_id']}[{task['map_index']}]": task["state"] for task in tasks}

    def ordered(self, dag_id: str) -> list[tuple[str, str]]:
        """Return the run and the acquisition of everything that a DAG has ordered."""
        bodies = [order.request for order in self.ard.orders]
        return [
            (body["metadata"]["airflow_run_id"], one["id"])
            for body in bodies
            if body["metadata"]["airflow_dag_id"] == dag_id
            for one in body["acquisitions"]
        ]

    def wait_for_ends(self, dag_id: str, number: int, **wanted: str) -> None:
        """Return when at least so many runs, of those that have what is wanted, have succeeded."""

        def over() -> bool:
            runs = [run for run in self.runs(dag_id) if wanted.items() <= run.items()]
            assert not [run for run in runs if run["state"] == "failed"], self.log_of(dag_id, runs)
            return len([run for run in runs if run["state"] == "success"]) >= number

        self.airflow.wait_until(over, within=SOON, what=f"{number} runs of {dag_id}")

    def log_of(self, dag_id: str, runs: list[dict[str, Any]]) -> str:
        """Return the logs of the tasks that have failed."""
        api = self.airflow.api
        return "\n".join(
            api.task_log(dag_id, run["dag_run_id"], task)
            for run in runs
            for task in api.tasks(dag_id, run["dag_run_id"])
            if task["state"] == "failed"
        )

    def looks(self) -> int:
        """Count how often the watch has looked."""
        return sum(record.endpoint == "POST /metadata/cells/acquisitions" for record in self.ard.requests)


@pytest.fixture(scope="module")
def stage(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    from airflow_provider_ard.sandbox import Sandbox

    folder = tmp_path_factory.mktemp("scheduled")
    (folder / "dags").mkdir()
    for name in FILES:
        shutil.copy(REPOSITORY / "dags_examples" / f"{name}.py", folder / "dags")
    with Sandbox(order_duration="3s", select_duration="1s", storage="s3", s3_endpoint=s3.url, pixels=64) as ard:
        ard.publish(imagery({name: taken[:2] for name, taken in TAKEN.items()}))
        env = {
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "AIRFLOW_CONN_AWS_DEFAULT": s3.connection_json,
            "PYTHONPATH": str(Path(__file__).with_name("impatience")),
            # A watch begins when the file of its DAG is parsed, after the DAG was unpaused.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        }
        with StandaloneAirflow(folder / "airflow", folder / "dags", env=env) as airflow:
            for dag_id in (MONITOR, PRODUCER, CONSUMER, WATCHED):
                airflow.wait_for_dag(dag_id)
            stage = Stage(airflow, ard, s3)
            run_all(stage)
            yield stage


def run_all(stage: Stage) -> None:
    """Let all of them run side by side."""
    api = stage.airflow.api
    # Begun before anything else: on SQLite a backfill cannot be created beside other writers.
    stage.airflow.wait_until(lambda: begin_backfill(stage), within=SOON, what="the backfill is created")
    for dag_id in (WATCHED, MONITOR):
        api.patch(f"/dags/{dag_id}", {"is_paused": False})
    api.trigger(PRODUCER)
    # What the first look sees is not new.
    stage.airflow.wait_until(lambda: stage.looks() >= 2, within=SOON, what="the watch looks")
    stage.ard.publish(imagery({NEW: (datetime.now(UTC).isoformat(timespec="seconds"), 0)}))
    stage.wait_for_ends(MONITOR, 5, run_type="backfill")
    stage.wait_for_ends(CONSUMER, 1)
    stage.wait_for_ends(WATCHED, 1)


def begin_backfill(stage: Stage) -> bool:
    """Create the backfill of five days; False if the database was locked, and nothing was created."""
    days = {"from_date": "2026-01-04T00:00:00Z", "to_date": "2026-01-08T00:00:00Z"}
    try:
        stage.airflow.api.post("/backfills", {"dag_id": MONITOR, "max_active_runs": 5} | days)
    except requests.HTTPError as error:
        if error.response.status_code != 503:
            raise
        return False
    return True


def test_five_backfilled_days_order_each_clear_acquisition_exactly_once(stage: Stage) -> None:
    days = {run["dag_run_id"]: day for day, run in stage.backfilled().items()}
    assert sorted(days.values()) == [f"2026-01-0{day}" for day in range(4, 9)]
    ordered = sorted((name, days.get(run_id)) for run_id, name in stage.ordered(MONITOR))
    assert ordered == sorted(WANTED.items())


def test_a_day_has_one_order_for_all_that_was_taken_on_it(stage: Stage) -> None:
    orders = defaultdict(set)
    for order in stage.ard.orders:
        orders[order.request["metadata"]["airflow_run_id"]].add(order.id)
    runs = stage.backfilled()
    assert {day: len(orders[run["dag_run_id"]]) for day, run in runs.items()} == {
        day: int(day in WANTED.values()) for day in runs
    }


def test_a_day_without_imagery_ends_skipped(stage: Stage) -> None:
    run = stage.backfilled()["2026-01-06"]
    states = stage.states(MONITOR, run["dag_run_id"])
    assert {name.partition("[")[0] for name in states} == {"select", "order", "wait", "list_tiles", "ingest"}
    assert set(states.values()) == {"skipped"}


def test_every_tile_of_the_backfilled_days_is_ingested(stage: Stage) -> None:
    delivered = [uri for uri in stage.s3.uris("s3://ard-demo/monitor") if ITEM.search(uri)]
    ingested = []
    for day, run in stage.backfilled().items():
        states = stage.states(MONITOR, run["dag_run_id"])
        if day in WANTED.values():
            assert set(states.values()) == {"success"}
            ingested += [name for name in states if name.startswith("ingest[")]
    assert len(delivered) == len(ingested) == len(WANTED)


def test_a_day_that_is_cleared_buys_nothing_new(stage: Stage) -> None:
    run_id = stage.backfilled()["2026-01-05"]["dag_run_id"]
    submissions, tries = len(stage.ard.submissions), order_tries(stage, run_id)
    stage.airflow.api.post(f"/dags/{MONITOR}/dagRuns/{run_id}/clear", {"dry_run": False})
    stage.airflow.wait_until(lambda: order_tries(stage, run_id) > tries, within=SOON, what="the order task runs again")
    stage.wait_for_ends(MONITOR, 5, run_type="backfill")
    assert set(stage.states(MONITOR, run_id).values()) == {"success"}
    assert len(stage.ard.submissions) == submissions


def order_tries(stage: Stage, run_id: str) -> int:
    return int(stage.airflow.api.task(MONITOR, run_id, "order")["try_number"])


def test_the_end_of_an_order_starts_the_dag_that_ingests_it(stage: Stage) -> None:
    [produced] = stage.runs(PRODUCER)
    [consumed] = stage.runs(CONSUMER)
    api = stage.airflow.api
    order_id = api.xcom(PRODUCER, produced["dag_run_id"], "order")
    assert api.xcom(CONSUMER, consumed["dag_run_id"], "delivered") == [order_id]
    tiles = api.xcom(CONSUMER, consumed["dag_run_id"], "list_tiles")
    delivered = {uri for uri in stage.s3.uris("s3://ard-demo/shared") if ITEM.search(uri)}
    assert {tile["item_uri"] for tile in tiles} == delivered
    assert len(delivered) >= 4
    [event] = api.get("/assets/events", source_dag_id=PRODUCER)["asset_events"]
    assert event["extra"]["tiles"] == len(delivered)
    states = stage.states(CONSUMER, consumed["dag_run_id"])
    assert set(states.values()) == {"success"}
    assert len([name for name in states if name.startswith("ingest[")]) == len(delivered)


def test_new_imagery_is_ordered_and_ingested(stage: Stage) -> None:
    [run] = stage.runs(WATCHED)
    assert stage.ordered(WATCHED) == [(run["dag_run_id"], NEW)]
    assert stage.states(WATCHED, run["dag_run_id"]) == dict.fromkeys(
        ("new[-1]", "order[0]", "wait[-1]", "list_tiles[-1]", "ingest[0]"), "success"
    )
    assert len([uri for uri in stage.s3.uris("s3://ard-demo/new") if ITEM.search(uri)]) == 1


def test_the_ui_names_mapped_tasks_by_what_they_are_for(stage: Stage) -> None:
    api = stage.airflow.api
    [consumed], [watched] = stage.runs(CONSUMER), stage.runs(WATCHED)
    cells = {tile["cell_id"] for tile in api.xcom(CONSUMER, consumed["dag_run_id"], "list_tiles")}
    assert names_of(api.tasks(CONSUMER, consumed["dag_run_id"]), "ingest") == cells
    assert names_of(api.tasks(WATCHED, watched["dag_run_id"]), "order") == {NEW}


def names_of(tasks: list[dict[str, Any]], task_id: str) -> set[str]:
    return {task["rendered_map_index"] for task in tasks if task["task_id"] == task_id}
