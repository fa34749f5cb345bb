"""Reading an order request: every check that the API is documented to make, and what the order comes to."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from shapely import union_all
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox import aoi
from airflow_provider_ard.sandbox.catalog import Catalog, Tile
from airflow_provider_ard.sandbox.errors import invalid
from airflow_provider_ard.sandbox.output_config import SECRETS, Destination, check_output_config

# Every asset that an order can switch off, and its key in the STAC items.
ASSET_SETTINGS = {
    "visual": "visual",
    "ms_analytic": "ms_analytic",
    "pan_analytic": "pan_analytic",
    "cloud_mask": "cloud-mask",
    "data_mask": "data-mask",
    "healthy_vegetation_mask": "healthy-vegetation-mask",
    "ms_saturation_mask": "ms-saturation-mask",
    "pan_flare_mask": "pan-flare-mask",
    "terrain_shadow_mask": "terrain-shadow-mask",
    "water_mask": "water-mask",
}
SETTINGS = frozenset({"bundle_adjust", "hd", *ASSET_SETTINGS})
FIELDS = frozenset(
    {
        "acquisitions",
        "select_id",
        "intersects",
        "bbox",
        "output_config",
        "settings",
        "notifications",
        "metadata",
        "dry_run",
    }
)
BBA_OFF_NADIR_DEG = 30.0
BBA_CLOUDS_PERCENT = 50.0

_CELL_ID = re.compile(r"Z\d{2}-[0-3]{12}")


@dataclass(frozen=True)
class CheckedOrder:
    """An order request that passed, and the tiles it comes to.

    ``missed`` are acquisitions, and cells asked for by name, that the AOI does not meet.
    """

    request: dict[str, Any]
    tiles: list[Tile]
    destination: Destination
    dry_run: bool
    switched_off: frozenset[str]
    missed: dict[str, list[str]] = field(default_factory=dict)


def check_order(body: bytes, catalog: Catalog) -> CheckedOrder:
    """Read the body of ``POST /order/``; raises a 400 that says what is wrong with it."""
    request = parse_object(body)
    unknown = sorted(set(request) - FIELDS)
    if unknown:
        raise invalid(f"Unknown parameters: {', '.join(unknown)}")
    dry_run = request.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise invalid("dry_run must be true or false")
    destination = check_output_config(request.get("output_config"))
    settings = _check_settings(request.get("settings"))
    _check_notifications(request.get("notifications"))
    _check_metadata(request.get("metadata"))
    wanted = _check_source(request, catalog)
    area = aoi.parse(request.get("intersects"), request.get("bbox"))
    tiles, missed = _choose(wanted, area, catalog)
    if not tiles:
        parameter = "bbox" if request.get("bbox") is not None else "intersects"
        raise aoi.problem(parameter, "it meets none of the acquisitions")
    if settings.get("bundle_adjust"):
        _check_bundle_adjust(tiles)
    off = frozenset(ASSET_SETTINGS[key] for key, on in settings.items() if key in ASSET_SETTINGS and not on)
    return CheckedOrder(without_secrets(request), tiles, destination, dry_run, off, missed)


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request body, or raise the 400 ``unparsable_body``."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise invalid("The request body is not JSON", "unparsable_body") from error
    if not isinstance(document, dict):
        raise invalid("The request body must be a JSON object", "unparsable_body")
    return document


def without_secrets(request: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of an order request that may be shown: no SAS URL, no service credentials."""
    copy: dict[str, Any] = json.loads(json.dumps(request))
    for platform in copy.get("output_config", {}).values():
        if isinstance(platform, dict):
            for secret in SECRETS:
                platform.pop(secret, None)
    return copy


def _check_source(request: dict[str, Any], catalog: Catalog) -> dict[str, set[str] | None]:
    """Return the acquisitions wanted, each with its cells, or None for all of them."""
    acquisitions, select_id = request.get("acquisitions"), request.get("select_id")
    if (acquisitions is None) == (select_id is None):
        raise invalid("Give either acquisitions or select_id, one of the two")
    if select_id is not None:
        if request.get("intersects") is not None or request.get("bbox") is not None:
            raise invalid("An order by select_id takes neither intersects nor bbox")
        raise invalid(f"Unknown select_id: {select_id}")
    if not isinstance(acquisitions, list) or not acquisitions:
        raise invalid("acquisitions must be a list with at least one entry")
    entries = [_check_entry(entry) for entry in acquisitions]
    unknown = sorted({acquisition_id for acquisition_id, _ in entries if acquisition_id not in catalog})
    if unknown:
        raise invalid(f"Unknown acquisitions: {', '.join(unknown)}")
    wanted: dict[str, set[str] | None] = {}
    for acquisition_id, cells in entries:
        elsewhere = sorted(cells - set(catalog.tiles(acquisition_id)))
        if elsewhere:
            raise invalid(f"Acquisition {acquisition_id} does not cover the cells: {', '.join(elsewhere)}")
        known = wanted.get(acquisition_id, set())
        wanted[acquisition_id] = (known | cells) if cells and known is not None else None
    return wanted


