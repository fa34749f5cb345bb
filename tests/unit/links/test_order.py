from __future__ import annotations

import pytest

from airflow_provider_ard.links.order import console_url, object_url, push_empty_links, push_links


class TaskInstance(dict):
    def xcom_push(self, key, value):
        self[key] = value


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("s3://bkt", "https://s3.console.aws.amazon.com/s3/buckets/bkt"),
        ("s3://bkt/a/b", "https://s3.console.aws.amazon.com/s3/buckets/bkt?prefix=a%2Fb%2F"),
        ("gs://bkt", "https://console.cloud.google.com/storage/browser/bkt"),
        ("gs://bkt/a/b&c", "https://console.cloud.google.com/storage/browser/bkt/a/b%26c"),
        ("az://box/a", "https://portal.azure.com/#browse/Microsoft.Storage%2FStorageAccounts"),
        ("file:///tmp/x", ""),
        (None, ""),
    ],
)
def test_console_url(uri, url):
    assert console_url(uri) == url


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("s3://bkt/a/b.json", "https://s3.console.aws.amazon.com/s3/object/bkt?prefix=a%2Fb.json"),
        ("gs://bkt/a/b.json", "https://console.cloud.google.com/storage/browser/_details/bkt/a/b.json"),
        ("az://box/a/b.json", ""),
        (None, ""),
    ],
)
def test_object_url(uri, url):
    assert object_url(uri) == url


@pytest.mark.parametrize(("other", "same"), [("s3://bkt/a", True), ("s3://bkt/b", False)])
def test_link_requires_a_common_destination(other, same):
    ti = TaskInstance()
    reports = [
        {"order_id": "1", "output_uri": "s3://bkt/a", "collection_uri": "s3://bkt/a/1.json"},
        {"order_id": "2", "output_uri": other, "collection_uri": f"{other}/2.json"},
    ]
    push_links(ti, "ard_default", reports)
    assert bool(ti["destination_url"]) is same
    assert ti["collection_url"] == ""


def test_failure_to_push_empty_links_is_only_logged(caplog):
    class Broken:
        def xcom_push(self, key, value):
            raise ConnectionError("down")

    push_empty_links(Broken())
    assert "Pushing the links failed: down" in caplog.text
