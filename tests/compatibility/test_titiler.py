"""TiTiler serves previews, tiles and metadata of an item."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import rasterio
from delivery import Delivery, share
from fastapi import FastAPI
from rio_tiler.io import STACReader
from starlette.testclient import TestClient
from tiles import EAST, NEXT_ZONE, PANCHROMATIC, TWO_PARTS, WEST, Tile
from titiler.core.errors import DEFAULT_STATUS_CODES, add_exception_handlers
from titiler.core.factory import MultiBaseTilerFactory


@pytest.fixture(scope="module")
def server() -> TestClient:
    app = FastAPI()
    app.include_router(MultiBaseTilerFactory(reader=STACReader).router)
    add_exception_handlers(app, DEFAULT_STATUS_CODES)
    return TestClient(app)


def get(server: TestClient, delivery: Delivery, tile: Tile, path: str, **parameters: Any) -> Any:
    response = server.get(path, params={"url": str(delivery.item_path(tile)), **parameters})
    assert response.status_code == 200, response.text
    return response


def preview(server: TestClient, delivery: Delivery, tile: Tile, **parameters: Any) -> list[Any]:
    return described(get(server, delivery, tile, "/preview.tif", **parameters))


def described(response: Any) -> list[Any]:
    with rasterio.open(BytesIO(response.content)) as file:
        bounds = [round(edge, 3) for edge in file.bounds]
        return [file.count, file.shape, file.dtypes[0], file.crs.to_epsg(), bounds, share(file.dataset_mask() > 0)]


def test_opens(delivery: Delivery, server: TestClient, same: Callable[..., None]) -> None:
    info = get(server, delivery, WEST, "/info", assets="visual").json()["visual"]
    same({key: info[key] for key in ("bounds", "crs", "dtype", "nodata_type", "colorinterp", "width", "height")})


def test_asset_key(delivery: Delivery, server: TestClient, same: Callable[..., None]) -> None:
    same(*(preview(server, delivery, WEST, assets=key) for key in ("visual", "ms_analytic", "pan_analytic")))


def test_band_name(delivery: Delivery, server: TestClient, same: Callable[..., None]) -> None:
    bands = "ms_analytic|bands=nir08,red"
    same(preview(server, delivery, WEST, assets=bands))


def test_neighbors(delivery: Delivery, server: TestClient, same: Callable[..., None]) -> None:
    """The margin that neighbors share comes from either."""
    path = "/bbox/754850,4436000,755150,4439000/64x64.tif"
    options = {"assets": "visual", "coord_crs": "EPSG:32613", "dst_crs": "EPSG:32613"}
    same(*(described(get(server, delivery, tile, path, **options)) for tile in (WEST, EAST)))


def test_two_zones(delivery: Delivery, server: TestClient, same: Callable[..., None]) -> None:
    """The same Web Mercator tile from items of two zones."""
    path = "/tiles/WebMercatorQuad/12/887/1549.tif"
    same(*(described(get(server, delivery, tile, path, assets="visual")) for tile in (EAST, NEXT_ZONE)))


def test_panchromatic(delivery: Delivery, server: TestClient, same: Callable[..., None]) -> None:
    same(preview(server, delivery, PANCHROMATIC, assets="visual"))


def test_two_parts(delivery: Delivery, server: TestClient, same: Callable[..., None]) -> None:
    same(preview(server, delivery, TWO_PARTS, assets="visual"))
