"""Searching the catalog: what Select, the metadata service and monitors have in common."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shapely.geometry.base import BaseGeometry

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
    """A search that makes sense. `since` and `until` are inclusive; None is no limit, of `stack_depth` too."""

    ids: frozenset[str] | None
    since: datetime | None
    until: datetime | None
    area: BaseGeometry | None
    stack_depth: int | None
    conditions: tuple[Condition, ...]
    categories: frozenset[str]

    def filter_tiles(self, tiles: Iterable[Tile], category: Callable[[Tile], str]) -> list[Match]:
        """Return the tiles that match, in no order of merit; `category` tells the age class of a tile."""
        found = []
        for tile in tiles:
            if self.ids is not None and tile.acquisition_id not in self.ids:
                continue
            if (self.since and tile.acquired_at < self.since) or (self.until and tile.acquired_at > self.until):
                continue
            match = Match.of(tile, self.area, category(tile))
            if match is None or (self.categories and match.category not in self.categories):
                continue
            if all(condition.holds(match) for condition in self.conditions):
                found.append(match)
        return found


def parse_search(request: dict[str, Any], *, needs_area: bool = True, default_depth: int | None = None) -> Search:
    """Read the body of a search, or raise a 400.

    Without IDs it needs an area, unless something else narrows it down (`needs_area` false).
    """
    unknown = sorted(set(request) - FIELDS)
    if unknown:
        raise bad_request(f"Unknown parameters: {', '.join(unknown)}")
    ids = request.get("ids")
    if ids is not None and not (isinstance(ids, list) and ids and all(isinstance(one, str) for one in ids)):
        raise bad_request("ids must be a list of acquisition IDs")
    area = aoi.parse(request.get("intersects"), request.get("bbox"))
    if needs_area and area is None and ids is None:
        raise bad_request("Problem with intersects/bbox: an area is required without ids")
    since, until = _parse_period(request.get("datetime"))
    return Search(
        ids=None if ids is None else frozenset(ids),
        since=since,
        until=until,
        area=area,
        stack_depth=_parse_depth(request.get("stack_depth"), default_depth),
        conditions=parse_query(request.get("query")),
        categories=_parse_categories(request.get("image_age_category")),
    )


def search_catalog(
    search: Search, catalog: Catalog, category: Callable[[Tile], str], merit: Callable[[Match], Any]
) -> dict[str, list[Match]]:
    """Return what a search finds, by cell, the best first: `merit` is higher for a better match.

    Of each cell no more than the `stack_depth` are returned.
    """
    if search.ids is not None:
        tiles = [tile for one in sorted(search.ids) if one in catalog for tile in catalog.tiles(one).values()]
    else:
        tiles = catalog.intersecting(search.area) if search.area is not None else list(catalog)
    matches_by_cell: dict[str, list[Match]] = defaultdict(list)
    for match in search.filter_tiles(tiles, category):
        matches_by_cell[match.tile.cell_id].append(match)
    return {
        cell_id: sorted(stack, key=merit, reverse=True)[: search.stack_depth]
        for cell_id, stack in matches_by_cell.items()
    }


def _parse_period(text: Any) -> tuple[datetime | None, datetime | None]:
    if text is None:
        return None, None
    if not isinstance(text, str) or not text:
        raise bad_request("datetime must be a date or time in ISO 8601, or two of them with a / between")
    first, slash, second = text.partition("/")
    if not slash:
        second = first
    since, until = _parse_moment(first, end=False), _parse_moment(second, end=True)
    if since and until and since > until:
        raise bad_request("datetime must not end before it begins")
    return since, until


def _parse_moment(text: str, *, end: bool) -> datetime | None:
    if text in ("", ".."):
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # A date as an end takes in its whole day, a time its whole second.
        length = timedelta(days=1) if len(text) == len("2026-01-31") else timedelta(seconds=1)
        return moment + length - timedelta(microseconds=1) if end else moment
    except (ValueError, OverflowError) as error:
        raise bad_request("datetime must be a date or time in ISO 8601, or two of them with a / between") from error


def _parse_depth(depth: Any, default: int | None) -> int | None:
    if depth is None:
        return default
    if not isinstance(depth, int) or isinstance(depth, bool) or not 1 <= depth <= MAX_STACK_DEPTH:
        raise bad_request(f"stack_depth must be a number from 1 to {MAX_STACK_DEPTH}")
    return depth


def _parse_categories(categories: Any) -> frozenset[str]:
    if categories is None:
        return frozenset()
    if not isinstance(categories, list) or not all(isinstance(one, str) and one in CLASSES for one in categories):
        raise bad_request(f"image_age_category must be a list of {', '.join(CLASSES)}")
    return frozenset(categories)
