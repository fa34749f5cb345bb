"""The page on other libraries: versions of its table, and the function that `make compatibility` does not run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.docs.markdown import REPOSITORY, blocks

PAGE = REPOSITORY / "docs" / "libraries.md"
PINS = REPOSITORY / "tests" / "compatibility" / "requirements.txt"


def test_versions_of_the_table_are_those_of_the_requirements() -> None:
    """A change of the pins requires `make compatibility`, which writes the table."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", PINS.read_text(), re.MULTILINE))
    rows = re.findall(r"^\| ([\w-]+) \| ([\d.]+) \| (sandbox|real form) \|", PAGE.read_text(), re.MULTILINE)
    versions = {library.lower(): version for library, version, _ in rows}
    versions["titiler-core"] = versions.pop("titiler")
    assert len(versions) == 7
    assert versions == {library: pins[library] for library in versions}


def test_no_library_reads_only_one_form() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [\d.]+ \| (sandbox|real form) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    cells = {(library, form): cells for library, form, cells in rows}
    assert len(cells) == 16
    assert all(cells[library, "sandbox"] == cells[library, "real form"] for library, _ in cells)


def test_item_of_a_listed_tile_has_its_files(tmp_path: Path) -> None:
    document = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "13/120020112010/10300100DA5E1C00",
        "properties": {"datetime": "2022-10-03 17:42:35Z"},
        "geometry": None,
        "links": [],
        "assets": {"visual": {"href": "./10300100DA5E1C00-visual.tif"}},
    }
    path = tmp_path / "item.json"
    path.write_text(json.dumps(document))
    names: dict[str, Any] = {}
    for block in blocks("python"):
        if block.path == PAGE:
            exec(compile(block.padded(), str(PAGE), "exec"), names)
    uri = "s3://bucket/10300100DA5E1C00-visual.tif"
    item = names["read_item"]({"item_uri": f"file://{path}", "assets": {"visual": uri}})
    assert item.assets["visual"].href == uri
