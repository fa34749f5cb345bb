"""Run the example DAG with `dag.test()` on generated acquisitions, also panchromatic ones, and on real ones."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from pyarrow.parquet import read_table
from shapely.geometry import box, shape

from demo.report import Ingested
from demo.runner import ITEM
from demo.standalone import REPOSITORY, clean_environment

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox import Sandbox
    from demo.storage import S3Server

REAL = REPOSITORY.parent / "shared" / "real-catalog" / "WildFires-LosAngeles-Jan-2025.geojson"
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


def test_panchromatic_tiles_are_ingested_and_merged_with_others(s3: S3Server, tmp_path: Path) -> None:
    from airflow_provider_ard.sandbox import Sandbox

    bands = {"10200100DD7B2F00": 1, "1030010072671C00": 3}
    bbox = [-0.93, 41.60, -0.86, 41.67]
    with Sandbox(order_duration="1s", storage="s3", s3_endpoint=s3.url, pixels=64) as ard:
        delivered, ingested = run_dag(tmp_path, ard, s3, "panchromatic", acquisitions=list(bands), bbox=bbox)

    ingested_files = Ingested.fetch(s3, ingested, tmp_path)
    assert ingested_files.item_uris() == delivered_items(s3, delivered)
    assert {row["collection"] for row in ingested_files.rows} == set(bands)
    assert all(len(row["visual:mean"]) == bands[row["collection"]] for row in ingested_files.rows)
    pixels = np.asarray(Image.open(ingested_files.mosaic)).reshape(-1, 3)
    gray = (pixels == pixels[:, :1]).all(axis=1)
    assert (pixels.max(axis=1) == 0).mean() < 0.4
    assert (gray & (pixels[:, 0] > 0)).mean() > 0.05
    assert (~gray).mean() > 0.2
    assert len(ingested_files.table().splitlines()) == 2 + len(ingested_files.rows)


@pytest.mark.skipif(not REAL.exists(), reason="the catalog of real tiles is not available")
def test_real_acquisitions_deliver_only_cells_inside_the_aoi(s3: S3Server, tmp_path: Path) -> None:
    from airflow_provider_ard.sandbox import Sandbox

    acquisitions = ["10400100A20D9300", "103001010C7DD700"]
    bbox = [-118.56, 34.03, -118.50, 34.08]
    features = [
        feature
        for feature in json.loads(REAL.read_text())["features"]
        if feature["properties"]["catalog_id"] in acquisitions
    ]
    expected = {
        feature["properties"]["path"] for feature in features if shape(feature["geometry"]).intersects(box(*bbox))
    }
    assert 1 < len(expected) < len(features)

    with Sandbox(order_duration="1s", storage="s3", s3_endpoint=s3.url, catalog=REAL, pixels=64) as ard:
        delivered, ingested = run_dag(tmp_path, ard, s3, "real", acquisitions=acquisitions, bbox=bbox)

    items = delivered_items(s3, delivered)
    assert {uri.removeprefix(f"{delivered}/").removesuffix(".json") for uri in items} == expected
    ingested_files = Ingested.fetch(s3, ingested, tmp_path)
    assert ingested_files.item_uris() == items
    assert {row["collection"] for row in ingested_files.rows} == set(acquisitions)
