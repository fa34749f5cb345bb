"""An order's arguments through a real Airflow: rendered to texts, from XCom, mapped, and as objects of Python."""

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
RAN_WITHIN = 200


def run(folder: str, conf: str) -> None:
    """Run the DAG by `dag.test()` in this process; the last line is its outcome."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    bag = DagBag(folder)
    assert bag.import_errors == {}, bag.import_errors
    ended = bag.dags["order_arguments"].test(run_conf=json.loads(conf))
    states = {f"{ti.task_id}[{ti.map_index}]": ti.state for ti in ended.get_task_instances()}
    sys.stdout.write(json.dumps({"state": ended.state, "states": states}) + "\n")


if __name__ == "__main__":
    run(*sys.argv[1:])
    sys.exit()


import shutil  # noqa: E402

import pytest  # noqa: E402
import requests  # noqa: E402
import shapely  # noqa: E402

from demo.standalone import clean_environment  # noqa: E402

pytestmark = pytest.mark.timeout(RAN_WITHIN + 60)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, dict[str, Any]]]:
    """The sandbox after the DAG has run, and what the run was given."""
    from airflow_provider_ard.sandbox import Sandbox

    home = tmp_path_factory.mktemp("airflow")
    with Sandbox(order_duration="3d", select_duration="0s") as ard:
        conf = arguments_of(ard, home)
        dags = shutil.copytree(DAGS, home / "dags")
        (dags / "written.json").write_text(json.dumps(conf["ids"]))
        env = clean_environment() | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
        }
        before = len(ard.requests)
        ended = subprocess.run(
            [sys.executable, __file__, str(dags), json.dumps(conf)],
            env=env, cwd=home, capture_output=True, text=True, timeout=RAN_WITHIN, check=False,
        )  # fmt: skip
        said = (ended.stdout + ended.stderr)[-8000:]
        assert ended.returncode == 0, said
        outcome = json.loads(ended.stdout.splitlines()[-1])
        assert outcome["state"] == "success", f"{outcome}\n{said}"
        conf["before"] = before
        yield ard, conf


def arguments_of(ard: Sandbox, home: Path) -> dict[str, Any]:
    """Return the run's conf: acquisitions of the sandbox, a search for them, a Select and areas around them."""
    with requests.Session() as session:
        session.trust_env = False
        login = {"grant_type": "password", "username": ard.login, "password": ard.password}
        token = session.post(f"{ard.url}/api/v1/auth/authenticate", data=login, timeout=20).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"

        def post(path: str, **body: Any) -> dict[str, Any]:
            return session.post(f"{ard.url}/api/v1/{path}", json=body, timeout=20).json()

        first = post("metadata/cells/acquisitions?format=geojson", ids=ard.acquisitions[:1])
        around = shapely.box(*shapely.from_geojson(json.dumps(first)).buffer(0.01).bounds)
        found = post("metadata/cells/acquisitions?format=order", bbox=list(around.bounds))
        ids = sorted(found)[:2]
        assert len(ids) == 2
        search = post("metadata/cells/acquisitions?format=geojson", ids=ids, bbox=list(around.bounds))
        selected = post("select", ids=ids, bbox=list(around.bounds))
        put = session.put(
            f"{ard.url}/api/v1/admin/account/{account_of(session, ard)}/credentials/azure-prod",
            json={"credentials": "https://acct.blob.core.windows.net/con?sv=1&sig=abc", "description": "for tests"},
            timeout=20,
        )
        assert put.ok, put.text
    (home / "aoi.geojson").write_text(json.dumps(shapely.geometry.mapping(around)))
    return {
        "ids": ids,
        "cells": {name: found[name] for name in ids},
        "search": search,
        "area": shapely.geometry.mapping(around),
        "bbox": list(around.bounds),
        "select_id": int(selected["id"]) if selected["id"].isdigit() else selected["id"],
        "aoi_file": str(home / "aoi.geojson"),
    }


def account_of(session: requests.Session, ard: Sandbox) -> str:
    return session.get(f"{ard.url}/api/v1/auth/self", timeout=20).json()["user"]["account_id"]


