from __future__ import annotations

import json

import pytest

from airflow_provider_ard.exceptions import ArdError, ArdRequestError
from airflow_provider_ard.hooks.storage import AirflowObjectStore

try:
    from airflow.sdk.io import store
except ModuleNotFoundError:  # Airflow 2
    from airflow.io import store
try:
    from airflow.sdk.io import fs
except ImportError:  # before Airflow 3.1
    import airflow.io as fs


@pytest.fixture(autouse=True)
def empty_store_cache(monkeypatch):
    monkeypatch.setattr(store, "_STORE_CACHE", {})


def test_reads_document(tmp_path):
    (tmp_path / "a.json").write_text('{"links": []}')
    assert AirflowObjectStore(None).read_json(f"file://{tmp_path}/a.json") == {"links": []}


def test_documents_are_read_in_sequence_up_to_the_first_error(tmp_path):
    # More than one block.
    uris = [f"file://{tmp_path}/{number}.json" for number in range(300)]
    for number in range(299):
        (tmp_path / f"{number}.json").write_text(json.dumps({"number": number}))
    documents = AirflowObjectStore(None).read_documents(iter(uris))
    for number in range(299):
        assert next(documents) == (uris[number], {"number": number})
    with pytest.raises(ArdError, match=r"299\.json: does not exist"):
        next(documents)


@pytest.mark.parametrize(("extra", "connections"), [({}, 32), ({"config_kwargs": {"max_pool_connections": 5}}, 5)])
def test_connections_to_s3_are_as_many_as_concurrent_reads(monkeypatch, extra, connections):
    extra = {"endpoint_url": "http://127.0.0.1:1", "config_kwargs": {"retries": {"total_max_attempts": 1}}} | extra
    # Airflow 2 masks the password in all texts of this process, so it is not a word.
    conn = {"conn_type": "aws", "login": "k", "password": "k7PqX2wZ", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_POOL", json.dumps(conn))
    with pytest.raises(ArdError, match="cannot be read"):
        AirflowObjectStore("pool").read_json("s3://b/a.json")
    filesystem = store.attach("s3", "pool").fs
    assert filesystem.s3.meta.config.max_pool_connections == connections


@pytest.mark.parametrize(("content", "message"), [("{", "not a JSON"), ("[]", "not a STAC"), (None, "does not exist")])
def test_invalid_document_is_an_error_with_its_uri(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(ArdError, match=rf"a\.json: {message}"):
        AirflowObjectStore(None).read_json(f"file://{tmp_path}/a.json")


def test_unknown_connection_is_not_retried():
    with pytest.raises(ArdRequestError, match="storage_conn_id: Connection 'no_such' does not exist"):
        AirflowObjectStore("no_such")


def test_connection_without_credentials_is_named(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EMPTY", json.dumps({"conn_type": "wasb"}))
    with pytest.raises(ArdError, match=r"az://c/a\.json: cannot be opened with storage_conn_id 'empty'"):
        AirflowObjectStore("empty").read_json("az://c/a.json")


def test_unreachable_server_is_reported_without_the_key(monkeypatch):
    extra = {"endpoint_url": "http://127.0.0.1:1", "config_kwargs": {"retries": {"total_max_attempts": 1}}}
    conn = {"conn_type": "aws", "login": "k3yk3y", "password": "s3cr3t", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_GONE", json.dumps(conn))
    with pytest.raises(ArdError, match=r"s3://b/a\.json: cannot be read with storage_conn_id 'gone'") as caught:
        AirflowObjectStore("gone").read_json("s3://b/a.json")
    assert "s3cr3t" not in str(caught.value)


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(fs, "_register_filesystems", dict)
    with pytest.raises(ArdRequestError, match=r"airflow-provider-ard\[gcs\]"):
        AirflowObjectStore(None).read_json("gs://b/a.json")
