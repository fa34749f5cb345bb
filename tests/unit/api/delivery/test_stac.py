from __future__ import annotations

import json

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.delivery.layout import root_collection_uri
from airflow_provider_ard.api.delivery.stac import find_items, read_tiles, resolve_href
from airflow_provider_ard.api.errors import ArdError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import State
from airflow_provider_ard.sandbox import Sandbox


def test_delivered_order_lists_its_tiles(tmp_path, wait_for):
    with (
        Sandbox(order_duration=0, storage=tmp_path, pixels=64) as ard,
        ArdClient(Login(ard.login, ard.password), host=ard.url) as client,
    ):
        acquisition = ard.acquisitions[0]
        placed = client.submit_order(OrderRequest.of(acquisitions=acquisition, destination="bkt/p"))
        wait_for(lambda: client.get_order(placed.id).state is State.SUCCEEDED)
        uri = client.get_order(placed.id).report()["collection_uri"]

    documents = {
        f"s3://{path.relative_to(tmp_path)}": json.loads(path.read_bytes()) for path in tmp_path.rglob("*.json")
    }
    store = _Documents(documents)
    tiles = read_tiles(find_items(uri, store), store)
    assert len(tiles) == len(list(tmp_path.glob(f"bkt/p/*/*/*/{acquisition}.json"))) > 0
    for tile in tiles:
        assert tile.acquisition_id == acquisition
        assert tile.item_uri.startswith("s3://bkt/p/")
        assert {"visual", "ms_analytic", "pan_analytic"} <= set(tile.assets)
        for asset in tile.assets.values():
            assert (tmp_path / asset.removeprefix("s3://")).is_file()


@pytest.mark.parametrize(
    ("base", "href", "expected"),
    [
        ("s3://b/p/order_collections/1.json", "../a/2.json", "s3://b/p/a/2.json"),
        ("s3://b/order_collections/1.json", "./2.json", "s3://b/order_collections/2.json"),
        ("gs://b/p/1.json", "az://c/2.json", "az://c/2.json"),
        ("file:///tmp/p/1.json", "../2.json", "file:///tmp/2.json"),
    ],
)
def test_links_are_resolved(base, href, expected):
    assert resolve_href(base, href) == expected


@pytest.mark.parametrize("name", ["7_root_collection.json", "7_collection.json"])
@pytest.mark.parametrize("typed", [{}, {"type": "Collection"}])
def test_root_collection_has_either_documented_name_with_or_without_a_type(name, typed):
    item = "../13/031133320203/2021-06-03/A.json"
    documents = {
        f"s3://b/order_collections/{name}": typed
        | {"links": [{"rel": "child", "href": "../acquisition_collections/A_collection.json"}]},
        "s3://b/acquisition_collections/A_collection.json": {"links": [{"rel": "item", "href": item}]},
    }
    assert list(find_items(root_collection_uri("s3://b", "7"), _Documents(documents))) == ["s3://b" + item[2:]]


def test_error_names_the_usual_name_if_neither_can_be_read():
    uri = root_collection_uri("s3://b", "7")
    with pytest.raises(ArdError, match="7_root_collection"):
        find_items(uri, _Documents({}))


class _Documents:
    """A storage in memory."""

    def __init__(self, documents):
        self._documents = documents

    def read_json(self, uri):
        if uri not in self._documents:
            raise ArdError(f"{uri}: does not exist")
        return self._documents[uri]

    def read_documents(self, uris):
        for uri in uris:
            yield uri, self.read_json(uri)


def test_invalid_document_is_an_error_with_its_uri():
    with pytest.raises(ArdError, match=r"s3://b/root\.json"):
        find_items("s3://b/root.json", _Documents({"s3://b/root.json": {"message": "no"}}))
    documents = {
        "s3://b/o/root.json": {"links": [{"rel": "child", "href": "c.json"}]},
        "s3://b/o/c.json": {"links": [{"rel": "item", "href": "other.json"}]},
        "s3://b/o/other.json": {},
    }
    with pytest.raises(ArdError, match="other"):
        find_items("s3://b/o/root.json", _Documents(documents))
