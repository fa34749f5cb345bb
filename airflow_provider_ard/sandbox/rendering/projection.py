"""Transform geometries between coordinate reference systems."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from shapely.geometry.base import BaseGeometry

WGS84 = 4326


def project(geometry: BaseGeometry, source: int | str, target: int | str) -> BaseGeometry:
    """Return a geometry in another system; both are EPSG codes or PROJ strings, with longitude first."""
    transformer = _transformer(source, target)

    def move(points: NDArray[Any]) -> NDArray[Any]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return shapely.transform(geometry, move)


def affine(bounds: Sequence[float], width: int, height: int) -> Affine:
    """Return the affine transform of a north-up image with given bounds and size in pixels."""
    xmin, ymin, xmax, ymax = bounds
    # rasterio.transform.from_bounds returns the same, but emits a warning with affine 3.
    return Affine((xmax - xmin) / width, 0.0, xmin, 0.0, (ymin - ymax) / height, ymax)


@lru_cache(maxsize=32)
def _transformer(source: int | str, target: int | str) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)
