"""rio-tiler reads images, bands, tiles and mosaics, with masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from delivery import Delivery, share
from rio_tiler.io import STACReader
from rio_tiler.mosaic import mosaic_reader
from tiles import EAST, NEXT_ZONE, PANCHROMATIC, TWO_PARTS, WEST, Tile


def described(image: Any) -> list[Any]:
    bounds = [round(float(edge), 3) for edge in image.bounds]
    return [image.data.shape, str(image.data.dtype), image.crs.to_epsg(), bounds, share(image.mask > 0)]


def mosaic(delivery: Delivery, tiles: tuple[Tile, ...], bounds: tuple[float, ...], asset: Any) -> Any:
    """Merge tiles within bounds of zone 13."""

    def read(path: str, *_: Any, **options: Any) -> Any:
        with STACReader(path) as reader:
            return reader.part(bounds, bounds_crs="EPSG:32613", dst_crs="EPSG:32613", assets=asset, max_size=256)

    image, used = mosaic_reader([str(delivery.item_path(tile)) for tile in tiles], read)
    assert len(used) == len(tiles)
    return image


def preview(delivery: Delivery, tile: Tile, asset: Any) -> Any:
    with STACReader(str(delivery.item_path(tile))) as reader:
        return reader.preview(assets=[asset])


def test_opens(delivery: Delivery, same: Callable[..., None]) -> None:
    with STACReader(str(delivery.item_path(WEST))) as reader:
        info = reader.info(assets=["visual", "ms_analytic", "pan_analytic"])
        same(
            reader.crs.to_epsg(),
            list(reader.bounds),
            (reader.minzoom, reader.maxzoom),
            {
                key: (values.dtype, values.nodata_type, values.colorinterp, values.band_descriptions)
                for key, values in info.items()
            },
        )


def test_asset_key(delivery: Delivery, same: Callable[..., None]) -> None:
    same(*(described(preview(delivery, WEST, key)) for key in ("visual", "ms_analytic", "pan_analytic")))


def test_band_name(delivery: Delivery, same: Callable[..., None]) -> None:
    """Bands are selected by common name, which panchromatic bands do not have: these by name."""
    bands = preview(delivery, WEST, {"name": "ms_analytic", "bands": ["nir08", "red"]})
    with STACReader(str(delivery.item_path(WEST))) as reader:
        indexes = reader.preview(assets=["ms_analytic"], indexes=(7, 5))
    assert (bands.data == indexes.data).all()
    same(described(bands), described(preview(delivery, WEST, {"name": "pan_analytic", "bands": ["BAND_P"]})))


def test_neighbors(delivery: Delivery, same: Callable[..., None]) -> None:
    """Bounds across the edge of the cells are covered completely, and those in the margin by each of the two."""
    image = mosaic(delivery, (WEST, EAST), (753000, 4436000, 757000, 4439000), ["visual"])
    assert share(image.mask > 0) == 1.0
    margin = (754850, 4436000, 755150, 4439000)
    of_each = [mosaic(delivery, (tile,), margin, ["visual"]) for tile in (WEST, EAST)]
    same(described(image), *(described(part) for part in of_each))


def test_two_zones(delivery: Delivery, same: Callable[..., None]) -> None:
    image = mosaic(delivery, (EAST, NEXT_ZONE), (757000, 4436000, 761500, 4439000), ["ms_analytic"])
    same(described(image))


def test_panchromatic(delivery: Delivery, same: Callable[..., None]) -> None:
    same(described(preview(delivery, PANCHROMATIC, "visual")))


def test_two_parts(delivery: Delivery, same: Callable[..., None]) -> None:
    image = preview(delivery, TWO_PARTS, "visual")
    assert share(image.mask == 0) == 0.2
    same(described(image))
