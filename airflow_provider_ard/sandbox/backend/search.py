"""Catalog search, shared by Selects, the metadata service and monitors."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shapely.geometry.base import BaseGeometry

from airflow_provider_ard.sandbox.assumptions import Assumptions
from airflow_provider_ard.sandbox.backend.catalog import Catalog, Tile
from airflow_provider_ard.sandbox.backend.matches import Match
from airflow_provider_ard.sandbox.backend.pricing import CLASSES
from airflow_provider_ard.sandbox.validation import aoi
from airflow_provider_ard.sandbox.validation.errors import bad_request
from airflow_provider_ard.sandbox.validation.queries import Condition, parse_query

FIELDS = frozenset({"ids", "datetime", "stack_depth", "intersects", "bbox", "query", "image_age_category"})
MAX_STACK_DEPTH = 10_000


@dataclass(frozen=True)
class Search:
    """A valid search; `since` and `until` are inclusive, None means no limit."""

    ids: frozenset[str] | None
    since: datetime | None
    until: datetime | None
    aoi: BaseGeometry | None
    stack_depth: int | None
    conditions: tuple[Condition, ...]
    categories: frozenset[str]

    def filter_tiles(self, tiles: Iterable[Tile], category: Callable[[Tile], str]) -> list[Match]:
        """Return the matching tiles, unsorted; `category` returns the age class of a tile."""
        matches = []
        for tile in tiles:
            if self.ids is not None and tile.acquisition_id not in self.ids:
                continue
            if (self.since and tile.acquired_at < self.since) or (self.until and tile.acquired_at > self.until):
                continue
            match = Match.for_tile(tile, self.aoi, category(tile))
            if match is None or (self.categories and match.category not in self.categories):
                continue
            if all(condition.matches(match) for condition in self.conditions):
                matches.append(match)
        return matches


def check_select(request: Mapping[str, Any], assumptions: Assumptions) -> None:
    """Raise a 400 for a Select without what it is assumed to require."""
    has_aoi = request.get("intersects") is not None or request.get("bbox") is not None
    if assumptions.select_aoi == "required" and not has_aoi:
        raise bad_request("Either intersects or bbox is required")
    if assumptions.select_query == "required" and request.get("ids") is None and not request.get("query"):
        raise bad_request("query is required without ids")


def parse_search(request: dict[str, Any], *, needs_aoi: bool = True, default_depth: int | None = None) -> Search:
    """Parse the body of a search; raises a 400.

    Without IDs it requires an AOI, unless `needs_aoi` is false.
    """
    unknown = sorted(set(request) - FIELDS)
    if unknown:
        raise bad_request(f"Unknown parameters: {', '.join(unknown)}")
    ids = request.get("ids")
    if ids is not None and not (
        isinstance(ids, list) and ids and all(isinstance(acquisition_id, str) for acquisition_id in ids)
    ):
        raise bad_request("ids must be a list of acquisition IDs")
    geometry = aoi.parse(request.get("intersects"), request.get("bbox"))
    if needs_aoi and geometry is None and ids is None:
        raise bad_request("Problem with intersects/bbox: an AOI is required without ids")
    since, until = _parse_interval(request.get("datetime"))
    return Search(
        ids=None if ids is None else frozenset(ids),
        since=since,
        until=until,
        aoi=geometry,
        stack_depth=_parse_depth(request.get("stack_depth"), default_depth),
        conditions=parse_query(request.get("query")),
        categories=_parse_categories(request.get("image_age_category")),
    )


def search_catalog(
    search: Search, catalog: Catalog, category: Callable[[Tile], str], sort_key: Callable[[Match], Any]
) -> dict[str, list[Match]]:
    """Return the matches of a search by cell, best first, at most `stack_depth` per cell.

    `sort_key` is higher for a better match.
    """
    if search.ids is not None:
        tiles = [tile for id_ in sorted(search.ids) if id_ in catalog for tile in catalog.tiles(id_).values()]
    else:
        tiles = catalog.intersecting(search.aoi) if search.aoi is not None else list(catalog)
    matches_by_cell: dict[str, list[Match]] = defaultdict(list)
    for match in search.filter_tiles(tiles, category):
        matches_by_cell[match.tile.cell_id].append(match)
    return {
        cell_id: sorted(stack, key=sort_key, reverse=True)[: search.stack_depth]
        for cell_id, stack in matches_by_cell.items()
    }


def _parse_interval(value: Any) -> tuple[datetime | None, datetime | None]:
    if value is None:
        return None, None
    if not isinstance(value, str) or not value:
        raise bad_request("datetime must be a date or time in ISO 8601, or an interval START/END")
    first, slash, second = value.partition("/")
    if not slash:
        second = first
    since, until = _parse_time(first, end=False), _parse_time(second, end=True)
    if since and until and since > until:
        raise bad_request("datetime must not end before it begins")
    return since, until


def _parse_time(value: str, *, end: bool) -> datetime | None:
    if value in ("", ".."):
        return None
    try:
        time = datetime.fromisoformat(value)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        # An end without a time includes that day, a time its second.
        length = timedelta(days=1) if len(value) == len("2026-01-31") else timedelta(seconds=1)
        return time + length - timedelta(microseconds=1) if end else time
    except (ValueError, OverflowError) as error:
        raise bad_request("datetime must be a date or time in ISO 8601, or an interval START/END") from error


def _parse_depth(depth: Any, default: int | None) -> int | None:
    if depth is None:
        return default
    if not isinstance(depth, int) or isinstance(depth, bool) or not 1 <= depth <= MAX_STACK_DEPTH:
        raise bad_request(f"stack_depth must be a number from 1 to {MAX_STACK_DEPTH}")
    return depth


def _parse_categories(categories: Any) -> frozenset[str]:
    if categories is None:
        return frozenset()
    if not isinstance(categories, list) or not all(isinstance(name, str) and name in CLASSES for name in categories):
        raise bad_request(f"image_age_category must be a list of {', '.join(CLASSES)}")
    return frozenset(categories)
