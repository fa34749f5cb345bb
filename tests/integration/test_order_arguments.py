"""Order arguments in a real Airflow: rendered to strings, from XCom, mapped, and Python objects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox

DAGS = Path(__file__).with_name("order_arguments")
RUN_LIMIT_S = 200


def run(folder: str, conf: str) -> None:
    """Run the DAG with `dag.test()` in this process and print its outcome as JSON in the last line."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    bag = DagBag(folder)
    assert bag.import_errors == {}, bag.import_errors
    dag_run = bag.dags["order_arguments"].test(run_conf=json.loads(conf))
    states = {f"{ti.task_id}[{ti.map_index}]": ti.state for ti in dag_run.get_task_instances()}
    sys.stdout.write(json.dumps({"state": dag_run.state, "states": states}) + "\n")


if __name__ == "__main__":
    run(*sys.argv[1:])
    sys.exit()


import shutil  # noqa: E402

import pytest  # noqa: E402
import requests  # noqa: E402
import shapely  # noqa: E402

from demo.standalone import clean_environment  # noqa: E402

pytestmark = pytest.mark.timeout(RUN_LIMIT_S + 60)


@pytest.fixture(scope="module")
def dag_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, dict[str, Any]]]:
    """Run the DAG; return the sandbox and the conf of the run."""
    from airflow_provider_ard.sandbox import Sandbox

    home = tmp_path_factory.mktemp("airflow")
    with Sandbox(order_duration="3d", select_duration="0s") as ard:
        conf = arguments_of(ard, home)
        dags = shutil.copytree(DAGS, home / "dags")
        (dags / "literal_ids.json").write_text(json.dumps(conf["ids"]))
        env = clean_environment() | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
        }
        before = len(ard.requests)
        process = subprocess.run(
            [sys.executable, __file__, str(dags), json.dumps(conf)],
            env=env, cwd=home, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False,
        )  # fmt: skip
        output = (process.stdout + process.stderr)[-8000:]
        assert process.returncode == 0, output
        outcome = json.loads(process.stdout.splitlines()[-1])
        assert outcome["state"] == "success", f"{outcome}\n{output}"
        conf |= {"before": before, "states": outcome["states"]}
        yield ard, conf


def arguments_of(ard: Sandbox, home: Path) -> dict[str, Any]:
    """Return the conf of the run: acquisitions of the sandbox, a search result, a Select and an AOI."""
    with requests.Session() as session:
        session.trust_env = False
        login = {"grant_type": "password", "username": ard.login, "password": ard.password}
        token = session.post(f"{ard.url}/api/v1/auth/authenticate", data=login, timeout=20).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"

        def post(path: str, **body: Any) -> dict[str, Any]:
            return session.post(f"{ard.url}/api/v1/{path}", json=body, timeout=20).json()

        first = post("metadata/cells/acquisitions?format=geojson", ids=ard.acquisitions[:1])
        aoi = shapely.box(*shapely.from_geojson(json.dumps(first)).buffer(0.01).bounds)
        cells = post("metadata/cells/acquisitions?format=order", bbox=list(aoi.bounds))
        ids = sorted(cells)[:2]
        assert len(ids) == 2
        search = post("metadata/cells/acquisitions?format=geojson", ids=ids, bbox=list(aoi.bounds))
        selected = post("select", ids=ids, bbox=list(aoi.bounds))
        put = session.put(
            f"{ard.url}/api/v1/admin/account/{account_of(session, ard)}/credentials/azure-prod",
            json={"credentials": "https://acct.blob.core.windows.net/con?sv=1&sig=abc", "description": "for tests"},
            timeout=20,
        )
        assert put.ok, put.text
    (home / "aoi.geojson").write_text(json.dumps(shapely.geometry.mapping(aoi)))
    return {
        "ids": ids,
        "cells": {acquisition_id: cells[acquisition_id] for acquisition_id in ids},
        "search": search,
        "area": shapely.geometry.mapping(aoi),
        "bbox": list(aoi.bounds),
        "select_id": int(selected["id"]) if selected["id"].isdigit() else selected["id"],
        "aoi_file": str(home / "aoi.geojson"),
    }


def account_of(session: requests.Session, ard: Sandbox) -> str:
    return session.get(f"{ard.url}/api/v1/auth/self", timeout=20).json()["user"]["account_id"]