def _check_entry(entry: Any) -> tuple[str, set[str]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise invalid('Each of acquisitions must be an object with an "id"')
    unknown = sorted(set(entry) - {"id", "cells", "cell_ids"})
    if unknown:
        raise invalid(f"Unknown parameters of acquisition {entry['id']}: {', '.join(unknown)}")
    if entry.get("cells") and entry.get("cell_ids"):
        raise invalid(f"Acquisition {entry['id']}: give cells or cell_ids, not both")
    cells = entry.get("cells") or entry.get("cell_ids") or []
    if not isinstance(cells, list) or not all(isinstance(cell, str) for cell in cells):
        raise invalid(f"Acquisition {entry['id']}: its cells must be a list of cell IDs")
    malformed = sorted(cell for cell in cells if not _CELL_ID.fullmatch(cell))
    if malformed:
        raise invalid(f"Acquisition {entry['id']}: not cell IDs: {', '.join(malformed)}")
    return entry["id"], set(cells)


def _choose(
    wanted: dict[str, set[str] | None], area: BaseGeometry | None, catalog: Catalog
) -> tuple[list[Tile], dict[str, list[str]]]:
    tiles: list[Tile] = []
    missed: dict[str, list[str]] = {}
    for acquisition_id, cells in wanted.items():
        named = {
            cell_id: tile
            for cell_id, tile in catalog.tiles(acquisition_id).items()
            if cells is None or cell_id in cells
        }
        met = [tile for tile in named.values() if area is None or tile.footprint.intersects(area)]
        tiles += met
        outside = sorted(set(named) - {tile.cell_id for tile in met})
        # A whole acquisition is clipped by the AOI; that is no miss unless nothing of it is left.
        if outside and (cells is not None or not met):
            missed[acquisition_id] = outside if cells is not None else []
    return tiles, missed


def _check_settings(settings: Any) -> dict[str, bool]:
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise invalid("settings must be an object")
    unknown = sorted(set(settings) - SETTINGS)
    if unknown:
        raise invalid(f"Unknown settings: {', '.join(unknown)}")
    wrong = sorted(key for key, value in settings.items() if not isinstance(value, bool))
    if wrong:
        raise invalid(f"Settings must be true or false: {', '.join(wrong)}")
    return settings


def _check_notifications(notifications: Any) -> None:
    if notifications is None:
        return
    if not isinstance(notifications, list):
        raise invalid("notifications must be a list")
    for item in notifications:
        kind = item.get("type") if isinstance(item, dict) else None
        target = item.get({"email": "address", "sns": "topic_arn"}.get(kind, "")) if kind else None
        sign = {"email": "@", "sns": "arn:"}.get(str(kind), "")
        if not isinstance(target, str) or sign not in target:
            raise invalid('A notification is {"type": "email", "address"} or {"type": "sns", "topic_arn"}')


def _check_metadata(metadata: Any) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise invalid("metadata must be an object")
    for key, value in metadata.items():
        members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        if any(isinstance(member, dict | list) for member in members):
            raise invalid(f"metadata: {key} is nested too deeply")


def _check_bundle_adjust(tiles: list[Tile]) -> None:
    """Refuse what cannot be adjusted: steep views, clouds, and areas that do not hang together."""
    for tile in tiles:
        if float(tile.properties.get("view:off_nadir") or 0) > BBA_OFF_NADIR_DEG:
            raise invalid(f"bundle_adjust: {tile.acquisition_id} is more than 30 degrees off nadir")
        if tile.clouds_percent > BBA_CLOUDS_PERCENT:
            raise invalid(f"bundle_adjust: {tile.acquisition_id} has clouds over more than 50 percent")
    # A hair's breadth, some ten metres, closes the seams that rounding leaves between neighbours.
    if not isinstance(union_all([tile.footprint.buffer(1e-4) for tile in tiles]), Polygon):
        raise invalid("bundle_adjust: the tiles must form one connected polygon")
