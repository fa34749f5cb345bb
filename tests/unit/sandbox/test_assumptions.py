"""Each assumption about undocumented behavior, in each of its values."""

import json
from dataclasses import fields
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from airflow_provider_ard.sandbox import Assumptions, Sandbox
from airflow_provider_ard.sandbox.__main__ import main
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS, describe_assumptions, parse_assumptions
from tests.unit.sandbox.conftest import Api

METADATA = {"airflow_key": "k", "airflow_try": 1, "nested": {"flag": True}, "list": [1, "x"]}
CONVERTED = {
    "in_order": METADATA,
    "as_strings": {"airflow_key": "k", "airflow_try": "1", "nested": {"flag": "true"}, "list": ["1", "x"]},
    "as_floats": {"airflow_key": "k", "airflow_try": 1.0, "nested": {"flag": True}, "list": [1.0, "x"]},
    "as_decimals": {"airflow_key": "k", "airflow_try": "1.0", "nested": {"flag": "true"}, "list": ["1.0", "x"]},
}
SEARCH = {"bbox": [-105.13, 40.14, -105.06, 40.19], "query": {"gsd": {"gt": 0}}}


def _listed(api, **query):
    return [order["id"] for order in api.get("/order", **query).json()["data"]]


def test_defaults_are_the_first_values():
    assert Assumptions() == Assumptions(**{name: values[0] for name, values in ASSUMPTIONS.items()})
    assert all(item.metadata["meaning"] for item in fields(Assumptions))


def test_unknown_values_are_refused():
    with pytest.raises(ValueError, match=r"success_status: expected SUCCEEDED or FINISHED, got 'DONE'"):
        Assumptions(success_status="DONE")
    for text in ("metadata", "color=red", "metadata=none"):
        run = CliRunner().invoke(main, ["--port", "0", "--assume", text])
        assert run.exit_code == 2, text


def test_command_line():
    texts = ("success_status=FINISHED", " list_order = oldest_first ")
    assert parse_assumptions(texts) == Assumptions(success_status="FINISHED", list_order="oldest_first")
    assert parse_assumptions(()) == Assumptions()
    run = CliRunner().invoke(main, ["--list-assumptions"])
    assert (run.exit_code, run.output) == (0, f"{describe_assumptions()}\n")


@pytest.mark.ard_sandbox(assumptions=Assumptions(metadata="absent"))
def test_pytest_marker(ard_sandbox):
    assert ard_sandbox.assumptions == ard_sandbox.settings.assumptions == Assumptions(metadata="absent")


@pytest.mark.parametrize(
    ("cells_key", "unknown_fields", "key", "outcome"),
    [
        ("both", "refused", "cells", 1),
        ("both", "refused", "cell_ids", 1),
        ("cells", "refused", "cells", 1),
        ("cells", "refused", "cell_ids", 400),
        ("cell_ids", "refused", "cells", 400),
        ("cell_ids", "ignored", "cell_ids", 1),
        ("cell_ids", "ignored", "cells", "all"),
    ],
)
def test_cells_key(ard, api, cells_key, unknown_fields, key, outcome):
    ard.assumptions = Assumptions(cells_key=cells_key, unknown_fields=unknown_fields)
    cells = ard.cells(ard.acquisitions[0])
    response = api.order(acquisitions=[{"id": ard.acquisitions[0], key: cells[:1]}])
    if outcome == 400:
        assert response.status_code == 400
        assert ard.orders == []
    else:
        assert len(ard.orders[0].tiles) == (len(cells) if outcome == "all" else outcome)


def test_unknown_fields(ard, api):
    unknown = ({"priority": 1}, {"settings": {"sharpen": True}})
    assert [api.order(**fields).status_code for fields in unknown] == [400, 400]
    ard.assumptions = Assumptions(unknown_fields="ignored")
    assert [api.order(**fields).status_code for fields in unknown] == [200, 200]
    assert "priority" not in ard.orders[0].request


def test_select_requirements(ard, api):
    searches = {"ids": {"ids": ard.acquisitions[:1]}, "aoi": {"bbox": SEARCH["bbox"]}, "both": SEARCH}

    def accepted():
        codes = {name: api.post("/select", json=search).status_code for name, search in searches.items()}
        assert set(codes.values()) <= {200, 400}
        return {name for name, code in codes.items() if code == 200}

    assert accepted() == {"ids", "aoi", "both"}
    ard.assumptions = Assumptions(select_aoi="required")
    assert accepted() == {"aoi", "both"}
    ard.assumptions = Assumptions(select_query="required")
    assert accepted() == {"ids", "both"}


@pytest.mark.parametrize("code", ["200", "201", "202"])
def test_submit_response(ard, api, code):
    ard.assumptions = Assumptions(submit_code=code, submit_response="id", order_times="absent")
    response = api.order()
    assert response.status_code == int(code)
    assert response.json() == {"id": ard.orders[0].id}
    ard.assumptions = Assumptions(submit_code=code, order_times="absent")
    assert set(api.order().json()) == {"id", "status"}


