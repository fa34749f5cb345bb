"""What to order: acquisitions, whole or some of their cells, from any form that a user has them in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.rendered import parsed

# Every real id looked at; WorldView-4 acquisitions are named by a UUID.
_ACQUISITION_ID = re.compile(
    r"10[1-6][0-9A-F]{11}00|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-inv"
)
_CELL_ID = re.compile(r"Z(0[1-9]|[1-5]\d|60)-[0-3]{12}")
_CELL_IDS = re.compile(rf"(?:{_CELL_ID.pattern}\n)*")
_KEYS = {"id", "cells", "cell_ids"}


@dataclass(frozen=True, slots=True)
class Acquisition:
    """An acquisition and the cells wanted of it; no cells means all of them (that the AOI meets)."""

    id: str
    cells: tuple[str, ...] = ()


def read_acquisitions(value: object) -> tuple[Acquisition, ...]:
    """Return the acquisitions to order, duplicates merged, in the order they came.

    Takes one id, any iterable of ids, dictionaries with `id` and `cells` or `cell_ids`, mappings `{id: cells}`, lists
    that mix these, anything with `as_order()`, and JSON text of them. Raises `ArdRequestError`.
    """
    merged: dict[str, dict[str, None] | None] = {}
    for acquisition in _each(value):
        known = merged.get(acquisition.id, {})
        if not acquisition.cells or known is None:
            # Once the whole acquisition is wanted, no cell of it adds to the order.
            merged[acquisition.id] = None
        else:
            merged[acquisition.id] = {**known, **dict.fromkeys(acquisition.cells)}
    if not merged:
        raise ArdRequestError("nothing to order: it is empty", argument="acquisitions")
    return tuple(Acquisition(id, tuple(cells or ())) for id, cells in merged.items())  # noqa: A001


def _each(value: object) -> Iterable[Acquisition]:
    value = parsed(value)
    if hasattr(value, "as_order"):
        value = value.as_order()
    if isinstance(value, str):
        yield Acquisition(_acquisition_id(value))
    elif isinstance(value, Mapping):
        yield from _of_mapping(value)
    elif isinstance(value, Iterable) and not isinstance(value, bytes):
        for member in value:
            yield from _each(member)
    else:
        raise ArdRequestError(
            f"wanted ids or dictionaries with id and cells, got a {type(value).__name__}",
            argument="acquisitions",
        )


def _of_mapping(value: Mapping[Any, Any]) -> Iterable[Acquisition]:
    if "id" in value:
        unknown = sorted(str(key) for key in set(value) - _KEYS)
        if unknown:
            # A misspelt cell filter would buy whole acquisitions.
            raise ArdRequestError(
                f"unknown key {unknown[0]!r} beside id; wanted cells (or cell_ids)", argument="acquisitions"
            )
        if value.get("cells") and value.get("cell_ids"):
            raise ArdRequestError("give one of cells and cell_ids, not both", argument="acquisitions")
        acquisition_id = _acquisition_id(value["id"])
        yield Acquisition(acquisition_id, _cells(value.get("cells") or value.get("cell_ids"), acquisition_id))
        return
    for key, cells in value.items():
        acquisition_id = _acquisition_id(key)
        yield Acquisition(acquisition_id, _cells(cells, acquisition_id))


def _acquisition_id(value: object) -> str:
    text = value.strip() if isinstance(value, str) else value
    if not isinstance(text, str) or not _ACQUISITION_ID.fullmatch(text):
        shown = repr(text[:60]) if isinstance(text, str) else f"a {type(value).__name__}"
        raise ArdRequestError(
            f"not an acquisition id: {shown}; wanted one like 10300100B2B49700", argument="acquisitions"
        )
    return text


def _cells(value: object, acquisition_id: str) -> tuple[str, ...]:
    if value is None:
        return ()
    cells = (value,) if isinstance(value, str) else value
    if isinstance(cells, Mapping | bytes) or not isinstance(cells, Iterable):
        raise ArdRequestError(
            f"the cells of {acquisition_id}: wanted a list of cell ids, got a {type(value).__name__}",
            argument="acquisitions",
        )
    cells = tuple(cells)
    try:
        # One look at all of them together: an order may hold half a million.
        if _CELL_IDS.fullmatch("\n".join((*cells, ""))):
            return cells
    except TypeError:
        pass
    wrong = next((cell for cell in cells if not (isinstance(cell, str) and _CELL_ID.fullmatch(cell))), "a line break")
    shown = repr(wrong[:60]) if isinstance(wrong, str) else f"a {type(wrong).__name__}"
    raise ArdRequestError(
        f"the cells of {acquisition_id}: not a cell id: {shown}; wanted one like Z13-031133320203",
        argument="acquisitions",
    )