@pytest.fixture
def order_bodies(dag_run: tuple[Sandbox, dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the request bodies of all orders by task ID and map index."""
    bodies = [record.body for record in dag_run[0].submissions]
    return {(body["metadata"]["airflow_task_id"], int(body["metadata"]["airflow_map_index"])): body for body in bodies}


def whole_acquisitions(*acquisition_ids: str) -> list[dict[str, Any]]:
    return [{"id": acquisition_id, "cells": []} for acquisition_id in acquisition_ids]


def cells_of(cells: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [{"id": acquisition_id, "cells": cell_ids} for acquisition_id, cell_ids in cells.items()]


def test_each_task_places_one_order(dag_run, order_bodies):
    ard, _ = dag_run
    assert len(ard.orders) == len(ard.submissions) == len(order_bodies)
    assert len([record for record in ard.requests if record.dry_run]) == 2


@pytest.mark.parametrize(
    "task",
    ["rendered_list", "xcom_list", "xcom_template", "xcom_of_mapped_tasks", "a_set", "a_generator"],
)
def test_list_of_acquisitions(task, dag_run, order_bodies):
    assert order_bodies[task, -1]["acquisitions"] == whole_acquisitions(*dag_run[1]["ids"])


@pytest.mark.parametrize("task", ["rendered_dictionary", "rendered_json", "xcom_dictionary"])
def test_dictionary_of_cells(task, dag_run, order_bodies):
    assert order_bodies[task, -1]["acquisitions"] == cells_of(dag_run[1]["cells"])


def test_search_result_rendered_to_string(dag_run, order_bodies):
    ordered = order_bodies["rendered_search", -1]["acquisitions"]
    assert {acquisition["id"]: set(acquisition["cells"]) for acquisition in ordered} == {
        acquisition_id: set(cell_ids) for acquisition_id, cell_ids in dag_run[1]["cells"].items()
    }


def test_template_inside_dictionary(dag_run, order_bodies):
    first = dag_run[1]["ids"][0]
    assert order_bodies["rendered_inside", -1]["acquisitions"] == cells_of({first: dag_run[1]["cells"][first]})


def test_other_arguments_rendered_to_strings(dag_run, order_bodies):
    assert order_bodies["rendered_list", -1]["bbox"] == dag_run[1]["bbox"]
    assert order_bodies["rendered_list", -1]["settings"] == {"bundle_adjust": False}
    assert order_bodies["rendered_json", -1]["settings"] == {"bundle_adjust": False, "hd": True}
    assert order_bodies["rendered_dictionary", -1]["metadata"]["n"] == 2
    area = shapely.geometry.shape(dag_run[1]["area"])
    assert (
        order_bodies["rendered_search", -1]["intersects"] == order_bodies["rendered_path", -1]["intersects"] == area.wkt
    )


def test_select_id_rendered_to_string(dag_run, order_bodies):
    body = order_bodies["rendered_select", -1]
    assert body["select_id"] == str(dag_run[1]["select_id"])
    assert body.keys().isdisjoint({"acquisitions", "bbox", "intersects"})


def test_output_config_rendered_to_string_in_dry_run(dag_run):
    [body] = [
        record.body
        for record in dag_run[0].requests
        if record.dry_run and "azure_blob_storage" in record.body["output_config"]
    ]
    assert body["output_config"] == {
        "azure_blob_storage": {"container": "con", "prefix": "p", "credentials_id": "azure-prod"}
    }
    assert "notifications" not in body


def test_list_mixes_lists_and_dictionaries_from_xcom(dag_run, order_bodies):
    # The complete acquisition includes its cells.
    assert order_bodies["xcom_in_a_list", -1]["acquisitions"] == whole_acquisitions(*dag_run[1]["ids"])


def test_aoi_that_resolves_to_nothing_orders_nothing(dag_run, order_bodies):
    states = dag_run[1]["states"]
    assert [states["mapped_none[0]"], states["mapped_none[1]"], states["skipped_upstream[-1]"]] == [
        "success",
        "failed",
        "failed",
    ]
    assert {("mapped_none", 1), ("skipped_upstream", -1)}.isdisjoint(order_bodies)


def test_mapped_orders(dag_run, order_bodies):
    first, second = dag_run[1]["ids"]
    assert [order_bodies["mapped_lists", index]["acquisitions"] for index in range(2)] == [
        whole_acquisitions(first),
        whole_acquisitions(second),
    ]
    assert order_bodies["mapped_areas", 0]["intersects"] == order_bodies["mapped_areas", 1]["intersects"]
    assert order_bodies["mapped_orders", 0]["settings"] == {"bundle_adjust": False, "hd": True}
    assert ("mapped_orders", 1) not in order_bodies
    assert order_bodies["mapped_orders", 2]["metadata"]["n"] == 3
    assert order_bodies["mapped_orders", 2]["acquisitions"] == cells_of({first: dag_run[1]["cells"][first]})


def test_python_objects(dag_run, order_bodies):
    assert order_bodies["a_tuple", -1]["acquisitions"] == whole_acquisitions(*dag_run[1]["ids"][::-1])
    assert order_bodies["a_geometry", -1]["intersects"] == shapely.box(-180, -80, -1, 80).wkt