def test_statuses(ard, api):
    ard.assumptions = Assumptions(success_status="FINISHED", failure_status="ERROR")
    recipient = {"type": "email", "address": "a@example.com"}
    first, second = (api.order(notifications=[recipient]).json()["id"] for _ in range(2))
    ard.fail_order(second)
    assert [api.status(order_id)["status"] for order_id in (first, second)] == ["FINISHED", "ERROR"]
    assert _listed(api, filter="status:FINISHED") == [first]
    assert _listed(api, filter="status:FAILED") == []
    assert {message.status for message in ard.notifications} == {"FINISHED", "ERROR"}
    select_id = api.post("/select", json=SEARCH).json()["id"]
    assert api.get(f"/select/request/{select_id}").json()["status"] == "FINISHED"


@pytest.mark.parametrize("metadata", ASSUMPTIONS["metadata"])
def test_metadata(ard, api, metadata):
    order_id = api.order(metadata=METADATA).json()["id"]
    ard.assumptions = Assumptions(metadata=metadata)
    for body in (api.status(order_id), api.get("/order").json()["data"][0]):
        # Compared as text, since 1 == 1.0.
        assert repr(body["order"].get("metadata")) == repr(CONVERTED.get(metadata))
        assert body.get("metadata") == (METADATA if metadata == "beside_order" else None)
    # The filter still compares with the original metadata.
    assert _listed(api, filter="metadata.airflow_try:1") == [order_id]


def test_fields_of_an_order(ard, api):
    order_id = api.order().json()["id"]
    body = api.status(order_id)
    assert {"created", "finished", "progress"} <= set(body)
    assert body["order"]["output_config"] == {"bucket": "bkt", "prefix": "a/b"}
    ard.assumptions = Assumptions(
        order_times="absent", order_progress="absent", order_usage="absent", output_config="by_platform"
    )
    body = api.status(order_id)
    assert set(body) == {"id", "status", "order"}
    assert "usage" not in body["order"]
    assert body["order"]["output_config"] == {"amazon_s3": {"bucket": "bkt", "prefix": "a/b"}}
    assert api.get("/order").json()["data"] == [body]
    ard.assumptions = Assumptions(list_rows="short")
    assert api.get("/order").json()["data"] == [{"id": order_id, "status": "SUCCEEDED"}]
    assert "order" in api.status(order_id)


@pytest.mark.parametrize("code", ASSUMPTIONS["unknown_order"])
def test_unknown_order(ard, api, code):
    ard.assumptions = Assumptions(unknown_order=code)
    response = api.get("/order/status/4")
    assert response.status_code == int(code)
    assert set(response.json()) == {"message", "code", "type"}


def test_oldest_first(ard, api):
    placed = [api.order(metadata={"n": "ab"[n % 2]}).json()["id"] for n in range(5)]
    ard.assumptions = Assumptions(list_order="oldest_first")
    assert _listed(api) == placed
    assert _listed(api, filter="metadata.n:b") == placed[1::2]
    pages = [
        api.get("/order", limit=2, **cursor).json()
        for cursor in ({}, {"starting_after": placed[1]}, {"starting_after": placed[3]}, {"ending_before": placed[3]})
    ]
    assert [[row["id"] for row in page["data"]] for page in pages] == [placed[:2], placed[2:4], placed[4:], placed[1:3]]
    assert [page["has_more"] for page in pages] == [True, True, False, True]


@pytest.mark.parametrize(
    ("assumptions", "days"),
    [
        ({}, [2, 3]),
        ({"start_date": "exclusive"}, [3]),
        ({"end_date": "exclusive"}, [2]),
        ({"start_date": "exclusive", "end_date": "exclusive"}, []),
    ],
)
def test_dates(ard, api, assumptions, days):
    ard.clock.set_rate(0)
    placed = {}
    for day in (1, 2, 3, 4):
        ard.clock.set(datetime(2026, 3, day, 12, tzinfo=UTC))
        api.log_in()
        placed[day] = api.order().json()["id"]
    ard.assumptions = Assumptions(**assumptions)
    dates = {"start_date": "2026-03-02", "end_date": "2026-03-03"}
    times = {name: f"{date}T12:00:00Z" for name, date in dates.items()}
    expected = [placed[day] for day in reversed(days)]
    assert _listed(api, **dates) == _listed(api, **times) == expected
    areas = [api.get("/usage/account/7001", **query).json()["usage"]["area"] for query in (dates, times)]
    assert [area["total_imagery_sqkm"] > 0 for area in areas] == [bool(days)] * 2
    ard.assumptions = Assumptions(**assumptions, list_dates="dates")
    assert _listed(api, **dates) == expected
    assert api.get("/order", **times).status_code == 400


