"""Validation of order requests: every check in the API's documentation, and the tiles of the order."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from shapely import union_all
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.assumptions import Assumptions
from airflow_provider_ard.sandbox.backend.catalog import Catalog, Tile
from airflow_provider_ard.sandbox.validation import aoi
from airflow_provider_ard.sandbox.validation.errors import bad_request
from airflow_provider_ard.sandbox.validation.output_config import (
    SECRETS,
    CredentialLookup,
    Destination,
    check_output_config,
)

# Settings that an order can set to false, and the STAC asset keys of the files that are then not delivered.
ASSET_SETTINGS = {
    "visual": ("visual",),
    "ms_analytic": ("ms_analytic",),
    "pan_analytic": ("pan_analytic",),
    "cloud_mask": ("cloud-mask", "cloud-mask-raster", "cloud-shadow-mask"),
    "data_mask": ("data-mask",),
    "healthy_vegetation_mask": ("healthy-vegetation-mask", "healthy-vegetation-mask-raster"),
    "ms_saturation_mask": ("ms-saturation-mask", "ms-saturation-mask-raster"),
    "pan_flare_mask": ("pan-flare-mask", "pan-flare-mask-raster"),
    "terrain_shadow_mask": ("terrain-shadow-mask", "terrain-shadow-mask-raster"),
    "water_mask": ("water-mask", "water-mask-raster"),
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
CELLS_KEYS = ("cells", "cell_ids")
BBA_OFF_NADIR_DEG = 30.0
BBA_CLOUDS_PERCENT = 50.0

_CELL_ID = re.compile(r"Z\d{2}-[0-3]{12}")


@dataclass(frozen=True)
class ValidationContext:
    """The catalog, Selects, stored credentials and assumptions that an order is validated with.

    `find_select` returns the tiles of a Select that has succeeded, or raises an ApiError; `credentials` resolves
    stored credentials and has the time for the expiry of SAS URLs.
    """

    catalog: Catalog
    find_select: Callable[[str], list[Tile]]
    credentials: CredentialLookup
    assumptions: Assumptions


@dataclass(frozen=True)
class ValidatedOrder:
    """A valid order request and its tiles.

    `request` is the request body without secrets, which only `destination` holds. `non_intersecting` are requested
    acquisitions and cells that do not intersect the AOI. `hd` and `bundle_adjusted` are settings.
    """

    request: dict[str, Any]
    tiles: list[Tile]
    destination: Destination
    dry_run: bool = False
    disabled_assets: frozenset[str] = frozenset()
    non_intersecting: dict[str, list[str]] = field(default_factory=dict)
    hd: bool = False
    bundle_adjusted: bool = False

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """The notifications in the request."""
        return self.request.get("notifications") or []


def validate_order(body: bytes, context: ValidationContext) -> ValidatedOrder:
    """Validate the body of `POST /order/`; raises a 400 with the first problem."""
    assumptions = context.assumptions
    request = _check_fields(parse_object(body), FIELDS, "Unknown parameters", assumptions)
    dry_run = request.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise bad_request("dry_run must be true or false")
    destination = check_output_config(request.get("output_config"), context.credentials)
    settings = _check_settings(request.get("settings"), assumptions)
    check_notifications(request.get("notifications"))
    _check_metadata(request.get("metadata"))
    tiles, non_intersecting = _select_tiles(request, context)
    bundle_adjust = settings.get("bundle_adjust", False)
    if bundle_adjust:
        _check_bundle_adjust(tiles)
    disabled = [key for name, enabled in settings.items() if not enabled for key in ASSET_SETTINGS.get(name, ())]
    return ValidatedOrder(
        without_secrets(request),
        tiles,
        destination,
        dry_run,
        frozenset(disabled),
        non_intersecting,
        hd=settings.get("hd", False),
        bundle_adjusted=bundle_adjust,
    )


def _select_tiles(request: dict[str, Any], context: ValidationContext) -> tuple[list[Tile], dict[str, list[str]]]:
    acquisitions, select_id = request.get("acquisitions"), request.get("select_id")
    if (acquisitions is None) == (select_id is None):
        raise bad_request("Exactly one of acquisitions and select_id is required")
    if select_id is not None:
        if request.get("intersects") is not None or request.get("bbox") is not None:
            raise bad_request("select_id cannot be combined with intersects or bbox")
        return _check_select(select_id, context), {}
    cells_by_acquisition = _check_acquisitions(acquisitions, context.catalog, context.assumptions)
    area = aoi.parse(request.get("intersects"), request.get("bbox"))
    tiles, non_intersecting = _intersecting_tiles(cells_by_acquisition, area, context.catalog)
    if not tiles:
        parameter = "bbox" if request.get("bbox") is not None else "intersects"
        raise aoi.invalid_aoi(parameter, "it intersects none of the acquisitions")
    return tiles, non_intersecting


def _check_select(select_id: Any, context: ValidationContext) -> list[Tile]:
    if not isinstance(select_id, str):
        raise bad_request("select_id must be a string")
    tiles = context.find_select(select_id)
    if not tiles:
        raise bad_request(f"Select {select_id} has no tiles to order")
    return tiles


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request body; raises the 400 `unparsable_body`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request("The request body is not JSON", "unparsable_body") from error
    if not isinstance(document, dict):
        raise bad_request("The request body must be a JSON object", "unparsable_body")
    return document


def without_secrets(request: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of an order request without SAS URL and service credentials."""
    copy: dict[str, Any] = json.loads(json.dumps(request))
    for platform in copy.get("output_config", {}).values():
        if isinstance(platform, dict):
            for secret in SECRETS:
                platform.pop(secret, None)
    return copy


