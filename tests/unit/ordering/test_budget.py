from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import pytest
from maxar_ard_grid import Cell
from pyproj import Geod, Transformer
from shapely import box, segmentize, transform

from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdRequestError
from airflow_provider_ard.api.orders.acquisitions import Acquisition
from airflow_provider_ard.api.orders.status import Usage
from airflow_provider_ard.ordering.budget import TILE_SQKM, BudgetLimits, check_requested_cells

A, B = "10300100B2B49700", "1040010060C9AD00"
CELLS = ("Z13-031133320203", "Z13-031133320202")


def check_budget(usage, max_cost, max_area_sqkm, acquisitions=()):
    BudgetLimits(max_cost, max_area_sqkm).check(usage, OrderedCells(acquisitions))


def check_cells(usage, acquisitions):
    check_requested_cells(usage, OrderedCells(acquisitions))


class OrderedCells(NamedTuple):
    """The part of a request that the estimate is compared with."""

    acquisitions: Sequence[Acquisition]


def usage(cost=100.0, area=10.0, available=None):
    """Return usage as reported by the API; cost and area are the total, or overrides by key."""
    costs = cost if isinstance(cost, dict) else {"fresh_imagery_cost": cost, "total_imagery_cost": cost}
    areas = area if isinstance(area, dict) else {"fresh_imagery_sqkm": area, "total_imagery_sqkm": area}
    return Usage(
        area={"fresh_imagery_sqkm": 10.0, "total_imagery_sqkm": 10.0, **areas},
        cost={"fresh_imagery_cost": 100.0, "total_imagery_cost": 100.0, **costs},
        available=available,
    )


@pytest.mark.parametrize(
    ("value", "limit"),
    [(0, 0.0), ("12.50", 12.5), (Decimal("0.1"), 0.1), (" 7 ", 7.0)],
)
def test_limit_is_a_number_or_numeric_string(value, limit):
    assert BudgetLimits.parse(max_cost=value).max_cost == limit


@pytest.mark.parametrize("value", [-0.01, "inf", 10**400, "nan", float("nan"), True, "12,50", [1], None, "", " None "])
def test_invalid_limit_is_rejected(value):
    with pytest.raises(ArdRequestError, match="max_cost: "):
        BudgetLimits.parse(max_cost=value)


@pytest.mark.parametrize(
    ("estimate", "limit"),
    [(0.3, 0.1 * 3), (0.1, 1.0 - 0.9), (1.1 * 3, 3.3), (1234567.89, 1234567.89), (0.0, 0.0)],
)
def test_limit_equal_to_estimate_is_sufficient_despite_rounding(estimate, limit):
    check_budget(usage(cost=estimate, area=estimate), limit, limit)


@pytest.mark.parametrize("estimate", [0.01, 100.0, 1234567.89, 99999999.99])
def test_limit_one_cent_below_estimate_is_exceeded(estimate):
    with pytest.raises(ArdBudgetExceeded) as caught:
        check_budget(usage(cost=estimate, available={"total_imagery_balance": 500}), estimate - 0.01, None)
    assert f"{estimate:,.2f} exceeds the limit of {estimate - 0.01:,.2f}" in str(caught.value)
    assert "balance is 500.00" in str(caught.value)
    assert (caught.value.estimate, caught.value.balance) == (estimate, 500)


@pytest.mark.parametrize("limits", [(1e9, None), (None, 1e9), (1e300, None)])
@pytest.mark.parametrize("cost", [{"total_imagery_cost": None}, {"fresh_imagery_cost": None}], ids=str)
def test_unpriced_imagery_exceeds_every_limit(limits, cost):
    with pytest.raises(ArdBudgetExceeded, match=r"no price.*nothing was bought"):
        check_budget(usage(cost={"total_imagery_cost": 100.0, **cost}), *limits)


def test_unpriced_class_without_area_is_ignored():
    check_budget(usage(cost={"training_imagery_cost": None}, area={"training_imagery_sqkm": 0.0}), 100.0, None)


@pytest.mark.parametrize("area", [None, "much", float("nan"), True, -1])
def test_non_numeric_estimate_exceeds_every_limit(area):
    with pytest.raises(ArdBudgetExceeded, match="returned no estimate") as caught:
        check_budget(usage(area={"total_imagery_sqkm": area}), None, 1e9)
    assert caught.value.estimate is None


def test_unlimited_account_is_reported():
    with pytest.raises(ArdBudgetExceeded, match="no limit"):
        check_budget(usage(available={"total_imagery_balance": -1}), 1.0, None)


@pytest.mark.parametrize("cell_id", ["Z13-031133320203", "Z19-302022020230", "Z01-122223222212"])
def test_tile_area_is_an_upper_bound(cell_id):
    cell = Cell(cell_id)
    xmin, ymin, xmax, ymax = cell.bounds
    assert xmax - xmin == ymax - ymin == 5000
    project = Transformer.from_crs(cell.proj, 4326, always_xy=True).transform
    with_margin = segmentize(box(*cell.bounds).buffer(156.25, join_style="mitre"), 100)
    with_margin = transform(with_margin, project, interleaved=False)
    assert 0.98 * TILE_SQKM < abs(Geod(ellps="WGS84").geometry_area_perimeter(with_margin)[0]) / 1e6 < 1.001 * TILE_SQKM


def test_area_of_all_requested_cells_passes():
    check_cells(usage(area=3 * TILE_SQKM), [Acquisition(A, CELLS), Acquisition(B, CELLS[:1])])


def test_area_beyond_requested_cells_is_rejected():
    with pytest.raises(ArdBudgetExceeded, match=r"3 cells.*cells_key") as caught:
        check_cells(usage(area=3.1 * TILE_SQKM), [Acquisition(A, CELLS), Acquisition(B, CELLS[:1])])
    assert caught.value.limit == pytest.approx(3 * TILE_SQKM)


@pytest.mark.parametrize("acquisitions", [[], [Acquisition(A)], [Acquisition(A, CELLS), Acquisition(B)]], ids=str)
def test_whole_acquisitions_are_not_checked(acquisitions):
    check_cells(usage(area=1e6), acquisitions)
