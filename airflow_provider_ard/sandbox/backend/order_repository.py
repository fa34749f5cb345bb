"""Save orders as JSON documents, and load them after a restart."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from airflow_provider_ard.sandbox.backend.catalog import Catalog, Tile
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.backend.orders import Order, PlannedOutcome
from airflow_provider_ard.sandbox.rendering.defects import DeliveryDefect
from airflow_provider_ard.sandbox.validation.orders import ValidatedOrder
from airflow_provider_ard.sandbox.validation.output_config import Destination

_KIND = "order"


def save_order(order: Order, store: DocumentStore) -> None:
    """Save the current state of an order."""
    delivery = order.delivery
    delivered = delivery.done() and not delivery.cancelled() and delivery.exception() is None
    store.put(
        _KIND,
        order.id,
        {
            "id": order.id,
            "user_id": order.user_id,
            "created": order.created.isoformat(),
            "usage": order.usage,
            "status": order.status,
            "status_message": order.status_message,
            "finished": order.finished and order.finished.isoformat(),
            "planned_outcome": order.planned_outcome and asdict(order.planned_outcome),
            "defects": [asdict(defect) for defect in order.defects],
            "status_calls": order.status_calls,
            "notified": order.notified,
            "delivered": delivery.result().isoformat() if delivered else None,
            "validated": {
                "request": order.validated.request,
                "tiles": tile_ids(order.tiles),
                "destination": asdict(order.validated.destination),
                "disabled_assets": sorted(order.validated.disabled_assets),
                "non_intersecting": order.validated.non_intersecting,
                "hd": order.validated.hd,
                "bundle_adjusted": order.validated.bundle_adjusted,
            },
        },
    )


def load_orders(store: DocumentStore, catalog: Catalog) -> Iterator[tuple[Order, datetime | None]]:
    """Yield every saved order, oldest first, and the time of its delivery.

    Raises ValueError if a tile of an order is not in the catalog.
    """
    for document in store.all(_KIND):
        validated = document["validated"]
        order = Order(
            document["id"],
            document["user_id"],
            ValidatedOrder(
                request=validated["request"],
                tiles=tiles_from_ids(validated["tiles"], catalog),
                destination=Destination(**validated["destination"]),
                disabled_assets=frozenset(validated["disabled_assets"]),
                non_intersecting=validated["non_intersecting"],
                hd=validated["hd"],
                bundle_adjusted=validated["bundle_adjusted"],
            ),
            datetime.fromisoformat(document["created"]),
            document["usage"],
            status=document["status"],
            status_message=document["status_message"],
            finished=_parse_time(document["finished"]),
            planned_outcome=PlannedOutcome(**document["planned_outcome"]) if document["planned_outcome"] else None,
            defects=[DeliveryDefect(**defect) for defect in document["defects"]],
            status_calls=document["status_calls"],
            notified=document["notified"],
        )
        yield order, _parse_time(document["delivered"])


def tile_ids(tiles: list[Tile]) -> list[list[str]]:
    """Return tiles as pairs of acquisition and cell ID."""
    return [[tile.acquisition_id, tile.cell_id] for tile in tiles]


def tiles_from_ids(ids: list[list[str]], catalog: Catalog) -> list[Tile]:
    """Return the tiles of pairs of acquisition and cell ID; raises ValueError if the catalog lacks one."""
    try:
        return [catalog.tiles(acquisition_id)[cell_id] for acquisition_id, cell_id in ids]
    except KeyError as error:
        raise ValueError(f"the saved orders belong to another catalog: this one lacks {error}") from error


def _parse_time(value: Any) -> datetime | None:
    """Return the time of an ISO 8601 string, None for None."""
    return None if value is None else datetime.fromisoformat(value)
