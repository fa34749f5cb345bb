from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.bbox_sequence import check_sequence
from airflow_provider_ard.api.geo.grid import bounds
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.selects.request import SelectRequest

A = "10300100B2B49700"
# In Switzerland, where longitude and latitude can be swapped without leaving the valid range.
CELL = "Z32-013333312301"
WEST, SOUTH, EAST, NORTH = bounds([CELL])
BOX = (round(WEST, 1), round(SOUTH, 1) - 0.1, round(EAST, 1) + 0.2, round(NORTH, 1) + 0.2)
XMIN, YMIN, XMAX, YMAX = BOX
SWAPPED = {
    "xmin, xmax, ymin, ymax": (XMIN, XMAX, YMIN, YMAX),
    "ymin, ymax, xmin, xmax": (YMIN, YMAX, XMIN, XMAX),
    "ymin, xmin, ymax, xmax": (YMIN, XMIN, YMAX, XMAX),
}


@pytest.mark.parametrize("cells", [(), (CELL,)])
@pytest.mark.parametrize("box", [BOX, (-106, 39, -104, 41), (-10, 35, 30, 70), (-125, 24, -66, 49), (-180, -90, 0, 90)])
def test_plausible_and_large_boxes_are_accepted(box, cells):
    assert check_sequence(box, cells) == []


def test_huge_box_causes_a_warning():
    (warning,) = check_sequence(SWAPPED["xmin, xmax, ymin, ymax"])
    assert "xmin, xmax, ymin, ymax" in warning
    assert str(XMAX) in warning


@pytest.mark.parametrize("sequence", ["xmin, xmax, ymin, ymax", "ymin, xmin, ymax, xmax"])
def test_wrong_sequence_is_rejected_if_it_contains_the_cells(sequence):
    with pytest.raises(ArdRequestError, match=sequence) as caught:
        check_sequence(SWAPPED[sequence], [CELL])
    assert caught.value.argument == "bbox"


def test_order_and_select_check_the_sequence():
    swapped = list(SWAPPED["xmin, xmax, ymin, ymax"])
    assert "bbox" in OrderRequest.of(acquisitions=A, destination="b/p", bbox=swapped).warnings[0]
    assert "bbox" in SelectRequest.of(bbox=swapped).warnings[0]
    with pytest.raises(ArdRequestError, match="where the cells are"):
        OrderRequest.of(acquisitions={A: [CELL]}, destination="b/p", bbox=swapped)
    assert OrderRequest.of(acquisitions={A: [CELL]}, destination="b/p", bbox=BOX).warnings == ()
