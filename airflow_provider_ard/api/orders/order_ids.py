"""The ids of orders, from any form that a user has them in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from airflow_provider_ard.api.arguments import parse_literal, safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

_ORDER_ID = re.compile(r"[A-Za-z0-9_-]+")


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
        if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
            raise ArdRequestError(f"not the id of an order: {safe_repr(order_id)}", argument="order_id")
        if order_id == "None":
            raise ArdRequestError("is None: was the order a dry run, or has it not been placed?", argument="order_id")
    return list(dict.fromkeys(ids))
