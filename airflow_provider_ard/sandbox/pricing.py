"""What an order is worth: km² in the three age classes, times a price for each."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from airflow_provider_ard.sandbox.catalog import Tile

CLASSES = ("fresh", "standard", "training")

# Per km². None would mean that the account has no price for the class and cannot order it.
DEFAULT_PRICES: Mapping[str, float | None] = {"fresh": 12.0, "standard": 6.0, "training": 2.0}
UNLIMITED = -1


def age_class(taken: date, today: date) -> str:
    """Return the class of an acquisition: up to 90 days old, up to three years, or older."""
    if (today - taken).days <= 90:
        return "fresh"
    # A 29th of February three years on: the 28th, since no such day exists.
    day = 28 if (taken.month, taken.day) == (2, 29) else taken.day
    return "standard" if today <= taken.replace(year=taken.year + 3, day=day) else "training"


def usage(tiles: Iterable[Tile], today: date, prices: Mapping[str, float | None], *, estimate: bool) -> dict[str, Any]:
    """Return the ``usage`` block of an order.

    Whole tiles are delivered, even where the AOI only touches one, so the area billed is the data footprint
    of each, summed in km². A class with area but no price makes its cost, and the total, null.
    """
    area = dict.fromkeys(CLASSES, 0.0)
    for tile in tiles:
        area[age_class(tile.taken.date(), today)] += tile.area_sqkm
    cost: dict[str, float | None] = {}
    for name in CLASSES:
        price = prices.get(name)
        cost[name] = None if price is None else round(area[name] * price, 2)
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
        "limits": limits(),
        "available": {f"{name}_imagery_balance": UNLIMITED for name in (*CLASSES, "total")},
    }


def limits() -> dict[str, float]:
    """Return the spending limits of the account: none, which the API writes as -1."""
    fees = {f"{name}_imagery_fee_limit": UNLIMITED for name in CLASSES}
    return {**fees, "annual_subscription_fee_limit": UNLIMITED}
