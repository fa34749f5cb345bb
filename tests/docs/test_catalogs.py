"""The recipes of docs/catalogs.md, on a delivery in a real S3 server."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pystac
import pytest
from pyarrow import parquet

from airflow_provider_ard.sandbox import Sandbox
from tests.docs.markdown import REPOSITORY, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.storage import S3Server

PAGE = REPOSITORY / "docs" / "catalogs.md"
BUCKET = "my-bucket"
PYPGSTAC = os.environ.get("ARD_PYPGSTAC", "")


@pytest.fixture(scope="module")
def delivered(s3: S3Server) -> Iterator[tuple[Sandbox, str]]:
    """Deliver two tiles of one acquisition and one of another, of four of the first; yield the order ID as well."""
    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.http.auth import Login
    from airflow_provider_ard.api.orders.request import OrderRequest

    with (
        Sandbox(order_duration=0, storage="s3", s3_endpoint=s3.url, s3_key="k", s3_secret="s", pixels=64) as ard,
        ArdClient(Login(ard.login, ard.password), host=ard.url) as client,
    ):
        first, second = ard.acquisitions[:2]
        cells = {name: sorted(ard.catalog.tiles(name)) for name in (first, second)}

        def order(acquisitions: dict[str, list[str]]) -> str:
            request = OrderRequest.of(acquisitions=acquisitions, destination=f"s3://{BUCKET}/catalogs")
            order_id = client.submit_order(request).id
            ard.wait_for_deliveries()
            return order_id

        # The collection of the acquisition links to tiles of both orders.
        order({first: cells[first][2:4]})
        yield ard, order({first: cells[first][:2], second: cells[second][:1]})


@pytest.fixture
def tiles(delivered: tuple[Sandbox, str], s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    from airflow_provider_ard.api.delivery.scope import OrderScope
    from airflow_provider_ard.api.delivery.stac import find_items, read_tiles
    from airflow_provider_ard.hooks.ard import ArdHook
    from airflow_provider_ard.hooks.storage import AirflowObjectStore

    ard, order_id = delivered
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", s3.connection_json)
    order, store = ArdHook().get_order(order_id), AirflowObjectStore("aws_default")
    items = find_items(order.report()["collection_uri"], store, in_scope=OrderScope(order.order).contains)
    return [tile.to_json() for tile in read_tiles(items, store, ("visual",))]


@pytest.fixture(scope="module")
def recipes() -> dict[str, Any]:
    """The functions in the code blocks of the page."""
    names: dict[str, Any] = {}
    for block in blocks("python"):
        if block.path == PAGE:
            exec(compile(block.padded(), str(PAGE), "exec"), names)
    return names


def test_items_and_collections_are_independent_of_their_location(tiles: list[dict[str, Any]]) -> None:
    from airflow_provider_ard.catalogs import read_stac_collections, read_stac_items

    items = list(read_stac_items([tiles[:2], tiles[2:]], storage_conn_id="aws_default"))
    assert [next(link["href"] for link in item["links"] if link["rel"] == "self") for item in items] == [
        tile["item_uri"] for tile in tiles
    ]
    collections = read_stac_collections(tiles, storage_conn_id="aws_default")
    assert {item["collection"] for item in items} == {collection["id"] for collection in collections}
    linked = [link["href"] for document in collections for link in document["links"] if link["rel"] == "item"]
    assert sorted(linked) == sorted(tile["item_uri"] for tile in tiles)
    for document in [*items, *collections]:
        hrefs = [link["href"] for link in [*document["links"], *document.get("assets", {}).values()]]
        assert all(href.startswith(f"s3://{BUCKET}/catalogs/") for href in hrefs), hrefs
        assert "root" not in [link["rel"] for link in document["links"]]
    for item, tile in zip(items, tiles, strict=True):
        assert len(item["assets"]) > len(tile["assets"]) == 1
        assert item["assets"]["visual"]["href"] == tile["assets"]["visual"]
        assert "T" in item["properties"]["datetime"]
    for parsed in (pystac.Item.from_dict(items[0]), pystac.Collection.from_dict(collections[0])):
        # Schemas of extensions would have to be downloaded.
        parsed.stac_extensions = []
        parsed.validate()


def test_missing_item_is_an_error() -> None:
    from airflow_provider_ard.catalogs import read_stac_items
    from airflow_provider_ard.exceptions import ArdError

    tile = {"item_uri": "file:///no/such.json", "assets": {}}
    with pytest.raises(ArdError, match="no/such"):
        list(read_stac_items([tile]))


def test_geoparquet(tiles: list[dict[str, Any]], recipes: dict[str, Any]) -> None:
    from airflow_provider_ard.version_compat import ObjectStoragePath

    uri = recipes["write_geoparquet"](tiles, f"s3://{BUCKET}/catalogs/items.parquet")
    with ObjectStoragePath(uri, conn_id="aws_default").open("rb") as file:
        table = parquet.read_table(file)
    assert table.num_rows == len(tiles)
    hrefs = [assets["visual"]["href"] for assets in table.column("assets").to_pylist()]
    assert sorted(hrefs) == sorted(tile["assets"]["visual"] for tile in tiles)


def test_pystac(tiles: list[dict[str, Any]], recipes: dict[str, Any], tmp_path: Any) -> None:
    path = recipes["write_catalog"](tiles, str(tmp_path / "catalog"))
    items = list(pystac.Catalog.from_file(path).get_items(recursive=True))
    assert sorted(item.assets["visual"].href for item in items) == sorted(tile["assets"]["visual"] for tile in tiles)


def test_rasterio(tiles: list[dict[str, Any]], recipes: dict[str, Any]) -> None:
    pixels = recipes["read_image"](tiles[0])
    assert pixels.ndim == 3
    assert pixels.max() > 0


def test_ndjson(tiles: list[dict[str, Any]], recipes: dict[str, Any], tmp_path: Any) -> None:
    items, collections = recipes["write_ndjson"](tiles, str(tmp_path))
    lines = [json.loads(line) for line in items.read_text().splitlines()]
    assert len(lines) == len(tiles)
    assert all("/" not in line["id"] for line in lines)
    assert len(collections.read_text().splitlines()) == 2


@pytest.mark.skipif(not PYPGSTAC, reason="needs PostgreSQL with PostGIS and pypgstac: make pgstac")
def test_pgstac(tiles: list[dict[str, Any]], recipes: dict[str, Any], tmp_path: Any) -> None:
    from benchmarks.triggerer import postgresql

    def pypgstac(command: str, dsn: str) -> str:
        command = command.replace("pypgstac", PYPGSTAC, 1).replace("postgresql://...", dsn)
        process = subprocess.run(shlex.split(command), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        return process.stdout

    items, _ = recipes["write_ndjson"](tiles, str(tmp_path))
    area = json.loads(items.read_text().splitlines()[0])["geometry"]
    with postgresql() as uri:
        dsn = uri.replace("+psycopg2", "")
        pypgstac("pypgstac migrate --dsn postgresql://...", dsn)
        [block] = [block.code for block in blocks("text") if block.path == PAGE]
        for command in block.splitlines():
            pypgstac(command, dsn)
        query = "SELECT jsonb_path_query_array(search('{}'), '$.features[*].assets.visual.href')"
        hrefs = json.loads(psql(dsn, query))
        inside = json.loads(psql(dsn, f"SELECT search('{json.dumps({'intersects': area})}')"))
    assert sorted(hrefs) == sorted(tile["assets"]["visual"] for tile in tiles)
    assert tiles[0]["assets"]["visual"] in [item["assets"]["visual"]["href"] for item in inside["features"]]


def psql(dsn: str, query: str) -> str:
    command = ["psql", dsn, "-tAc", f"SET search_path TO pgstac, public; {query}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
