"""odc-stac loads by asset key, and by band name as the documentation shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import odc.stac
import pytest
import rasterio
from delivery import Delivery, share
from tiles import EAST, NEXT_ZONE, PANCHROMATIC, TWO_PARTS, WEST

Loader = Callable[..., Any]


@pytest.fixture(scope="session")
def load_bands(documented: dict[str, Any]) -> Loader:
    return documented["load_bands"]


def described(dataset: Any) -> list[Any]:
    """Return what a dataset is like: grid, and for each variable its type, shape and share of data."""
    box = dataset.odc.geobox
    variables = {
        name: (str(values.dtype), values.shape, share(values.values > 0)) for name, values in dataset.data_vars.items()
    }
    return [box.crs.epsg, [round(edge, 3) for edge in box.boundingbox.bbox], variables]


def test_opens(delivery: Delivery, same: Callable[..., None]) -> None:
    parsed = odc.stac.parse_item(delivery.item(WEST))
    same(
        parsed.collection.aliases,
        {key: str(source.geobox) for key, source in parsed.bands.items() if "-" not in key[0]},
    )


def test_asset_key(delivery: Delivery, same: Callable[..., None]) -> None:
    items = delivery.items(WEST)
    same(*(described(odc.stac.load(items, bands=[key])) for key in ("visual", "ms_analytic", "pan_analytic")))


def test_band_name(delivery: Delivery, load_bands: Loader, same: Callable[..., None]) -> None:
    dataset = load_bands(delivery.items(WEST), ["BAND_N", "rededge", "ms_analytic.5"])
    with rasterio.open(delivery.item(WEST).assets["ms_analytic"].href) as file:
        for name, number in (("BAND_N", 7), ("rededge", 6), ("ms_analytic.5", 5)):
            assert (dataset[name].values[0] == file.read(number)).all()
    same(described(dataset), described(load_bands(delivery.items(WEST), ["visual.1", "visual.3"])))


def test_band_names_fail_without_the_documented_function(delivery: Delivery) -> None:
    """The day this passes without it, the documentation is simpler."""
    with pytest.raises(KeyError):
        odc.stac.load(delivery.items(WEST), bands=["BAND_N"])


def test_neighbors(delivery: Delivery, load_bands: Loader, same: Callable[..., None]) -> None:
    """One mosaic without a gap at the edge of the cells."""
    dataset = load_bands(delivery.items(WEST, EAST), ["nir08"], groupby="solar_day", resolution=50, crs="EPSG:32613")
    assert dataset.sizes["time"] == 1
    assert (dataset.nir08.sel(x=slice(754000, 756000), y=slice(4439000, 4436000)) > 0).all()
    same(described(dataset))


def test_two_zones(delivery: Delivery, load_bands: Loader, same: Callable[..., None]) -> None:
    items = delivery.items(EAST, NEXT_ZONE)
    dataset = load_bands(items, ["nir08"], groupby="solar_day", resolution=50, crs="EPSG:32613")
    assert dataset.sizes["time"] == 1
    assert dataset.x.max() > 761000
    same(described(dataset))


def test_panchromatic(delivery: Delivery, load_bands: Loader, same: Callable[..., None]) -> None:
    """The only band by name; beside a tile with three bands, the first band of both."""
    grid: dict[str, Any] = {"resolution": 50, "crs": "EPSG:32613"}
    both = load_bands(delivery.items(EAST, PANCHROMATIC), ["visual.1"], **grid)
    assert both.sizes["time"] == 2
    same(described(load_bands(delivery.items(PANCHROMATIC), ["BAND_P_V", "BAND_P"], **grid)), described(both))


def test_two_parts(delivery: Delivery, load_bands: Loader, same: Callable[..., None]) -> None:
    dataset = load_bands(delivery.items(TWO_PARTS), ["BAND_IR"])
    assert 0.15 <= share(dataset.BAND_IR.values == 0) <= 0.25
    same(described(dataset))
