from __future__ import annotations

import pytest

from airflow_provider_ard.api.delivery.layout import (
    TileLocation,
    acquisition_collection_uri,
    item_uri,
    parse_item_uri,
    parse_location,
    request_uri,
    root_collection_uri,
)
from airflow_provider_ard.api.errors import ArdRequestError


@pytest.mark.parametrize(
    ("destination", "uri"),
    [
        ("s3://bkt/a/b", "s3://bkt/a/b"),
        (" bkt/a/ ", "s3://bkt/a"),
        ("bkt", "s3://bkt"),
        ("GS://bkt//a/", "gs://bkt/a"),
        ("az://container/a", "az://container/a"),
    ],
)
def test_location_is_normalized(destination, uri):
    assert parse_location(destination).uri == uri


@pytest.mark.parametrize("destination", [None, 7, "", "http://bkt/a", "s3://", "bkt/a//b", "bkt/../a", "bkt/a?sig=1"])
def test_invalid_location_names_the_argument(destination):
    with pytest.raises(ArdRequestError, match="where: ") as caught:
        parse_location(destination, "where")
    assert "sig" not in str(caught.value)


def test_document_uris_of_an_order():
    assert request_uri("s3://b/p/", "7") == "s3://b/p/7-request.json"
    assert root_collection_uri("s3://b", "7") == "s3://b/order_collections/7_root_collection.json"
    assert acquisition_collection_uri("az://c/p", "A") == "az://c/p/acquisition_collections/A_collection.json"


def test_item_uri_identifies_its_tile():
    uri = item_uri("gs://b/p", "Z03-031133320203", "2021-06-03", "10300100B2B49700")
    assert uri == "gs://b/p/03/031133320203/2021-06-03/10300100B2B49700.json"
    assert parse_item_uri(uri) == TileLocation("Z03-031133320203", "2021-06-03", "10300100B2B49700")
    assert parse_item_uri("gs://b/p/3/031133320203/2021-06-03/A.json") is None