def _check_fields(
    value: dict[str, Any], fields: Collection[str], problem: str, assumptions: Assumptions
) -> dict[str, Any]:
    """Return an object without unknown fields; raises a 400 if they are refused."""
    unknown = sorted(set(value) - set(fields))
    if unknown and assumptions.unknown_fields == "refused":
        raise bad_request(f"{problem}: {', '.join(unknown)}")
    return {key: item for key, item in value.items() if key in fields}


def _check_acquisitions(acquisitions: Any, catalog: Catalog, assumptions: Assumptions) -> dict[str, set[str] | None]:
    """Return the requested acquisitions, each with its cell IDs, or None for all cells."""
    if not isinstance(acquisitions, list) or not acquisitions:
        raise bad_request("acquisitions must be a list with at least one entry")
    entries = [_check_entry(entry, assumptions) for entry in acquisitions]
    unknown = sorted({acquisition_id for acquisition_id, _ in entries if acquisition_id not in catalog})
    if unknown:
        raise bad_request(f"Unknown acquisitions: {', '.join(unknown)}")
    cells_by_acquisition: dict[str, set[str] | None] = {}
    for acquisition_id, cells in entries:
        not_covered = sorted(cells - set(catalog.tiles(acquisition_id)))
        if not_covered:
            raise bad_request(f"Acquisition {acquisition_id} does not cover the cells: {', '.join(not_covered)}")
        earlier = cells_by_acquisition.get(acquisition_id, set())
        cells_by_acquisition[acquisition_id] = (earlier | cells) if cells and earlier is not None else None
    return cells_by_acquisition


def _check_entry(entry: Any, assumptions: Assumptions) -> tuple[str, set[str]]:
    if isinstance(entry, str):
        return entry, set()
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise bad_request('Each item of acquisitions must be an ID, or an object with an "id"')
    cells_keys = CELLS_KEYS if assumptions.cells_key == "both" else (assumptions.cells_key,)
    entry = _check_fields(entry, ("id", *cells_keys), f"Unknown parameters of acquisition {entry['id']}", assumptions)
    if entry.get("cells") and entry.get("cell_ids"):
        raise bad_request(f"Acquisition {entry['id']}: cells and cell_ids are mutually exclusive")
    cells = entry.get("cells") or entry.get("cell_ids") or []
    if not isinstance(cells, list) or not all(isinstance(cell, str) for cell in cells):
        raise bad_request(f"Acquisition {entry['id']}: cells must be a list of cell IDs")
    malformed = sorted(cell for cell in cells if not _CELL_ID.fullmatch(cell))
    if malformed:
        raise bad_request(f"Acquisition {entry['id']}: invalid cell IDs: {', '.join(malformed)}")
    return entry["id"], set(cells)


def _intersecting_tiles(
    cells_by_acquisition: dict[str, set[str] | None], area: BaseGeometry | None, catalog: Catalog
) -> tuple[list[Tile], dict[str, list[str]]]:
    tiles: list[Tile] = []
    non_intersecting: dict[str, list[str]] = {}
    for acquisition_id, cells in cells_by_acquisition.items():
        requested = {
            cell_id: tile
            for cell_id, tile in catalog.tiles(acquisition_id).items()
            if cells is None or cell_id in cells
        }
        intersecting = [tile for tile in requested.values() if area is None or tile.intersects(area)]
        tiles += intersecting
        outside = sorted(set(requested) - {tile.cell_id for tile in intersecting})
        # An acquisition ordered without cells is clipped by the AOI; it is reported only if no tile remains.
        if outside and (cells is not None or not intersecting):
            non_intersecting[acquisition_id] = outside if cells is not None else []
    return tiles, non_intersecting


def _check_settings(settings: Any, assumptions: Assumptions) -> dict[str, bool]:
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise bad_request("settings must be an object")
    valid_fields = _check_fields(settings, SETTINGS, "Unknown settings", assumptions)
    invalid = sorted(key for key, value in valid_fields.items() if not isinstance(value, bool))
    if invalid:
        raise bad_request(f"Settings must be true or false: {', '.join(invalid)}")
    return valid_fields


def check_notifications(notifications: Any) -> None:
    """Raise a 400 for an invalid list of notifications."""
    if notifications is None:
        return
    if not isinstance(notifications, list):
        raise bad_request("notifications must be a list")
    for item in notifications:
        kind = str(item.get("type")) if isinstance(item, dict) else ""
        target = item.get({"email": "address", "sns": "topic_arn"}[kind]) if kind in ("email", "sns") else None
        marker = {"email": "@", "sns": "arn:"}.get(kind, "")
        if not isinstance(target, str) or marker not in target:
            raise bad_request('A notification is {"type": "email", "address"} or {"type": "sns", "topic_arn"}')


def _check_metadata(metadata: Any) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise bad_request("metadata must be an object")
    for key, value in metadata.items():
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        if any(isinstance(item, dict | list) for item in items):
            raise bad_request(f"metadata: {key} is nested too deeply")


def _check_bundle_adjust(tiles: list[Tile]) -> None:
    """Raise a 400 for off-nadir angle, cloud cover or a gap between tiles beyond the rules of bundle adjustment."""
    for tile in tiles:
        if float(tile.properties.get("view:off_nadir") or 0) > BBA_OFF_NADIR_DEG:
            raise bad_request(f"bundle_adjust: {tile.acquisition_id} is more than 30 degrees off nadir")
        if tile.clouds_percent > BBA_CLOUDS_PERCENT:
            raise bad_request(f"bundle_adjust: {tile.acquisition_id} has more than 50 percent clouds")
    # A buffer of about ten meters closes gaps between neighbors that result from rounding.
    if not isinstance(union_all([tile.footprint.buffer(1e-4) for tile in tiles]), Polygon):
        raise bad_request("bundle_adjust: the tiles must form one connected polygon")
