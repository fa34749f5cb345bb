"""Imagery for the sandbox to publish, over the area that the example DAGs look at."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import shapely

AOI = shapely.box(-105.10, 40.13, -105.03, 40.19)


def imagery(taken: dict[str, tuple[str, int]]) -> dict[str, Any]:
    """Return tiles of new acquisitions in one cell of the AOI, by id: when they were taken and how cloudy they are."""
    bundled = json.loads(
        resources.files("airflow_provider_ard.sandbox.backend").joinpath("catalog.geojson").read_text()
    )
    model = next(one for one in bundled["features"] if shapely.geometry.shape(one["geometry"]).intersects(AOI))
    return {
        "type": "FeatureCollection",
        "features": [
            model
            | {
                "properties": model["properties"]
                | {"catalog_id": name, "datetime": moment, "tile:clouds_percent": clouds}
            }
            for name, (moment, clouds) in taken.items()
        ],
    }
