from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.acquisitions import parse_acquisitions

A, B = "10300100B2B49700", "104001009F982A00"
C, D = "Z13-031133320203", "Z13-031133320212"
REAL = Path(__file__).parents[4].parent / "shared" / "real-catalog"


def tile(name, zone, quadkey):
    return {"acquisition_id": name, "tile:zone": zone, "tile:quadkey": quadkey}


def features(*properties):
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": acquisition} for acquisition in properties],
    }


TILES = features(tile(A, 13, C[4:]), tile(B, "13", C[4:]), tile(A, 13, D[4:]))
STACKS = features(
    {"cell_id": C, "best_matches": [tile(A, 13, C[4:]), tile(B, 13, C[4:])]},
    {"cell_id": D, "best_matches": [tile(A, 13, D[4:])]},
    {"cell_id": "Z13-031133320213", "best_matches": []},
)
BY_CELLS = [(A, (C, D)), (B, (C,))]


@pytest.mark.parametrize(
    "response",
    [TILES, STACKS, json.dumps(TILES), str(STACKS), {A: [C, D], B: [C]}, json.dumps({A: [C, D], B: [C]}), [TILES, STACKS]],
    ids=["metadata search", "Select", "JSON metadata search", "rendered Select", "format=order", "JSON of format=order", "two searches"],
)  # fmt: skip
def test_search_response_is_ordered_by_its_cells(response):
    assert list(parse_acquisitions(response)) == BY_CELLS


def test_search_response_of_the_sandbox_is_accepted(ard, client):
    body = {"ids": ard.acquisitions[:2]}
    for form in ("geojson", "order"):
        response = client._request_json("POST", f"metadata/cells/acquisitions?format={form}", json=body)
        acquisition = parse_acquisitions(response)
        assert {name for name, _ in acquisition} == set(ard.acquisitions[:2])
        assert all(cells for _, cells in acquisition)


@pytest.mark.skipif(not REAL.is_dir(), reason="the metadata of real tiles is not available")
def test_real_acquisitions_and_cells_are_accepted():
    expected: dict[str, list[str]] = {}
    for path in REAL.glob("*.geojson"):
        for feature in json.loads(path.read_text())["features"]:
            properties_ = feature["properties"]
            expected.setdefault(properties_["catalog_id"], []).append(
                f"Z{properties_['utm_zone']:02d}-{properties_['quadkey']}"
            )
    assert len(expected) > 100
    assert [name for name, _ in parse_acquisitions(expected)] == list(expected)
    assert {cell for _, cells in parse_acquisitions(expected) for cell in cells} == {
        cell for cells in expected.values() for cell in cells
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([A, {"id": B, "cells": [C]}, {A: [D]}], [(A, ()), (B, (C,))]),
        ([[A], (B,)], [(A, ()), (B, ())]),
        ({A: f"['{C}', '{D}']"}, [(A, (C, D))]),
        ([{"id": A, "cell_ids": f'["{C}"]'}], [(A, (C,))]),
        ({A: (cell for cell in (C, D, C))}, [(A, (C, D))]),
        (dict.fromkeys([B, A]).keys(), [(B, ()), (A, ())]),
        (f"{{'{A}', '{B}'}}", [(A, ()), (B, ())]),
        ({A: []}, [(A, ())]),
        ({A: ()}, [(A, ())]),
    ],
)
def test_mixed_and_rendered_forms_are_parsed(value, expected):
    assert list(parse_acquisitions(value)) == expected


def test_set_is_ordered_the_same_in_every_process():
    code = (
        "from airflow_provider_ard.api.orders.request import OrderRequest\n"
        f"cells = {{'{C}', '{D}', 'Z13-031133320213', 'Z13-031133320230'}}\n"
        f"print(OrderRequest.of(acquisitions=[{{'{A}', '{B}'}}, {{'{A}': cells}}], destination='bkt').to_payload())"
    )
    payloads = {
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(payloads) == 1


def test_recursive_list_is_rejected():
    nested: list[object] = []
    nested.append(nested)
    with pytest.raises(ArdRequestError, match="nested"):
        parse_acquisitions(nested)
