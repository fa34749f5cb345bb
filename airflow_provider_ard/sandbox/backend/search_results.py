"""Results of searches in the formats of the API."""

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any

from shapely import GeometryCollection
from shapely.geometry import mapping

from airflow_provider_ard.sandbox.backend.matches import Match
from airflow_provider_ard.sandbox.rendering import stac

MatchesByCell = Mapping[str, list[Match]]
METADATA_FORMATS = ("geojson", "order", "stac")
_PAGE = """<!doctype html><meta charset="utf-8"><title>Select {id}</title>
<style>body{{font:14px sans-serif;margin:2em}}path{{fill:#2a78;stroke:#255;stroke-width:.2%}}</style>
<h1>Select {id}</h1><p>{tiles} tiles in {cells} cells</p>
<svg viewBox="{view}" width="640" height="480">{paths}</svg><table>{rows}</table>"""


def feature(match: Match) -> dict[str, Any]:
    """Return a tile as a GeoJSON feature; its geometry is the area with data."""
    return {"type": "Feature", "geometry": mapping(match.tile.footprint), "properties": match.properties()}


def format_matches(matches: Iterable[Match], output_format: str) -> dict[str, Any]:
    """Return tiles in one of `METADATA_FORMATS`: GeoJSON features, the acquisitions of an order, or STAC items."""
    if output_format == "order":
        order: dict[str, Any] = {}
        for match in matches:
            order.setdefault(match.tile.acquisition_id, []).append(match.tile.cell_id)
        return order
    if output_format == "stac":
        return {"type": "FeatureCollection", "features": [stac.item(match.tile, ()) for match in matches]}
    return {"type": "FeatureCollection", "features": [feature(match) for match in matches]}


def features_by_cell(matches_by_cell: MatchesByCell) -> list[dict[str, Any]]:
    """Return the features of a Select: one per cell, with its `best_matches`, best first."""
    return [
        {
            "type": "Feature",
            "geometry": mapping(stack[0].tile.cell_area),
            "properties": {"cell_id": cell_id, "best_matches": [match.properties() for match in stack]},
        }
        for cell_id, stack in sorted(matches_by_cell.items())
    ]


def select_file(select_id: str, matches_by_cell: MatchesByCell, extension: str) -> tuple[str, str]:
    """Return a Select's result file and its media type; raises KeyError for an unknown extension."""
    matches = [match for _, stack in sorted(matches_by_cell.items()) for match in stack]
    match extension:
        case "geojson":
            return _json(
                {"type": "FeatureCollection", "features": features_by_cell(matches_by_cell)}
            ), "application/geo+json"
        case "geojsonl":
            lines = (json.dumps(cell) for cell in features_by_cell(matches_by_cell))
            return "".join(f"{line}\n" for line in lines), "application/geo+json-seq"
        case "order":
            return _json(format_matches(matches, "order")), "application/json"
        case "stac":
            return _json(format_matches(matches, "stac")), "application/geo+json"
        case "html":
            return _page(select_id, matches_by_cell, matches), "text/html"
    raise KeyError(extension)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document)


def _page(select_id: str, matches_by_cell: MatchesByCell, matches: list[Match]) -> str:
    cells = [stack[0].tile.cell_area for stack in matches_by_cell.values()]
    view = "0 0 1 1"
    if cells:
        xmin, ymin, xmax, ymax = GeometryCollection(cells).bounds
        view = f"{xmin} {-ymax} {xmax - xmin} {ymax - ymin}"
    paths = "".join(
        f'<path d="M{"L".join(f"{x} {-y}" for x, y in cell.exterior.coords)}Z"><title>{cell_id}</title></path>'
        for cell_id, cell in zip(matches_by_cell, cells, strict=True)
    )
    rows = "".join(
        f"<tr><td>{match.tile.cell_id}<td>{html.escape(match.tile.acquisition_id)}<td>{match.tile.acquired_at:%Y-%m-%d}"
        for match in matches
    )
    return _PAGE.format(id=select_id, tiles=len(matches), cells=len(cells), view=view, paths=paths, rows=rows)
