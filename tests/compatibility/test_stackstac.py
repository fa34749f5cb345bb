"""stackstac stacks assets of one band; the projection is named, since it reads only the older property `proj:epsg`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import stackstac
from delivery import Delivery, share
from tiles import EAST, NEXT_ZONE, PANCHROMATIC, TWO_PARTS, WEST

GRID: dict[str, Any] = {"epsg": 32613, "resolution": 50}


def described(stack: Any) -> list[Any]:
    """Return what a stack is like: grid, bands, type and share of data."""
    values = stack.compute()
    edges = [float(edge) for edge in (values.x.min(), values.x.max(), values.y.min(), values.y.max())]
    return [edges, [str(band) for band in values.band.values], str(values.dtype), share(~np.isnan(values.values))]


def test_opens(delivery: Delivery, same: Callable[..., None]) -> None:
    """Items of pystac with a projection, and items as delivered, which have `proj:epsg`, without."""
    options = {"assets": ["pan_analytic"], "resolution": 50}
    with pytest.raises(ValueError, match="epsg"):
        stackstac.stack(delivery.items(WEST), **options)
    same(
        described(stackstac.stack(delivery.items(WEST), epsg=32613, **options)),
        described(stackstac.stack([delivery.absolute_document(WEST)], **options)),
    )


def test_asset_key(delivery: Delivery, same: Callable[..., None]) -> None:
    stack = stackstac.stack(delivery.items(WEST), assets=["pan_analytic", "cloud-mask-raster"], **GRID)
    with pytest.raises(RuntimeError, match="exactly 1 band"):
        stackstac.stack(delivery.items(WEST), assets=["visual"], **GRID).compute()
    same(described(stack))


def test_neighbors(delivery: Delivery, same: Callable[..., None]) -> None:
    stack = stackstac.stack(delivery.items(WEST, EAST), assets=["pan_analytic"], **GRID)
    mosaic = stackstac.mosaic(stack).compute()
    # Up to the margin of the west tile, both have data.
    assert not np.isnan(mosaic.sel(x=slice(754000, 756000), y=slice(4439000, 4436000)).values).any()
    same(described(mosaic))


def test_two_zones(delivery: Delivery, same: Callable[..., None]) -> None:
    stack = stackstac.stack(delivery.items(EAST, NEXT_ZONE), assets=["pan_analytic"], **GRID)
    mosaic = stackstac.mosaic(stack)
    assert mosaic.x.max() > 761000
    same(described(mosaic))


def test_panchromatic(delivery: Delivery, same: Callable[..., None]) -> None:
    same(described(stackstac.stack(delivery.items(PANCHROMATIC), assets=["visual"], **GRID)))


def test_two_parts(delivery: Delivery, same: Callable[..., None]) -> None:
    stack = described(stackstac.stack(delivery.items(TWO_PARTS), assets=["pan_analytic"], **GRID))
    assert stack[-1] < 0.8
    same(stack)
