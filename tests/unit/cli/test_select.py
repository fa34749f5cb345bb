from __future__ import annotations

import json
import sys

import pytest

from airflow_provider_ard.api.orders.acquisitions import parse_acquisitions
from airflow_provider_ard.cli import output, select

SITE = ("--bbox", "-105.2", "40.1", "-105.0", "40.25")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(select, "POLL_INTERVAL_S", 1.0)


def test_table_has_the_acquisitions_with_links_to_quicklooks(run, ard):
    code, out, err = run("select", *SITE, "--query", '{"eo:cloud_cover": {"lte": 10}}')
    assert code == 0
    rows = [line.split() for line in out.splitlines() if line.strip().startswith("10")]
    assert rows
    assert {row[0] for row in rows} <= set(ard.acquisitions)
    assert all(row[-1].startswith(f"{ard.url}/api/v1/browse/preview/{row[0]}/Z13-") for row in rows)
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
    assert "cost" in err


def test_json_has_what_an_order_takes_and_each_tile(run, ard, client):
    code, out, _ = run("select", *SITE, "--stack-depth", "1", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["usage"]["area"]["total_imagery_sqkm"] > 0
    expected = client.get_select_results(client.get_select(result["select_id"]))
    assert {item.id: set(item.cells) for item in parse_acquisitions(result["acquisitions"])} == {
        name: set(cells) for name, cells in expected.items()
    }
    tile = result["tiles"][0]
    assert tile["quicklook"].endswith(f"/browse/preview/{tile['acquisition_id']}/{tile['cell_id']}")
    assert ard.orders == []


def test_geojson_has_one_feature_per_tile(run):
    code, out, _ = run("select", "--bbox=-105.2,40.1,-105.0,40.25", "--geojson")
    collection = json.loads(out)
    assert code == 0
    assert collection["type"] == "FeatureCollection"
    assert {feature["geometry"]["type"] for feature in collection["features"]} == {"Polygon"}
    assert all(feature["properties"]["quicklook"] for feature in collection["features"])
    assert len(parse_acquisitions(collection)) > 1


def test_aoi_from_a_file(run, tmp_path):
    path = tmp_path / "aoi.wkt"
    path.write_text("POLYGON ((-105.2 40.1, -105.0 40.1, -105.0 40.25, -105.2 40.25, -105.2 40.1))")
    assert json.loads(run("select", "--intersects", str(path), "--json")[1])["tiles"]


@pytest.mark.parametrize("option", ["", "--json", "--geojson"])
def test_search_without_matches(run, option):
    code, out, err = run("select", *SITE, "--datetime", "1999-01-01", *filter(None, [option]))
    assert code == 0
    assert "Nothing matches" in err
    assert not out or not (json.loads(out).get("tiles") or json.loads(out).get("features"))


def test_outage_does_not_end_the_wait(run, ard):
    ard.faults.add("GET /select/request/*", kind="status", status=503, nth=1)
    assert run("select", *SITE)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--intersects"),
        (["--bbox", ""], "--bbox"),
        (["--bbox", "1", "2", "3"], "--bbox"),
        ([*SITE, "--intersects", "POINT (0 0)"], "--intersects"),
        ([*SITE, "--datetime", "soon"], "--datetime"),
        ([*SITE, "--query", "{"], "--query"),
        ([*SITE, "--query", ""], "--query"),
        ([*SITE, "--stack-depth", "0"], "--stack-depth"),
        ([*SITE, "--image-age-category", "old"], "--image-age-category"),
        (["--ids", "x"], "--ids"),
        ([*SITE, "--json", "--geojson"], "--geojson"),
    ],
)
def test_invalid_argument_is_named_and_no_request_is_sent(run, ard, arguments, named):
    code, _, err = run("select", *arguments)
    assert code == 2
    assert err.startswith(f"error: {named}: ")
    assert ard.requests == []


def test_link_on_a_terminal(monkeypatch):
    monkeypatch.setattr(output, "stdout", lambda: sys.stdout)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    link = select._link("http://ard.example/browse/preview/a/b")
    assert (link.plain, link.style.link) == ("open", "http://ard.example/browse/preview/a/b")
