"""Fixtures for running the code of the documentation: a sandbox and an S3 server."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_ard.sandbox import Sandbox
    from demo.storage import S3Server

# The IDs of stored credentials in the documentation.
CREDENTIALS_IDS = {"gs://my-bucket": "our-stored-credentials", "az://": "azure-prod"}
KEY = {"type": "service_account", "private_key": "placeholder", "project_id": "p", "client_email": "a@b.example"}
SAS_URL = "https://account.blob.core.windows.net/container?sp=racwl&sr=c&se=2099-01-01T00:00:00Z&sig=c2lnbmF0dXJl"


def fields() -> str:
    """Return the AOI file of the documentation."""
    [document] = [block.code for block in blocks("json") if block.path.name == "aoi-files.md"]
    return document


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """Run an S3 server with the buckets of the documentation."""
    from demo.storage import S3Server

    with S3Server("ard-demo", "my-bucket") as server:
        yield server


@pytest.fixture
def account(ard: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    """Return the sandbox of `ard_default` with the stored credentials of the documentation; change to a new folder."""
    from airflow_provider_ard.hooks.ard import ArdHook

    connection = json.loads(ard.connection_json)
    connection["extra"] = {**connection.get("extra", {}), "credentials_ids": CREDENTIALS_IDS}
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(connection))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sas-url.txt").write_text(f"{SAS_URL}\n")
    (tmp_path / "fields.geojson").write_text(fields())
    hook = ArdHook()
    hook.put_credentials("our-stored-credentials", base64.b64encode(json.dumps(KEY).encode()).decode())
    hook.put_credentials("azure-prod", SAS_URL)
    return ard
