"""What was ordered: the cells of each acquisition, and the assets that each tile must have."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.delivery.scope import OrderScope
from airflow_provider_ard.api.errors import ArdNotFoundError, ArdRequestError
from airflow_provider_ard.api.orders.status import EchoedRequest
from airflow_provider_ard.api.selects.request import SelectRequest

if TYPE_CHECKING:
    from airflow_provider_ard.api.client import ArdClient

log = logging.getLogger(__name__)

# Ordered cells by acquisition, None where the API does not return them.
OrderedCells = dict[str, frozenset[str] | None]

# Asset keys of real items, and the setting that turns each off. The keys of other masks are not public.
_ALWAYS_DELIVERED = {
    "visual": "visual",
    "pan_analytic": "pan_analytic",
    "ms_analytic": "ms_analytic",
    "data-mask": "data_mask",
}
_PANCHROMATIC = {"wv01", "worldview-01"}


def read_ordered_cells(client: ArdClient, echo: EchoedRequest | None) -> OrderedCells:
    """Return the cells that an order covers, by acquisition, from the request that its status echoes.

    Takes a request of the API for a Select (its results) and for complete acquisitions (their cells in the catalog).
    Empty if the status does not echo the request, or the API no longer has the Select. Raises `ArdUnavailableError`.
    """
    echo = echo or EchoedRequest()
    if echo.select_id:
        return _cells_of_select(client, str(echo.select_id))
    ordered = OrderScope(echo).ordered_cells
    complete = [acquisition_id for acquisition_id, cells in ordered.items() if cells is None]
    return ordered | _published_cells(client, complete, echo) if complete else ordered


def required_assets(
    echo: EchoedRequest | None, item: Mapping[str, Any], assets: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Return the assets that a tile must have: `assets` if they are given, else the images and the data mask.

    Without those that the order's settings turn off, and without multispectral ones of a panchromatic satellite.
    """
    settings = echo.settings if echo and isinstance(echo.settings, Mapping) else {}
    properties = item.get("properties")
    platform = str(properties.get("platform")).lower() if isinstance(properties, Mapping) else ""
    keys = assets if assets is not None else tuple(_ALWAYS_DELIVERED)
    return tuple(
        key
        for key in keys
        if settings.get(_ALWAYS_DELIVERED.get(key, "")) is not False
        and not (key.startswith("ms") and platform in _PANCHROMATIC)
    )


def _cells_of_select(client: ArdClient, select_id: str) -> OrderedCells:
    try:
        return {
            acquisition_id: frozenset(cells)
            for acquisition_id, cells in client.get_select_results(client.get_select(select_id)).items()
        }
    except (ArdNotFoundError, ArdRequestError) as error:
        log.warning("Select %s: its results cannot be compared with the delivery: %s", select_id, error)
        return {}


def _published_cells(client: ArdClient, acquisition_ids: list[str], echo: EchoedRequest) -> OrderedCells:
    """Return the cells of complete acquisitions that intersect the AOI."""
    aoi = {key: value for key, value in (("intersects", echo.intersects), ("bbox", echo.bbox)) if value}
    try:
        matches = client.find_acquisitions(SelectRequest.of(ids=acquisition_ids, **aoi))
    except (ArdNotFoundError, ArdRequestError) as error:
        log.warning("Cells of %s cannot be compared with the delivery: %s", ", ".join(acquisition_ids), error)
        return {}
    published = {match.id: frozenset(match.cells) for match in matches}
    # With an AOI, an acquisition without matches does not intersect it.
    return {name: published.get(name, frozenset() if aoi else None) for name in acquisition_ids}
