"""Orders as JSON documents, for the state that survives a restart."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from airflow_provider_ard.sandbox.backend.catalog import Catalog, Tile
from airflow_provider_ard.sandbox.backend.orders import Fate, Order
from airflow_provider_ard.sandbox.backend.store import Store
from airflow_provider_ard.sandbox.validation.orders import CheckedOrder
from airflow_provider_ard.sandbox.validation.output_config import Destination

_KIND = "order"


def keep(order: Order, store: Store) -> None:
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
            "fate": order.fate and asdict(order.fate),
            "status_calls": order.status_calls,
            "announced": order.announced,
            "delivered": delivery.result().isoformat() if done else None,
            "checked": {
                "request": order.checked.request,
                "tiles": tile_names(order.checked.tiles),
                "destination": asdict(order.checked.destination),
                "switched_off": sorted(order.checked.switched_off),
                "missed": order.checked.missed,
                "hd": order.checked.hd,
                "adjusted": order.checked.adjusted,
            },
        },
    )


def restore(store: Store, catalog: Catalog) -> Iterator[tuple[Order, datetime | None]]:
    """Return every order kept, oldest first, and when it was delivered.

    Raises ValueError for an order of tiles that are not in the catalogue.
    """
    for kept in store.all(_KIND):
        checked = kept["checked"]
        order = Order(
            kept["id"],
            kept["user_id"],
            CheckedOrder(
                request=checked["request"],
                tiles=find_tiles(checked["tiles"], catalog),
                destination=Destination(**checked["destination"]),
                switched_off=frozenset(checked["switched_off"]),
                missed=checked["missed"],
                hd=checked["hd"],
                adjusted=checked["adjusted"],
            ),
            datetime.fromisoformat(kept["created"]),
            kept["usage"],
            status=kept["status"],
            status_message=kept["status_message"],
            finished=moment(kept["finished"]),
            fate=Fate(**kept["fate"]) if kept["fate"] else None,
            status_calls=kept["status_calls"],
            announced=kept["announced"],
        )
        yield order, moment(kept["delivered"])


def tile_names(tiles: list[Tile]) -> list[list[str]]:
    """Return tiles as pairs of acquisition and cell ID."""
    return [[tile.acquisition_id, tile.cell_id] for tile in tiles]


def find_tiles(names: list[list[str]], catalog: Catalog) -> list[Tile]:
    """Return the tiles of such pairs; raises ValueError for one that is not in the catalogue."""
    try:
        return [catalog.tiles(acquisition_id)[cell_id] for acquisition_id, cell_id in names]
    except KeyError as error:
        raise ValueError(f"the state is of another catalogue: this one lacks {error}") from error


def moment(text: Any) -> datetime | None:
    """Return a time written in ISO 8601, or None for None."""
    return None if text is None else datetime.fromisoformat(text)
