"""The ids of orders, from any form that a user has them in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from airflow_provider_ard.api.arguments import parse_literal, safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

_ORDER_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:-]{0,199}")


def is_order_id(value: object) -> bool:
    """Return whether a value can be an order ID: a string, or a number that stands for one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return 0 <= value < 10**200
    return isinstance(value, str) and bool(_ORDER_ID.fullmatch(value))


def is_one_order(value: object) -> bool:
    """Tell whether a value, or what its text stands for, is one id and not a list of them."""
    return isinstance(parse_literal(value), str | int)


def read_order_ids(value: object) -> list[str]:
    """Return the ids of one order or of any iterable of them, each once; `ArdRequestError` for anything else."""
    given = parse_literal(value)
    members = [given] if isinstance(given, str | int) else given
    if not isinstance(members, Iterable) or isinstance(members, Mapping | bytes):
        raise ArdRequestError(
            f"wanted the id of an order or a list of them, got {safe_repr(given)}", argument="order_id"
        )
    ids = [str(member) if isinstance(member, int) else member for member in members]
    for order_id in ids:
        if not is_order_id(order_id):
            raise ArdRequestError(f"not the id of an order: {safe_repr(order_id)}", argument="order_id")
        if order_id == "None":
            raise ArdRequestError("is None: was the order a dry run, or has it not been placed?", argument="order_id")
    return list(dict.fromkeys(ids))
