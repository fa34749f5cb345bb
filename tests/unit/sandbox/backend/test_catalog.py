import json
import re
from collections import Counter
from pathlib import Path

import pytest
from maxar_ard_grid import Cell
from shapely.geometry import box

from airflow_provider_ard.sandbox.backend.catalog import Catalog
from airflow_provider_ard.sandbox.backend.pricing import age_class
from airflow_provider_ard.sandbox.rendering import catalog_generator as generate
from airflow_provider_ard.sandbox.rendering.projection import WGS84, project
from tests.unit.sandbox.conftest import REAL_CATALOG

BUNDLED = Path(generate.__file__).parents[1] / "backend" / "catalog.geojson"


def test_bundled_catalog_equals_generator_output(tmp_path):
    generate.write(tmp_path / "catalog.geojson")
    assert (tmp_path / "catalog.geojson").read_text() == BUNDLED.read_text()
    assert BUNDLED.stat().st_size < 300_000


def test_bundled_catalog_covers_classes_hemispheres_and_clouds():
    catalog = Catalog.load()
    assert len(catalog.acquisitions) == 23
    classes = Counter()
    for acquisition in catalog.acquisitions:
        assert re.fullmatch(r"10[1-6][0AC][0-9A-F]{3}0[0-9A-F]{6}00", acquisition)
        tiles = list(catalog.tiles(acquisition).values())
        assert 4 <= len(tiles) <= 9
        classes[age_class(tiles[0].acquired_at.date(), catalog.as_of)] += 1
    assert min(classes[name] for name in ("fresh", "standard", "training")) >= 4
    assert {tile.zone for tile in catalog} == {13, 19, 30}
    assert {tile.cell.hemisphere for tile in catalog} == {"N", "S"}
    assert max(tile.clouds_percent for tile in catalog) > 50
    panchromatic = {tile.cell_id for tile in catalog if tile.properties["platform"] == "WV01"}
    assert panchromatic & {tile.cell_id for tile in catalog if "ms_analytic" in tile.properties["assets"]}


def test_footprints_are_within_their_cells_and_a_margin():
    for tile in Catalog.load():
        xmin, ymin, xmax, ymax = tile.cell.bounds
        assert tile.bounds == (xmin - 156.25, ymin - 156.25, xmax + 156.25, ymax + 156.25)
        assert box(*tile.bounds).buffer(1).covers(project(tile.footprint, WGS84, tile.epsg)), tile.cell_id
        assert tile.properties["grid:code"] == f"MXRA-{tile.cell_id}"
        assert tile.properties["path"] == f"{tile.folder}/{tile.acquisition_id}"


@pytest.mark.skipif(not REAL_CATALOG.exists(), reason="needs shared/real-catalog beside the repository")
def test_bundled_catalog_has_the_properties_of_a_real_catalog():
    keys = set()
    for path in REAL_CATALOG.glob("Brazil*.geojson"):
        for feature in json.loads(path.read_text())["features"]:
            keys |= set(feature["properties"])
    for feature in json.loads(BUNDLED.read_text())["features"]:
        assert set(feature["properties"]) == keys


def test_cell_ids_match_the_grid():
    for tile in Catalog.load():
        assert Cell(tile.cell_id).id == tile.cell_id


@pytest.mark.parametrize("content", ["{}", '{"features": [{}]}', "[]"])
def test_invalid_catalog_is_rejected(tmp_path, content):
    path = tmp_path / "x.geojson"
    path.write_text(content)
    with pytest.raises(ValueError, match="not a catalog"):
        Catalog.load([path])
