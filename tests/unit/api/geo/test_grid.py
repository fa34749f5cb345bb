from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from airflow_provider_ard.api.geo import grid

# Cells exist up to 84° of latitude and within the width of their zone.
COLUMNS, ROWS = st.integers(-70, 69), st.integers(-1860, 1859)


def cell_id(zone: int, column: int, row: int) -> str:
    x, y = column + 2048, 2047 - row
    digits = (str((x >> bit & 1) + 2 * (y >> bit & 1)) for bit in reversed(range(12)))
    return f"Z{zone:02d}-{''.join(digits)}"


def reference(name: str) -> Polygon:
    from maxar_ard_grid import Cell
    from pyproj import Transformer
    from shapely.ops import transform

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cell = Cell(name)
        project = Transformer.from_crs(cell.proj, 4326, always_xy=True).transform
        return transform(project, box(*cell.bounds))


@given(zone=st.integers(1, 60), column=COLUMNS, row=ROWS)
def test_footprint_equals_that_of_maxar_ard_grid(zone, column, row):
    name = cell_id(zone, column, row)
    actual = Polygon(grid.footprint(name)).normalize().exterior.coords
    expected = reference(name).normalize().exterior.coords
    for point, expected_point in zip(actual, expected, strict=True):
        assert point == pytest.approx(expected_point)


def test_bounds_contain_every_cell():
    cells = ["Z13-031131111330", "Z13-031131111333", "Z13-031133320203"]
    west, south, east, north = grid.bounds(cells)
    for name in cells:
        x0, y0, x1, y1 = reference(name).bounds
        assert west <= x0 + 0.05
        assert south <= y0 + 0.05
        assert east >= x1 - 0.05
        assert north >= y1 - 0.05


def test_bounds_cross_the_antimeridian():
    west, _, east, _ = grid.bounds([cell_id(60, 66, 3), cell_id(1, -66, 3)])
    assert west > 170
    assert east < -170


@pytest.mark.parametrize("invalid_cells", [[], ["Z61-031131111330"], ["Z13-0311"], [None], ["Z13-031131111334"]])
def test_invalid_cell_has_no_bounds(invalid_cells):
    assert grid.bounds(invalid_cells) is None


def test_footprint_of_an_invalid_cell_is_an_error():
    with pytest.raises(ValueError, match="not a cell ID"):
        grid.footprint("Z00-000000000000")
