"""New imagery for the sandbox, inside the AOI of the example DAGs."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import shapely

AOI = shapely.box(-105.10, 40.13, -105.03, 40.19)


def imagery(acquisitions: dict[str, tuple[str, int]]) -> dict[str, Any]:
    """Return tiles of new acquisitions in one cell of the AOI. `acquisitions`: ID -> (acquired at, cloud cover in %)."""
    bundled = json.loads(
        resources.files("airflow_provider_ard.sandbox.backend").joinpath("catalog.geojson").read_text()
    )
    original = next(tile for tile in bundled["features"] if shapely.geometry.shape(tile["geometry"]).intersects(AOI))
    return {
        "type": "FeatureCollection",
        "features": [
            original
            | {
                "properties": original["properties"]
                | {"catalog_id": acquisition_id, "datetime": acquired_at, "tile:clouds_percent": cloud_cover}
            }
            for acquisition_id, (acquired_at, cloud_cover) in acquisitions.items()
        ],
    }