def test_filter_match(ard, api):
    order_id = api.order(metadata={"run": "manual__2026"}).json()["id"]
    assert _listed(api, filter="metadata.run:manual") == []
    ard.assumptions = Assumptions(filter_match="contains")
    assert _listed(api, filter="metadata.run:manual") == [order_id]
    assert _listed(api, filter="metadata.run:scheduled") == []


@pytest.mark.parametrize("over_limit", ASSUMPTIONS["over_limit"])
@pytest.mark.parametrize("failed_order", ASSUMPTIONS["failed_order"])
def test_over_limit(over_limit, failed_order):
    assumptions = Assumptions(over_limit=over_limit, failed_order=failed_order, dry_run_over_limit="estimated")
    with Sandbox(order_duration=0, limits={"annual": 1}, assumptions=assumptions) as ard:
        api = Api(ard)
        assert api.order(dry_run=True).json()["usage"]["cost"]["total_imagery_cost"] > 1
        response = api.order()
        if over_limit == "order_fails":
            assert api.status(response.json()["id"])["status"] == "FAILED"
        else:
            assert response.status_code == int(over_limit)
        is_billed = over_limit == "order_fails" and failed_order == "billed"
        cost = api.get("/usage/account/7001").json()["usage"]["cost"]["total_imagery_cost"]
        assert (cost > 0) is is_billed
        ard.assumptions = Assumptions(over_limit=over_limit)
        assert api.order(dry_run=True).status_code == (403 if over_limit == "403" else 400)
        api.session.close()


def test_failed_order_stays_billed_after_a_restart(tmp_path):
    for failed_order, cost in (("billed", True), ("billed", True), ("free", False)):
        state = tmp_path / "state.sqlite"
        with Sandbox(order_duration=0, state=state, assumptions=Assumptions(failed_order=failed_order)) as ard:
            api = Api(ard)
            if not ard.orders:
                ard.fail_order(api.order().json()["id"])
            usage = api.get("/usage/account/7001").json()["usage"]
            assert (usage["cost"]["total_imagery_cost"] > 0) is cost
            api.session.close()


def test_unwritable_destination(tmp_path):
    (tmp_path / "bkt").write_text("a file, not a bucket")
    with Sandbox(order_duration=0, storage=tmp_path, pixels=32) as ard:
        api = Api(ard)
        assert api.wait(api.order().json()["id"])["status"] == "FAILED"
        ard.assumptions = Assumptions(unwritable_destination="refused")
        assert api.order().status_code == 400
        assert len(ard.orders) == 1
        api.session.close()


@pytest.mark.parametrize("name", ASSUMPTIONS["root_collection_name"])
def test_root_collection(tmp_path, name):
    assumptions = Assumptions(root_collection_name=name, root_collection_type="present")
    with Sandbox(order_duration=0, storage=tmp_path, pixels=32, assumptions=assumptions) as ard:
        api = Api(ard)
        acquisition = ard.acquisitions[0]
        order_id = api.order(acquisitions=[{"id": acquisition, "cells": ard.cells(acquisition)[:1]}]).json()["id"]
        api.wait(order_id)
        api.session.close()
    folder = tmp_path / "bkt" / "a" / "b"
    assert [path.name for path in (folder / "order_collections").iterdir()] == [f"{order_id}_{name}.json"]
    documents = [path for path in folder.rglob("*.json") if not path.name.endswith("-request.json")]
    assert len(documents) == 3
    for path in documents:
        document = json.loads(path.read_text())
        assert document["type"] in {"Collection", "Feature"}
        assert document["stac_version"] == "1.0.0"
        assert all((path.parent / link["href"]).resolve().exists() for link in document["links"])


def test_notifications_at_start(ard, api):
    ard.assumptions = Assumptions(notifications="at_start_and_end")
    api.order(notifications=[{"type": "email", "address": "a@example.com"}])
    assert [message.status for message in ard.notifications] == ["RUNNING", "SUCCEEDED"]


def test_stack_depth_summary(ard, api):
    select_id = api.post("/select", json=SEARCH).json()["id"]
    assert "stack_depth_summary" in api.get(f"/select/request/{select_id}").json()
    ard.assumptions = Assumptions(stack_depth_summary="absent")
    assert "stack_depth_summary" not in api.get(f"/select/request/{select_id}").json()


@pytest.mark.parametrize(("form", "codes"), [("json_then_204", [200, 204]), ("json", [200, 200]), ("204", [204, 204])])
def test_stored_credentials(ard, api, form, codes):
    ard.assumptions = Assumptions(stored_credentials=form)
    url = f"{ard.url}/api/v1/admin/account/7001/credentials/mine"
    assert [api.session.put(url, json={"credentials": "s"}, timeout=9).status_code for _ in range(2)] == codes


def test_acquisitions_as_plain_ids(ard, api):
    order_id = api.order(acquisitions=ard.acquisitions[:1]).json()["id"]
    assert api.status(order_id)["order"]["acquisitions"] == ard.acquisitions[:1]
    assert len(ard.orders[0].tiles) == len(ard.cells(ard.acquisitions[0]))
