"""Run the example DAG with `dag.test()` on generated acquisitions, on those at a border of zones, and on real ones."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from maxar_ard_grid import Cell
from PIL import Image
from pyarrow.parquet import read_table
from shapely import union_all
from shapely.geometry import box, mapping, shape

from airflow_provider_ard.sandbox.rendering.projection import project
from demo.report import Ingested
from demo.runner import ITEM
from demo.standalone import REPOSITORY, clean_environment
from tests.chaos.conftest import FULL

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from airflow_provider_ard.sandbox import Sandbox
    from demo.storage import S3Server

REAL_CATALOG = REPOSITORY.parent / "shared" / "real-catalog"
RUN_LIMIT_S = 240

pytestmark = pytest.mark.timeout(RUN_LIMIT_S + 30)


def run_dag(home: Path, ard: Sandbox, s3: S3Server, name: str, **params: Any) -> tuple[str, str]:
    """Run the example DAG and return the S3 prefixes of the delivered and the ingested files."""
    delivered, ingested = f"s3://ard-demo/{name}/delivered", f"s3://ard-demo/{name}/ingested"
    env = clean_environment() | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags_examples"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # `dag.test()` of Airflow 3.2 does not generate one.
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
        "AIRFLOW_CONN_AWS_DEFAULT": s3.connection_json,
    }
    conf = {"destination": delivered, "ingested": ingested, **params}
    runner = Path(__file__).with_name("dag_test_run.py")
    process = subprocess.run(
        [sys.executable, str(runner), env["AIRFLOW__CORE__DAGS_FOLDER"], json.dumps(conf)],
        env=env,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )
    output = (process.stdout + process.stderr)[-8000:]
    assert process.returncode == 0, output
    outcome = json.loads(process.stdout.splitlines()[-1])
    assert outcome == {"state": "success", "import_errors": {}}, output
    return delivered, ingested


def delivered_items(s3: S3Server, prefix: str) -> set[str]:
    return {uri for uri in s3.uris(prefix) if ITEM.search(uri)}


def test_example_ingests_every_tile_of_its_default_order(s3: S3Server, tmp_path: Path) -> None:
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="1s", storage="s3", s3_endpoint=s3.url, pixels=64) as ard:
        delivered, ingested = run_dag(tmp_path, ard, s3, "generated")
        assert len(ard.submissions) == 1

    ingested_files = Ingested.fetch(s3, ingested, tmp_path)
    items = delivered_items(s3, delivered)
    assert 4 <= len(items) <= 9
    assert ingested_files.item_uris() == items
    assert ingested_files.mosaic.read_bytes().startswith(b"\x89PNG")
    quicklooks = [uri for uri in s3.uris(ingested) if "/quicklooks/" in uri]
    assert sorted(row["assets"]["thumbnail"]["href"] for row in ingested_files.rows) == sorted(quicklooks)
    assert b"geo" in read_table(ingested_files.catalog).schema.metadata
    assert all(len(row["visual:mean"]) == 3 and max(row["visual:mean"]) > 0 for row in ingested_files.rows)


# Two neighbors in zone 30 and one in zone 31, which overlaps with the second, and panchromatic ones in zone 31.
COLOR, PANCHROMATIC = "10300100AAAAAA00", "10200100BBBBBB00"
BORDER = (
    (COLOR, "WV02", 0.65, 0, "Z30-120002310221"),
    (COLOR, "WV02", 0.65, 0, "Z30-120002310230"),
    (COLOR, "WV02", 0.65, 0, "Z31-031113201310"),
    (PANCHROMATIC, "WV01", 0.52, 5, "Z31-031113201310"),
    (PANCHROMATIC, "WV01", 0.52, 5, "Z31-031113201311"),
)


def tile_area(cell: Cell, epsg: int) -> BaseGeometry:
    """Return a cell with its margin in another CRS."""
    return project(box(*cell.bounds).buffer(156.25, join_style="mitre"), cell.proj, epsg)


def write_border_catalog(path: Path) -> None:
    """Write a catalog for the sandbox of the tiles in `BORDER`."""
    features = []
    for acquisition_id, platform, gsd, clouds_percent, cell_id in BORDER:
        cell = Cell(cell_id)
        properties = {
            "catalog_id": acquisition_id,
            "platform": platform,
            "gsd": gsd,
            "datetime": "2026-09-05T11:00:00Z",
            "utm_zone": cell.zone,
            "quadkey": cell.quadkey,
            "tile:clouds_percent": clouds_percent,
        }
        features.append({"type": "Feature", "properties": properties, "geometry": mapping(tile_area(cell, 4326))})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def test_tiles_of_two_zones_and_panchromatic_ones_are_merged(s3: S3Server, tmp_path: Path) -> None:
    from airflow_provider_ard.sandbox import Sandbox

    catalog, params = tmp_path / "border.geojson", {"acquisitions": [COLOR, PANCHROMATIC], "bbox": [-1, 41, 1, 42]}
    write_border_catalog(catalog)
    with Sandbox(order_duration="1s", storage="s3", s3_endpoint=s3.url, catalog=catalog, pixels=64) as ard:
        delivered, ingested = run_dag(tmp_path, ard, s3, "border", **params)

    ingested_files = Ingested.fetch(s3, ingested, tmp_path)
    assert ingested_files.item_uris() == delivered_items(s3, delivered)
    bands = {row["collection"]: len(row["visual:mean"]) for row in ingested_files.rows}
    assert bands == {COLOR: 3, PANCHROMATIC: 1}
    assert len(ingested_files.table().splitlines()) == 2 + len(BORDER)

    # The cloudiest tiles are the first, and their CRS is that of the mosaic.
    areas = {(acquisition_id, cell_id): tile_area(Cell(cell_id), 32631) for acquisition_id, *_, cell_id in BORDER}
    color = union_all([area for (acquisition_id, _), area in areas.items() if acquisition_id == COLOR])
    gray = union_all(list(areas.values())).difference(color)
    extent = box(*union_all(list(areas.values())).bounds).area
    pixels = np.asarray(Image.open(ingested_files.mosaic)).reshape(-1, 3).astype(int)
    is_data, is_gray = pixels.max(axis=1) > 0, np.ptp(pixels, axis=1) == 0
    assert is_data.mean() == pytest.approx((color.area + gray.area) / extent, abs=0.01)
    assert (is_data & is_gray).mean() == pytest.approx(gray.area / extent, abs=0.03)


class Region(NamedTuple):
    """Real acquisitions, and an AOI that some of their tiles intersect."""

    catalog: str
    acquisitions: list[str]
    bbox: list[float]
    zones: set[str]


REGIONS = {
    "Los Angeles": Region(
        "WildFires-LosAngeles-Jan-2025",
        ["10400100A20D9300", "103001010C7DD700"],
        [-118.56, 34.03, -118.50, 34.08],
        {"11"},
    ),
    "Maui": Region(
        "Maui-Hawaii-fires-Aug-23", ["10300100EB592000", "10300100EB15FF00"], [-156.69, 20.86, -156.66, 20.89], {"04"}
    ),
    "New Zealand": Region(
        "New-Zealand-Flooding23", ["10300100DE4D9300", "104001007C86B200"], [174.66, -36.77, 174.70, -36.72], {"60"}
    ),
    # At the border of two zones.
    "Emilia-Romagna": Region(
        "Emilia-Romagna-Italy-flooding-may23",
        ["1050010033C95B00", "103005009DF96A00"],
        [11.98, 44.19, 12.02, 44.21],
        {"32", "33"},
    ),
}
# `make chaos` runs them all.
RUN_REGIONS = [name for name in REGIONS if FULL or name == "Los Angeles"]


@pytest.mark.skipif(not REAL_CATALOG.exists(), reason="the catalog of real tiles is not available")
@pytest.mark.parametrize("name", RUN_REGIONS)
def test_real_acquisitions_deliver_only_cells_inside_the_aoi(name: str, s3: S3Server, tmp_path: Path) -> None:
    from airflow_provider_ard.sandbox import Sandbox

    region = REGIONS[name]
    catalog = REAL_CATALOG / f"{region.catalog}.geojson"
    features = [
        feature
        for feature in json.loads(catalog.read_text())["features"]
        if feature["properties"]["catalog_id"] in region.acquisitions
    ]
    expected = {
        feature["properties"]["path"]
        for feature in features
        if shape(feature["geometry"]).intersects(box(*region.bbox))
    }
    assert 1 < len(expected) < len(features)
    assert {path.split("/")[0] for path in expected} == region.zones

    with Sandbox(order_duration="1s", storage="s3", s3_endpoint=s3.url, catalog=catalog, pixels=64) as ard:
        params = {"acquisitions": region.acquisitions, "bbox": region.bbox}
        delivered, ingested = run_dag(tmp_path, ard, s3, f"real-{region.catalog}", **params)

    items = delivered_items(s3, delivered)
    assert {uri.removeprefix(f"{delivered}/").removesuffix(".json") for uri in items} == expected
    ingested_files = Ingested.fetch(s3, ingested, tmp_path)
    assert ingested_files.item_uris() == items
    assert {row["collection"] for row in ingested_files.rows} == set(region.acquisitions)
    assert np.asarray(Image.open(ingested_files.mosaic)).any()
