"""Cost of imagery: km² in three age classes, times the price of each."""

from collections.abc import Mapping
from datetime import date
from typing import Any

CLASSES = ("fresh", "standard", "training")

# Per km²; None means that the account has no price for the class and cannot order it.
DEFAULT_PRICES: Mapping[str, float | None] = {"fresh": 12.0, "standard": 6.0, "training": 2.0}
UNLIMITED = -1


def age_class(acquired_on: date, today: date) -> str:
    """Return the class of an acquisition: up to 90 days old, up to three years, or older."""
    if (today - acquired_on).days <= 90:
        return "fresh"
    # Three years after February 29 is February 28.
    day = 28 if (acquired_on.month, acquired_on.day) == (2, 29) else acquired_on.day
    return "standard" if today <= acquired_on.replace(year=acquired_on.year + 3, day=day) else "training"


def describe(area: Mapping[str, float], cost: Mapping[str, float | None], *, estimate: bool) -> dict[str, Any]:
    """Return the `area` (km²) and `cost` parts of a `usage` block, with totals.

    A class with area but no price makes the total cost null.
    """
    unpriced = any(cost[name] is None and area[name] > 0 for name in CLASSES)
    total = None if unpriced else round(sum(value or 0.0 for value in cost.values()), 2)
    return {
        "area": {
            **{f"{name}_imagery_sqkm": round(area[name], 3) for name in CLASSES},
            "total_imagery_sqkm": round(sum(area.values()), 3),
            "estimate": estimate,
        },
        "cost": {
            **{f"{name}_imagery_cost": cost[name] for name in CLASSES},
            "total_imagery_cost": total,
            "estimate": estimate,
        },
    }
