"""Verify the delivery of orders for `ArdListTilesOperator`: read its tiles, and report what is missing or damaged."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_ard.api.arguments import did_you_mean, none_if_blank, safe_repr
from airflow_provider_ard.api.errors import ArdError, ArdRequestError

if TYPE_CHECKING:
    from airflow_provider_ard.api.delivery.filters import TileFilter
    from airflow_provider_ard.api.delivery.layout import TileLocation
    from airflow_provider_ard.api.delivery.stac import Tile
    from airflow_provider_ard.api.delivery.verification import DeliveryProblem, ObjectStore, Verification
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.hooks.ard import ArdHook

log = logging.getLogger(__name__)

FAIL, REPORT = "fail", "report"
XCOM_KEY = "verification"


def parse_verify(value: object) -> str | None:
    """Return `fail` (also for True) or `report`, None for False. Raises `ArdRequestError` for anything else."""
    value = none_if_blank(value)
    name = value.strip().lower() if isinstance(value, str) else value
    if name is None or name is False or name == "false":
        return None
    if name is True or name in ("true", FAIL):
        return FAIL
    if name == REPORT:
        return REPORT
    raise ArdRequestError(
        f"expected False, 'report' or 'fail', got {safe_repr(value)}{did_you_mean(value, (REPORT, FAIL))}",
        argument="verify",
    )


def verify_deliveries(
    hook: ArdHook,
    deliveries: list[tuple[OrderStatus, dict[str, TileLocation]]],
    store: ObjectStore,
    tile_filter: TileFilter,
) -> tuple[list[Tile], Verification]:
    """Return the tiles of orders, each once, and the result of comparing them with what was ordered.

    `deliveries`: orders with the STAC items that match the filter. Raises `ArdRequestError` for an asset that no tile
    has, and `ArdError` if the storage cannot be listed.
    """
    from airflow_provider_ard.api.delivery.stac import check_assets
    from airflow_provider_ard.api.delivery.verification import DeliveredOrder, Verification, check_tiles

    verification = Verification()
    tiles: dict[str, Tile] = {}
    keys: set[str] = set()
    for order, items in deliveries:
        verification.order_ids.append(order.id)
        cells = _compare_cells(hook, order, items, store, tile_filter)
        verification.unknown_cells += cells.unknown
        verification.non_intersecting += [
            {"order_id": order.id, "acquisition_id": name, "cell_ids": sorted(cell_ids)}
            for name, cell_ids in cells.non_intersecting.items()
        ]
        for problem in cells.problems:
            verification.add(problem)
        unread = {uri: location for uri, location in items.items() if uri not in tiles}
        for check in check_tiles(DeliveredOrder(order.id, order.order, unread), store, tile_filter.assets):
            keys |= set(check.keys)
            if check.tile:
                tiles[check.tile.item_uri] = check.tile
            for problem in check.problems:
                verification.add(problem)
    check_assets(tile_filter.assets or (), keys)
    verification.tiles = len(tiles)
    return list(tiles.values()), verification


class _CellComparison(NamedTuple):
    problems: list[DeliveryProblem]
    non_intersecting: dict[str, frozenset[str]]
    unknown: list[str]


def _compare_cells(
    hook: ArdHook, order: OrderStatus, items: dict[str, TileLocation], store: ObjectStore, tile_filter: TileFilter
) -> _CellComparison:
    """Return which ordered cells are missing among the STAC items, and which acquisitions cannot be compared."""
    from airflow_provider_ard.api.delivery.ordered import read_ordered_cells
    from airflow_provider_ard.api.delivery.scope import OrderScope
    from airflow_provider_ard.api.delivery.stac import find_items
    from airflow_provider_ard.api.delivery.verification import DeliveredOrder, check_cells

    collection_uri = order.report()["collection_uri"]
    ordered = read_ordered_cells(hook.get_conn(), order.order)
    if not ordered:
        log.warning("Order %s: the API does not return what was ordered; missing cells are not detected", order.id)
    if tile_filter.dates is not None:
        # The day of a missing tile is not known.
        items = find_items(collection_uri, store, replace(tile_filter, dates=None), OrderScope(order.order).contains)
    non_intersecting = _read_non_intersecting(collection_uri, order.id, store)
    delivered = DeliveredOrder(order.id, order.order, items)
    return _CellComparison(
        list(check_cells(delivered, ordered, non_intersecting, tile_filter)),
        non_intersecting,
        [name for name, cells in ordered.items() if cells is None],
    )


def _read_non_intersecting(collection_uri: str, order_id: str, store: ObjectStore) -> dict[str, frozenset[str]]:
    from airflow_provider_ard.api.delivery.layout import non_intersecting_report_uri
    from airflow_provider_ard.api.delivery.verification import parse_non_intersecting

    try:
        return parse_non_intersecting(store.read_json(non_intersecting_report_uri(collection_uri, order_id)))
    except ArdError as error:
        # Usually because all ordered tiles intersect the AOI.
        log.info("Order %s: no report of non-intersecting tiles: %s", order_id, error)
        return {}
