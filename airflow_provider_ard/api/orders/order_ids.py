"""Parse order IDs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from airflow_provider_ard.api.arguments import parse_literal, safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

# Compiled when first used: DAG files load this module.
_ORDER_ID = r"[A-Za-z0-9_-][A-Za-z0-9._:-]{0,199}"


def is_order_id(value: object) -> bool:
    """Return whether a value can be an order ID: a string, or its number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return 0 <= value < 10**200
    return isinstance(value, str) and bool(re.fullmatch(_ORDER_ID, value))


def is_same_id(first: str, second: str) -> bool:
    """Return whether two IDs are equal, ignoring case and leading zeros."""
    return first.casefold().lstrip("0") == second.casefold().lstrip("0")


def is_single_order(value: object) -> bool:
    """Return whether a value, or the literal in its string, is one ID and not a list of them."""
    return isinstance(parse_literal(value), str | int)


def parse_order_ids(value: object, argument: str = "order_id") -> list[str]:
    """Return the IDs of one order or of any iterable of them, without duplicates.

    Raises `ArdRequestError` for anything else.
    """
    literal = parse_literal(value)
    order_ids = [literal] if isinstance(literal, str | int) else literal
    if not isinstance(order_ids, Iterable) or isinstance(order_ids, Mapping | bytes):
        raise ArdRequestError(f"expected an order ID or a list of them, got {safe_repr(literal)}", argument=argument)
    return list(dict.fromkeys(_parse_order_id(order_id, argument) for order_id in order_ids))


def parse_order_id(value: object, argument: str = "order_id") -> str:
    """Return the ID of one order. Raises `ArdRequestError` for anything else."""
    order_ids = parse_order_ids(value, argument)
    if len(order_ids) != 1:
        raise ArdRequestError(f"expected one order ID, got {safe_repr(value)}", argument=argument)
    return order_ids[0]


def _parse_order_id(value: object, argument: str) -> str:
    if value is None or value == "None":
        raise ArdRequestError("is None; was the order a dry run, or has it not been placed?", argument=argument)
    if not is_order_id(value):
        raise ArdRequestError(f"expected an order ID, got {safe_repr(value)}", argument=argument)
    return str(value)
