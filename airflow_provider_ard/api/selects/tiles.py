"""`SelectTile`: a tile that a Select has found, with its properties."""

from __future__ import annotations

from typing import Any, NamedTuple

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.acquisitions import parse_acquisitions


class SelectTile(NamedTuple):
    """A tile that a Select has found: `properties` as the API returns them, `geometry` of its cell as GeoJSON."""

    acquisition_id: str
    cell_id: str
    properties: dict[str, Any]
    geometry: Any


def select_tiles(content: dict[str, Any]) -> list[SelectTile]:
    """Return the tiles of a Select's GeoJSON: one feature per cell with its `best_matches`, or one per tile.

    Raises ValueError unless each tile has an acquisition and a cell; all other properties are optional.
    """
    tiles = []
    try:
        for feature in content["features"]:
            properties = feature["properties"]
            for tile in properties.get("best_matches", [properties]):
                (acquisition,) = parse_acquisitions({"type": "Feature", "properties": tile})
                tiles.append(SelectTile(acquisition.id, acquisition.cells[0], dict(tile), feature.get("geometry")))
    except (TypeError, KeyError, AttributeError, ArdRequestError) as error:
        raise ValueError(f"not the tiles of a Select: {error!r}") from None
    return tiles
