from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from airflow_provider_ard.version_compat import AirflowNotFoundException, ObjectStoragePath

KEY = "c2VjcmV0"


@pytest.fixture
def azure_connection(monkeypatch):
    extra = {"connection_string": f"AccountName=me;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:1/me;"}
    monkeypatch.setenv("AIRFLOW_CONN_AZURE_STORE", json.dumps({"conn_type": "wasb", "extra": extra}))
    return "azure_store"


def test_az_is_registered_with_object_storage(azure_connection):
    path = ObjectStoragePath("az://tiles/a/b.json", conn_id=azure_connection)
    assert (path.protocol, path.key, path.path) == ("az", "a/b.json", "tiles/a/b.json")
    assert "AccountName=me" in path.fs.connection_string


def test_http_requests_are_not_logged(azure_connection):
    from airflow_provider_ard.fs.azure import get_fs

    get_fs(azure_connection)
    assert not logging.getLogger("azure.core.pipeline.policies.http_logging_policy").isEnabledFor(logging.INFO)


def test_unknown_connection_raises_not_found():
    from airflow_provider_ard.fs.azure import get_fs

    with pytest.raises(AirflowNotFoundException, match="no_such"):
        get_fs("no_such")


def test_missing_extra_is_raised_on_use_only():
    # Airflow imports the module of every scheme before it opens the first path.
    script = """
import sys
sys.modules["adlfs"] = sys.modules["airflow.providers.microsoft.azure"] = None
import airflow_provider_ard.fs.azure as module
try:
    module.get_fs(None)
except ImportError:
    print("reported")
"""
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert process.stdout.split() == ["reported"]