@pytest.fixture
def sent(ran: tuple[Sandbox, dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    """The bodies of all orders that the DAG has placed, by task and map index."""
    bodies = [record.body for record in ran[0].submissions]
    return {(body["metadata"]["airflow_task_id"], body["metadata"]["airflow_map_index"]): body for body in bodies}


def whole(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "cells": []} for name in names]


def some(cells: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [{"id": name, "cells": of_it} for name, of_it in cells.items()]


def test_each_task_has_placed_one_order(ran, sent):
    ard, _ = ran
    assert len(ard.orders) == len(ard.submissions) == len(sent)
    assert len([record for record in ard.requests if record.dry_run]) == 2


@pytest.mark.parametrize(
    "task",
    ["rendered_list", "xcom_list", "xcom_template", "xcom_of_mapped_tasks", "a_set", "a_generator"],
)
def test_a_list_of_acquisitions(task, ran, sent):
    assert sent[task, -1]["acquisitions"] == whole(*ran[1]["ids"])


@pytest.mark.parametrize("task", ["rendered_dictionary", "rendered_json", "xcom_dictionary"])
def test_a_dictionary_of_cells(task, ran, sent):
    assert sent[task, -1]["acquisitions"] == some(ran[1]["cells"])


def test_a_search_rendered_to_text(ran, sent):
    ordered = sent["rendered_search", -1]["acquisitions"]
    assert {one["id"]: set(one["cells"]) for one in ordered} == {name: set(of) for name, of in ran[1]["cells"].items()}


def test_a_template_inside_a_dictionary(ran, sent):
    first = ran[1]["ids"][0]
    assert sent["rendered_inside", -1]["acquisitions"] == some({first: ran[1]["cells"][first]})


def test_other_arguments_rendered_to_text(ran, sent):
    assert sent["rendered_list", -1]["bbox"] == ran[1]["bbox"]
    assert sent["rendered_list", -1]["settings"] == {"bundle_adjust": False}
    assert sent["rendered_json", -1]["settings"] == {"bundle_adjust": False, "hd": True}
    assert sent["rendered_dictionary", -1]["metadata"]["n"] == 2
    area = shapely.geometry.shape(ran[1]["area"])
    assert sent["rendered_search", -1]["intersects"] == sent["rendered_path", -1]["intersects"] == area.wkt


def test_a_select_rendered_to_text(ran, sent):
    body = sent["rendered_select", -1]
    assert body["select_id"] == str(ran[1]["select_id"])
    assert body.keys().isdisjoint({"acquisitions", "bbox", "intersects"})


def test_a_config_rendered_to_text_and_a_dry_run(ran):
    [body] = [
        record.body
        for record in ran[0].requests
        if record.dry_run and "azure_blob_storage" in record.body["output_config"]
    ]
    assert body["output_config"] == {
        "azure_blob_storage": {"container": "con", "prefix": "p", "credentials_id": "azure-prod"}
    }
    assert "notifications" not in body


def test_lists_and_dictionaries_from_xcom_mix(ran, sent):
    # A whole acquisition takes its cells in.
    assert sent["xcom_in_a_list", -1]["acquisitions"] == whole(*ran[1]["ids"])


def test_mapped_orders(ran, sent):
    first, second = ran[1]["ids"]
    assert [sent["mapped_lists", index]["acquisitions"] for index in range(2)] == [whole(first), whole(second)]
    assert sent["mapped_areas", 0]["intersects"] == sent["mapped_areas", 1]["intersects"]
    assert sent["mapped_orders", 0]["settings"] == {"bundle_adjust": False, "hd": True}
    assert ("mapped_orders", 1) not in sent
    assert sent["mapped_orders", 2]["metadata"]["n"] == 3
    assert sent["mapped_orders", 2]["acquisitions"] == some({first: ran[1]["cells"][first]})


def test_objects_of_python(ran, sent):
    assert sent["a_tuple", -1]["acquisitions"] == whole(*ran[1]["ids"][::-1])
    assert sent["a_geometry", -1]["intersects"] == shapely.box(-180, -80, -1, 80).wkt
