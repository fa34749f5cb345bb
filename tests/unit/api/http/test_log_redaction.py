"""HTTP and storage libraries do not log signed links at DEBUG level."""

from __future__ import annotations

import logging
import re

import pytest
import urllib3

from airflow_provider_ard.api.http.log_redaction import LOGGERS, SignatureFilter, redact_library_logs
from airflow_provider_ard.api.selects.request import SelectRequest


@pytest.fixture
def debug_text(caplog):
    """Return a function that returns the text of all records at DEBUG level."""
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join(f"{record.name} {record.getMessage()} {vars(record)}" for record in caplog.records)


def test_signed_link_of_a_download_is_not_logged(ard, client, debug_text, wait_for):
    select = client.submit_select(SelectRequest.of(bbox=[-105.2, 40.1, -105.0, 40.25]))
    wait_for(lambda: client.get_select(select.id).status == "SUCCEEDED")
    assert client.get_select_results(client.get_select(select.id))
    text = debug_text()
    assert "/signed/select/" in text
    links = re.findall(r"signature=[^&\s'\"]*", text)
    assert links
    assert set(links) == {"signature=***"}


def test_failed_download_does_not_log_the_signature(ard, client, debug_text):
    redact_library_logs()
    pool = urllib3.PoolManager(retries=False)
    pool.request("GET", f"{ard.url}/c?sv=1&sig=Pl4nted%2FS%3D")
    assert "sig=***" in debug_text()
    assert "Pl4nted" not in debug_text()


@pytest.mark.parametrize("name", LOGGERS)
def test_libraries_are_filtered_once(name):
    redact_library_logs()
    redact_library_logs()
    assert sum(isinstance(item, SignatureFilter) for item in logging.getLogger(name).filters) == 1


@pytest.mark.parametrize(
    ("name", "message", "arguments"),
    [
        ("botocore.auth", "CanonicalRequest:\n%s", ("GET\nx-amz-security-token:Pl4nted\n",)),
        ("botocore.endpoint", "Sending http request: %s", ({"X-Amz-Security-Token": b"Pl4nted"},)),
        ("botocore.parsers", "Response body:\n%r", (b"<SessionToken>Pl4nted</SessionToken>",)),
        ("azure.storage.blob._shared.policies", "Request URL: %r", ("https://a/c?sv=1&sig=Pl4nted",)),
        ("fsspec.http", "Retrieve file size for https://a/c?sv=1&sig=Pl4nted", ()),
        ("gcsfs", "GET: %s", ("https://storage.googleapis.com/b?X-Goog-Signature=Pl4nted",)),
        ("s3fs", "CALL: %s", ({"Authorization": "Bearer Pl4ntedPl4nted"},)),
    ],
)
def test_records_of_storage_libraries_contain_no_secret(debug_text, name, message, arguments):
    redact_library_logs()
    logging.getLogger(name).debug(message, *arguments)
    assert "***" in debug_text()
    assert "Pl4nted" not in debug_text()


def test_other_records_are_unchanged(caplog):
    redact_library_logs()
    caplog.set_level(logging.DEBUG)
    logging.getLogger("s3fs").debug("read %s", "s3://b/k")
    assert caplog.records[-1].args == ("s3://b/k",)
