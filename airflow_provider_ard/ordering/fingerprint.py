"""A digest of the content and destination of an order: equal for equivalent requests."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_provider_ard.api.orders.destination import Destination
    from airflow_provider_ard.api.orders.request import OrderRequest


def fingerprint(request: OrderRequest) -> str:
    """Return the digest of a request, 32 hexadecimal digits.

    It does not depend on the order of acquisitions and cells, the whitespace of WKT, the start of a ring, `40` or
    `40.0`, a `destination` or the equivalent `output_config`. Metadata, notifications, secrets and the S3 role are not
    included, as they do not change the delivered tiles or their location.
    """
    content = {
        "acquisitions": sorted([name, sorted(set(cells))] for name, cells in request.acquisitions),
        "select_id": request.select_id,
        "aoi": _aoi(request),
        "location": _location(request.destination),
        "settings": request.settings.model_dump(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _aoi(request: OrderRequest) -> str | None:
    if not request.bbox and not request.intersects:
        return None
    # Takes longer than all other imports of a task that orders.
    import shapely

    geometry = shapely.box(*request.bbox) if request.bbox else shapely.from_wkt(request.intersects)
    return str(shapely.to_wkb(shapely.normalize(geometry), hex=True, output_dimension=2))


def _location(destination: Destination) -> list[str | None]:
    """Return the location of the delivery. An Azure container is unique only within its storage account."""
    config: dict[str, Any] = destination.to_payload().get("azure_blob_storage", {})
    account = urlsplit(config["sas_url"]).hostname if config.get("sas_url") else config.get("credentials_id")
    return [destination.uri, account]
