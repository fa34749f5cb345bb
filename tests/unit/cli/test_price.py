from __future__ import annotations

import json

import pytest

from airflow_provider_ard.api.orders.request import OrderRequest

SAS = "https://acct.blob.core.windows.net/tiles?sv=2024-11-04&se=2999-01-01T00%3A00%3A00Z&sp=rwl&sig=s1gnatur3"
ID = "10300100B2B49700"
TO = ("--destination", "s3://bkt/p")


def test_price_equals_a_dry_run_and_places_no_order(run, ard, client):
    acquisition = ard.acquisitions[0]
    expected = client.dry_run(OrderRequest.of(acquisitions=acquisition, destination="s3://bkt/p"))
    code, out, _ = run("price", "--acquisitions", acquisition, *TO, "--json")
    assert code == 0
    assert json.loads(out) == {"usage": expected.model_dump(mode="json"), "output_uri": "s3://bkt/p"}
    code, out, _ = run("price", "--acquisitions", acquisition, *TO)
    (total,) = [line.split() for line in out.splitlines() if line.strip().startswith("total")]
    assert (code, total) == (0, ["total", f"{expected.area_sqkm:,.2f}", f"{expected.total_cost:,.2f}"])
    assert list(client.list_orders()) == []


def test_cells_of_an_acquisition(run, ard):
    acquisition = ard.acquisitions[0]
    cells = ard.cells(acquisition)[:2]
    assert run("price", "--acquisitions", f"{acquisition}:{','.join(cells)}", *TO)[0] == 0
    sent = ard.requests[-1].body
    assert sent["acquisitions"] == [{"id": acquisition, "cells": cells}]
    assert sent["dry_run"] is True


@pytest.mark.parametrize("limit", ["--max-cost", "--max-area-sqkm"])
def test_exceeded_limit_is_an_error_after_the_price(run, ard, limit):
    code, out, err = run("price", "--acquisitions", ard.acquisitions[0], *TO, limit, "0.01")
    assert code == 1
    assert "total" in out
    assert limit.strip("-").replace("-", "_") in err
    assert run("price", "--acquisitions", ard.acquisitions[0], *TO, limit, "1e9")[0] == 0


def test_file_with_the_arguments_of_the_operator(run, ard, tmp_path):
    order = tmp_path / "order.yaml"
    order.write_text(
        f"acquisitions:\n  {ard.acquisitions[0]}: {ard.cells(ard.acquisitions[0])[:1]}\n"
        "destination: s3://bkt/file\nsettings: {water_mask: false}\nmetadata: {campaign: spring}\nmax_cost: 1e9\n"
    )
    assert run("price", "--file", str(order))[0] == 0
    assert ard.requests[-1].body["output_config"]["prefix"] == "file"
    assert ard.requests[-1].body["metadata"]["campaign"] == "spring"
    # Flags take precedence.
    assert run("price", "--file", str(order), *TO, "--settings", "visual=false")[0] == 0
    assert ard.requests[-1].body["output_config"]["prefix"] == "p"
    assert ard.requests[-1].body["settings"]["visual"] is False


def test_select_and_json_file_with_tabs(run, ard, tmp_path):
    select_id = json.loads(run("select", "--bbox", "-105.2", "40.1", "-105.0", "40.25", "--json")[1])["select_id"]
    order = tmp_path / "order.json"
    order.write_text(json.dumps({"select_id": select_id, "destination": "s3://bkt/p"}, indent="\t"))
    assert run("price", "--file", str(order))[0] == 0
    assert run("price", "--select-id", select_id, *TO)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (TO, "--acquisitions"),
        (["--acquisitions", "nope", *TO], "--acquisitions"),
        (["--acquisitions", "", *TO], "--acquisitions"),
        (["--acquisitions", f"{ID}:Z13", *TO], "--acquisitions"),
        (["--acquisitions", ID], "--destination"),
        (["--acquisitions", ID, "--destination", ""], "--destination"),
        (["--acquisitions", ID, "--select-id", "1", *TO], "--select-id"),
        (["--acquisitions", ID, *TO, "--bbox", ""], "--bbox"),
        (["--acquisitions", ID, *TO, "--intersects", ""], "--intersects"),
        (["--acquisitions", ID, *TO, "--max-cost", ""], "--max-cost"),
        (["--acquisitions", ID, *TO, "--max-area-sqkm", "-1"], "--max-area-sqkm"),
        (["--acquisitions", ID, *TO, "--settings", "water_mask=maybe"], "--settings.water_mask"),
        (["--acquisitions", ID, *TO, "--settings", "water_masc=true"], "--settings"),
        (["--acquisitions", ID, *TO, "--role-arn", "x"], "--role-arn"),
        (["--acquisitions", ID, *TO, "--email-notifications", "x"], "--email-notifications"),
        (["--file", "/does/not/exist"], "--file"),
    ],
)
def test_invalid_argument_is_named_and_no_request_is_sent(run, ard, arguments, named):
    code, _, err = run("price", *arguments)
    assert code == 2
    assert err.startswith(f"error: {named}: ")
    assert ard.requests == []


def test_acquisition_without_cells_after_a_colon_is_a_usage_error(run, ard):
    code, _, err = run("price", "--acquisitions", f"{ID}:", *TO)
    assert (code, "--acquisitions" in err, ard.requests) == (2, True, [])


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "--file"),
        ("[1]", "--file"),
        ("max_costs: 10", "--file"),
        ("budget: {cost: 1, per: day}", "--file"),
        ("max_cost: 10\nmax_cost: 1000", "--file"),
        (f"{{output_config: {{azure_blob_storage: {{sas_url: {SAS}", "--file"),
        (f"acquisitions: {ID}\ndestination: s3://b/p\nmax_cost:", "--file: max_cost"),
        (f"acquisitions: {ID}\ndestination: s3://b/p\nbbox: []", "--file: bbox"),
        (f"acquisitions: {ID}\noutput_config: {{azure_blob_storage: {{sas: '{SAS}'}}}}", "--file: output_config"),
    ],
)
def test_invalid_file_is_named_without_its_content(run, ard, tmp_path, content, named):
    path = tmp_path / "order.yaml"
    path.write_text(content)
    code, _, err = run("price", "--file", str(path))
    assert code == 2
    assert err.startswith(f"error: {named}")
    assert "s1gnatur3" not in err
    assert ard.requests == []


def test_arguments_are_those_of_the_operators():
    from airflow_provider_ard.cli import order_arguments, select
    from airflow_provider_ard.operators import order as order_operator
    from airflow_provider_ard.operators import select as select_operator

    assert order_arguments.ORDER_ARGUMENTS == order_operator.ORDER_ARGUMENTS
    assert set(order_arguments.LIMITS) < set(order_operator.LIMITS)
    assert select.SELECT_ARGUMENTS == select_operator.SELECT_ARGUMENTS
