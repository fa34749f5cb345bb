"""Boxes with their numbers in another sequence, such as [xmin, xmax, ymin, ymax], which may pass as huge boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.grid import Box, bounds
from airflow_provider_ard.api.geo.rules import exact

if TYPE_CHECKING:
    from collections.abc import Collection

# No acquisition extends so far in both directions.
_PLAUSIBLE_DEGREES = 3.0
# Above this many cells their location is not computed.
_MOST_CELLS = 5_000


def check_sequence(bbox: Box, cells: Collection[str] = ()) -> list[str]:
    """Return a warning for a box that is implausibly large, if another sequence of its numbers is a plausible box.

    `cells`: the cells to order, if they are known. Raises `ArdRequestError` if they are at such a box, and the box
    itself is implausible or elsewhere.
    """
    if not cells and not _is_huge(bbox):
        return []
    location = bounds(cells) if 0 < len(cells) <= _MOST_CELLS else None
    for sequence, box in _plausible_readings(bbox).items():
        message = (
            f"got {_text(bbox)}, expected xmin, ymin, xmax, ymax; did you mean {_text(box)}, passed as {sequence}?"
        )
        if location and _intersects(box, location) and (_is_huge(bbox) or not _intersects(bbox, location)):
            raise ArdRequestError(f"{message} That is where the cells are", argument="bbox")
        if _is_huge(bbox):
            return [f"bbox: is implausibly large, {message}"]
    return []


def _plausible_readings(bbox: Box) -> dict[str, Box]:
    """Return the plausible boxes that the same numbers are in other sequences."""
    first, second, third, fourth = bbox
    candidates = {
        "xmin, xmax, ymin, ymax": (first, third, second, fourth),
        "ymin, ymax, xmin, xmax": (third, first, fourth, second),
        "ymin, xmin, ymax, xmax": (second, first, fourth, third),
    }
    return {sequence: box for sequence, box in candidates.items() if _is_valid(box) and _is_plausible(box)}


def _is_valid(box: Box) -> bool:
    xmin, ymin, xmax, ymax = box
    return -180 <= xmin < xmax <= 180 and -90 <= ymin < ymax <= 90


def _is_huge(box: Box) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) > _PLAUSIBLE_DEGREES


def _is_plausible(box: Box) -> bool:
    return max(box[2] - box[0], box[3] - box[1]) <= _PLAUSIBLE_DEGREES


def _intersects(box: Box, other: Box) -> bool:
    """Return whether two boxes intersect; one across the antimeridian, with west greater than east, counts as none."""
    return box[0] <= other[2] and other[0] <= box[2] and box[1] <= other[3] and other[1] <= box[3]


def _text(box: Box) -> str:
    return f"[{', '.join(map(exact, box))}]"
