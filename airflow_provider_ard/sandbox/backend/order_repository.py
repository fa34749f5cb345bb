"""Orders as JSON documents, for the state that survives a restart."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from airflow_provider_ard.sandbox.backend.catalog import Catalog, Tile
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.backend.orders import Order, PlannedOutcome
from airflow_provider_ard.sandbox.validation.orders import ValidatedOrder
from airflow_provider_ard.sandbox.validation.output_config import Destination

_KIND = "order"


def save_order(order: Order, store: DocumentStore) -> None:
    """Write an order down as it stands now."""
    delivery = order.delivery
    done = delivery.done() and not delivery.cancelled() and delivery.exception() is None
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
            "status_calls": order.status_calls,
            "announced": order.announced,
            "delivered": delivery.result().isoformat() if done else None,
            "checked": {
                "request": order.checked.request,
                "tiles": tile_ids(order.tiles),
                "destination": asdict(order.checked.destination),
                "disabled_assets": sorted(order.checked.disabled_assets),
                "non_intersecting": order.checked.non_intersecting,
                "hd": order.checked.hd,
                "adjusted": order.checked.adjusted,
            },
        },
    )


def load_orders(store: DocumentStore, catalog: Catalog) -> Iterator[tuple[Order, datetime | None]]:
    """Return every order kept, oldest first, and when it was delivered.

    Raises ValueError for an order of tiles that are not in the catalog.
    """
    for kept in store.all(_KIND):
        checked = kept["checked"]
        order = Order(
            kept["id"],
            kept["user_id"],
            ValidatedOrder(
                request=checked["request"],
                tiles=tiles_from_ids(checked["tiles"], catalog),
                destination=Destination(**checked["destination"]),
                disabled_assets=frozenset(checked["disabled_assets"]),
                non_intersecting=checked["non_intersecting"],
                hd=checked["hd"],
                adjusted=checked["adjusted"],
            ),
            datetime.fromisoformat(kept["created"]),
            kept["usage"],
            status=kept["status"],
            status_message=kept["status_message"],
            finished=_parse_time(kept["finished"]),
            planned_outcome=PlannedOutcome(**kept["planned_outcome"]) if kept["planned_outcome"] else None,
            status_calls=kept["status_calls"],
            announced=kept["announced"],
        )
        yield order, _parse_time(kept["delivered"])


def tile_ids(tiles: list[Tile]) -> list[list[str]]:
    """Return tiles as pairs of acquisition and cell ID."""
    return [[tile.acquisition_id, tile.cell_id] for tile in tiles]


def tiles_from_ids(names: list[list[str]], catalog: Catalog) -> list[Tile]:
    """Return the tiles of such pairs; raises ValueError for one that is not in the catalog."""
    try:
        return [catalog.tiles(acquisition_id)[cell_id] for acquisition_id, cell_id in names]
    except KeyError as error:
        raise ValueError(f"the state is of another catalog: this one lacks {error}") from error


def _parse_time(value: Any) -> datetime | None:
    """Return a time written in ISO 8601, or None for None."""
    return None if value is None else datetime.fromisoformat(value)
