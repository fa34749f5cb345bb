"""Tags of an order, as the API returns them: keys of its metadata that begin with a prefix of this provider.

All are sent as strings, which an API or a proxy passes on unchanged. Numbers, such as those in a user's metadata, may
return in another form: `2` as `2.0`, `"2"` or `"2.0"`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from airflow_provider_ard.ordering.order_key import RESERVED_PREFIXES

if TYPE_CHECKING:
    from airflow_provider_ard.api.orders.status import OrderStatus

# Larger integers change if they are stored as floating-point numbers.
MAX_EXACT_INTEGER = 2**53
_DIGEST = re.compile("[0-9a-f]{32}")
_DECIMAL = re.compile(r"-?\d{1,16}\.\d{1,16}([eE][-+]?\d{1,2})?")


def normalize_tag(value: object) -> str | None:
    """Return the value of a tag as a string, the same for all forms of an integer; None if it is missing or empty.

    normalize_tag(2.0) == normalize_tag("2.0") == normalize_tag(2) == "2"
    """
    if value is None or value == "":
        return None
    if isinstance(value, float) or (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        number = float(value)
        if number.is_integer() and abs(number) <= MAX_EXACT_INTEGER:
            return str(int(number))
    return value if isinstance(value, str) else json.dumps(value)


def tag_value(order: OrderStatus, tag: str) -> str | None:
    """Return a tag of an order, normalized; None if it is missing."""
    return normalize_tag(order.metadata.get(tag))


def tag_digest(order: OrderStatus, tag: str) -> str | None:
    """Return the digest in a tag of an order; None if it is missing or not a digest."""
    value = tag_value(order, tag)
    return value if value is not None and _DIGEST.fullmatch(value) else None


def tag_number(order: OrderStatus, tag: str) -> int | None:
    """Return the number in a tag of an order; None if it is missing or not a number."""
    value = tag_value(order, tag)
    return int(value) if value is not None and value.isdecimal() and len(value) < 20 else None


def submission_tag(order: OrderStatus, name: str) -> str | None:
    """Return the tag `name` that was added when the order was submitted, whatever its key; None if it is missing."""
    values = (tag_value(order, f"{prefix}{name}") for prefix in RESERVED_PREFIXES)
    return next((value for value in values if value is not None), None)
