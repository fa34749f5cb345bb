"""An AOI as a box: xmin, ymin, xmax, ymax in WGS84 degrees."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from airflow_provider_ard.api.arguments import safe_repr, to_list
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.rules import check_range, check_rules, clamp_number, exact

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def parse_bbox(value: object) -> tuple[float, float, float, float]:
    """Return (xmin, ymin, xmax, ymax) in WGS84 degrees from a list, a tuple, a string or a mapping of these names.

    Rounding errors beyond ±180 and ±90 are removed.
    Raises `ArdRequestError` for anything else, and for a box that breaks the AOI rules.
    """
    numbers = _four_numbers(value)
    xmin, ymin, xmax, ymax = numbers
    box = shapely.box(*numbers)
    check_range(box.bounds, "bbox")
    if xmin >= xmax or ymin >= ymax:
        raise ArdRequestError(
            f"expected xmin < xmax and ymin < ymax, got {', '.join(map(exact, numbers))}"
            + (" (a box across the antimeridian is not possible)" if xmin > xmax else ""),
            argument="bbox",
        )
    check_rules(np.array([box]), "bbox")
    return numbers


def _four_numbers(value: object) -> tuple[float, float, float, float]:
    content = value
    if isinstance(content, str):
        # Both a bare "1 2 3 4" and a list or dictionary rendered by a template.
        names = re.findall(r"(?i)\b([xy]m(?:in|ax))\b", content)
        numbers = re.findall(r"[^\s,;:\[\](){}'\"]+", re.sub(r"(?i)\b[xy]m(?:in|ax)\b", " ", content))
        content = dict(zip(names, numbers, strict=True)) if names and len(names) == len(numbers) else numbers
    if isinstance(content, Mapping):
        by_name = {str(name).lower(): number for name, number in content.items()}
        if set(by_name) != set(_SIDES):
            raise ArdRequestError(f"expected the keys {', '.join(_SIDES)}", argument="bbox")
        content = [by_name[name] for name in _SIDES]
    if isinstance(content, set | frozenset):
        raise ArdRequestError(f"expected [xmin, ymin, xmax, ymax], got {safe_repr(value)}", argument="bbox")
    values = to_list(content, "bbox", "[xmin, ymin, xmax, ymax]")
    if len(values) != len(_SIDES):
        raise ArdRequestError(f"expected four numbers, xmin, ymin, xmax, ymax, got {len(values)}", argument="bbox")
    xmin, ymin, xmax, ymax = (_number(number, name) for number, name in zip(values, _SIDES, strict=True))
    return clamp_number(xmin, 180), clamp_number(ymin, 90), clamp_number(xmax, 180), clamp_number(ymax, 90)


def _number(value: Any, name: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ArdRequestError(f"expected a number as {name}, got {safe_repr(value)}", argument="bbox")
    # An integer is sent unchanged, without a decimal point.
    return value if type(value) is int else number
