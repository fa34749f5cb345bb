from __future__ import annotations

from decimal import Decimal

import pytest
from maxar_ard_grid import Cell
from pyproj import Geod, Transformer
from shapely import box, segmentize, transform

from airflow_provider_ard.api.errors import ArdBudgetExceeded, ArdRequestError
from airflow_provider_ard.api.orders.acquisitions import Acquisition
from airflow_provider_ard.api.orders.status import Usage
from airflow_provider_ard.ordering.budget import TILE_SQKM, check_budget, check_cells, read_limit

A, B = "10300100B2B49700", "1040010060C9AD00"
CELLS = ("Z13-031133320203", "Z13-031133320202")


def usage(cost=100.0, area=10.0, available=None):
    """Usage as the API tells it; cost and area: the total, or what differs from a common one."""
    costs = cost if isinstance(cost, dict) else {"fresh_imagery_cost": cost, "total_imagery_cost": cost}
    areas = area if isinstance(area, dict) else {"fresh_imagery_sqkm": area, "total_imagery_sqkm": area}
    return Usage(
        area={"fresh_imagery_sqkm": 10.0, "total_imagery_sqkm": 10.0, **areas},
        cost={"fresh_imagery_cost": 100.0, "total_imagery_cost": 100.0, **costs},
        available=available,
    )


@pytest.mark.parametrize(
    ("given", "limit"),
    [(0, 0.0), ("12.50", 12.5), (Decimal("0.1"), 0.1), (" 7 ", 7.0)],
)
def test_a_limit_is_a_number_or_the_text_of_one(given, limit):
    assert read_limit(given, "max_cost") == limit


@pytest.mark.parametrize("given", [-0.01, "nan", float("nan"), True, "12,50", [1], None, "", " None "])
def test_what_is_no_limit_is_refused(given):
    with pytest.raises(ArdRequestError, match="max_cost: "):
        read_limit(given, "max_cost")


@pytest.mark.parametrize(
    ("estimate", "limit"),
    [(0.3, 0.1 * 3), (0.1, 1.0 - 0.9), (1.1 * 3, 3.3), (1234567.89, 1234567.89), (0.0, 0.0)],
)
def test_a_limit_of_exactly_the_estimate_is_enough_however_it_was_reckoned(estimate, limit):
    check_budget(usage(cost=estimate, area=estimate), limit, limit)


@pytest.mark.parametrize("estimate", [0.01, 100.0, 1234567.89, 99999999.99])
def test_a_cent_less_is_not_enough_and_the_error_shows_both_to_the_cent(estimate):
    with pytest.raises(ArdBudgetExceeded) as caught:
        check_budget(usage(cost=estimate, available={"total_imagery_balance": 500}), estimate - 0.01, None)
    assert f"{estimate:,.2f}, over max_cost of {estimate - 0.01:,.2f}" in str(caught.value)
    assert "balance is 500.00" in str(caught.value)
    assert (caught.value.estimate, caught.value.balance) == (estimate, 500)


@pytest.mark.parametrize("limits", [(1e9, None), (None, 1e9), (float("inf"), None)])
@pytest.mark.parametrize("cost", [{"total_imagery_cost": None}, {"fresh_imagery_cost": None}], ids=str)
def test_imagery_without_a_price_is_over_any_budget(limits, cost):
    with pytest.raises(ArdBudgetExceeded, match=r"no price.*nothing was bought"):
        check_budget(usage(cost={"total_imagery_cost": 100.0, **cost}), *limits)


def test_a_class_without_a_price_of_which_nothing_is_ordered_is_no_matter():
    check_budget(usage(cost={"training_imagery_cost": None}, area={"training_imagery_sqkm": 0.0}), 100.0, None)


@pytest.mark.parametrize("area", [None, "10", float("nan"), True])
def test_an_estimate_that_is_no_number_is_over_any_budget(area):
    with pytest.raises(ArdBudgetExceeded, match="gave no estimate") as caught:
        check_budget(usage(area={"total_imagery_sqkm": area}), None, 1e9)
    assert caught.value.estimate is None


def test_an_account_without_a_limit_is_told_as_such():
    with pytest.raises(ArdBudgetExceeded, match="no limit"):
        check_budget(usage(available={"total_imagery_balance": -1}), 1.0, None)


@pytest.mark.parametrize("cell_id", ["Z13-031133320203", "Z19-302022020230", "Z01-122223222212"])
def test_no_tile_is_larger_than_is_reckoned_with(cell_id):
    cell = Cell(cell_id)
    xmin, ymin, xmax, ymax = cell.bounds
    assert xmax - xmin == ymax - ymin == 5000
    project = Transformer.from_crs(cell.proj, 4326, always_xy=True).transform
    with_margin = segmentize(box(*cell.bounds).buffer(156.25, join_style="mitre"), 100)
    with_margin = transform(with_margin, project, interleaved=False)
    assert 0.98 * TILE_SQKM < abs(Geod(ellps="WGS84").geometry_area_perimeter(with_margin)[0]) / 1e6 < 1.001 * TILE_SQKM


def test_the_area_of_all_tiles_asked_for_is_no_sign_of_anything():
    check_cells(usage(area=3 * TILE_SQKM), [Acquisition(A, CELLS), Acquisition(B, CELLS[:1])])


def test_an_area_beyond_the_cells_is_refused():
    with pytest.raises(ArdBudgetExceeded, match=r"3 cells.*cells_key") as caught:
        check_cells(usage(area=3.1 * TILE_SQKM), [Acquisition(A, CELLS), Acquisition(B, CELLS[:1])])
    assert caught.value.limit == pytest.approx(3 * TILE_SQKM)


@pytest.mark.parametrize("acquisitions", [[], [Acquisition(A)], [Acquisition(A, CELLS), Acquisition(B)]], ids=str)
def test_whole_acquisitions_have_no_area_known_beforehand(acquisitions):
    check_cells(usage(area=1e6), acquisitions)
