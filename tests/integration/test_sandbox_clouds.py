"""Delivery to all three clouds, each on a real server of its protocol: moto, gcp-storage-emulator, Azurite."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import fsspec
import pystac
import pytest
import rasterio
import requests
from azure.storage.blob import AccountSasPermissions, BlobServiceClient, ResourceTypes, generate_account_sas
from gcsfs.core import GCSFileSystem
from rio_cogeo.cogeo import cog_validate

from airflow_provider_ard.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
NODE = REPOSITORY / ".node"
AZURITE = "azurite@3.37.0"
ACCOUNT = "devstoreaccount1"
# Azurite's own, the same for everybody, as its documentation says.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
KEY_FILE = base64.b64encode(json.dumps({"type": "service_account", "private_key": "s3cr3t"}).encode()).decode()
FILES_OF_A_TILE = 18


def azurite() -> Path:
    """Return Azurite's blob service, fetched from npm once."""
    script = NODE / "node_modules/azurite/dist/src/blob/main.js"
    if not script.exists():
        NODE.mkdir(exist_ok=True)
        npm = shutil.which("npm")
        assert npm, "Azurite needs node and npm"
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
        subprocess.run([npm, "install", "--prefix", str(NODE), *quiet, AZURITE], check=True, timeout=280)
    return script


@contextmanager
def server(*command: str) -> Iterator[int]:
    """Run a server on the free port that takes the place of PORT, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    filled = [str(port) if word == "PORT" else word for word in command]
    running = subprocess.Popen(filled, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            assert running.poll() is None, f"{command[0]} ended"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.1)
        yield port
    finally:
        running.terminate()
        running.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Clouds(NamedTuple):
    """The servers' addresses, with a bucket or container ``tiles`` on each."""

    s3: str
    gcs: str
    azure: str

    def sas(self, lifetime: timedelta = timedelta(hours=1)) -> str:
        """Return a SAS URL as Azure gives it out; the sandbox swaps the host for Azurite's."""
        signature = generate_account_sas(
            ACCOUNT,
            ACCOUNT_KEY,
            resource_types=ResourceTypes(container=True, object=True),
            permission=AccountSasPermissions(read=True, write=True, list=True, create=True, delete=True),
            expiry=datetime.now(UTC) + lifetime,
        )
        return f"https://{ACCOUNT}.blob.core.windows.net/?{signature}"

    def config(self, platform: str, bucket: str = "tiles") -> dict[str, Any]:
        """Return an output_config for a platform."""
        place = {"bucket": bucket, "prefix": "a/b"}
        return {
            "s3": {"amazon_s3": place},
            "gcs": {"google_cloud_storage": {**place, "service_credentials": KEY_FILE}},
            "azure": {"azure_blob_storage": {"container": bucket, "prefix": "a/b", "sas_url": self.sas()}},
        }[platform]

    def files(self, platform: str) -> fsspec.AbstractFileSystem:
        """Return a filesystem of a platform, by other credentials than the sandbox's."""
        if platform == "s3":
            return fsspec.filesystem(
                "s3", key="k", secret="s", endpoint_url=self.s3, client_kwargs={"region_name": "us-east-1"}
            )
        if platform == "gcs":
            return GCSFileSystem(token="anon", endpoint_url=self.gcs)
        endpoint = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY}"
        return fsspec.filesystem("abfs", connection_string=f"{endpoint};BlobEndpoint={self.azure};")


@pytest.fixture(scope="module")
def clouds() -> Iterator[Clouds]:
    """All three servers."""
    with ExitStack() as stack:
        s3 = stack.enter_context(server(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "PORT"))
        gcs = stack.enter_context(
            server(
                sys.executable,
                *("-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", "PORT", "--in-memory"),
            )
        )
        blob = ("--blobHost", "127.0.0.1", "--blobPort", "PORT", "--inMemoryPersistence")
        azure = stack.enter_context(
            server("node", str(azurite()), *blob, "--skipApiVersionCheck", "--disableTelemetry", "--silent")
        )
        found = Clouds(f"http://127.0.0.1:{s3}", f"http://127.0.0.1:{gcs}", f"http://127.0.0.1:{azure}/{ACCOUNT}")
        requests.put(f"{found.s3}/tiles", timeout=9).raise_for_status()
        requests.post(f"{found.gcs}/storage/v1/b?project=p", json={"name": "tiles"}, timeout=9).raise_for_status()
        with BlobServiceClient(found.azure, credential=ACCOUNT_KEY) as service:
            service.create_container("tiles").close()
        yield found


@pytest.fixture
def ard(clouds: Clouds) -> Iterator[Sandbox]:
    """A sandbox that delivers to all three."""
    with Sandbox(
        order_duration=0,
        storage="cloud",
        s3_endpoint=clouds.s3,
        s3_key="k",
        s3_secret="s",
        gcs_endpoint=clouds.gcs,
        azure_endpoint=clouds.azure,
        pixels=64,
    ) as sandbox:
        yield sandbox


@pytest.fixture
def api(ard: Sandbox) -> Iterator[requests.Session]:
    """A session that is logged in."""
    with login(ard) as session:
        yield session


@contextmanager
def login(ard: Sandbox) -> Iterator[requests.Session]:
    """Yield a session that is logged in."""
    with requests.Session() as session:
        session.trust_env = False
        fields = {"grant_type": "password", "username": ard.login, "password": ard.password}
        tokens = session.post(f"{ard.url}/api/v1/auth/authenticate", data=fields, timeout=9).json()
        session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        yield session


def order(ard: Sandbox, api: requests.Session, config: dict[str, Any], *, dry_run: bool = False) -> requests.Response:
    """Order two tiles of the first acquisition."""
    cells = sorted(ard._state.catalog.tiles(ard.acquisitions[0]))[:2]
    body = {
        "acquisitions": [{"id": ard.acquisitions[0], "cells": cells}],
        "output_config": config,
        "dry_run": dry_run,
    }
    return api.post(f"{ard.url}/api/v1/order/", json=body, timeout=60)


def ended(ard: Sandbox, api: requests.Session, answer: requests.Response) -> dict[str, Any]:
    """Return an order's status once it has been delivered."""
    ard.wait_for_deliveries()
    return api.get(f"{ard.url}/api/v1/order/status/{answer.json()['id']}", timeout=9).json()


@pytest.mark.parametrize("platform", ["s3", "gcs", "azure"])
def test_an_order_is_delivered_to_the_platform_that_it_names(clouds, ard, api, platform, tmp_path):
    assert order(ard, api, clouds.config(platform), dry_run=True).status_code == 200
    done = ended(ard, api, order(ard, api, clouds.config(platform)))
    assert done["status"] == "SUCCEEDED", done
    files = clouds.files(platform)
    found = files.find("tiles/a/b")
    assert len(found) == 2 * FILES_OF_A_TILE + 3
    assert not [path for path in found if path.endswith(".ard-dry-run")]
    files.get("tiles/a/b/", str(tmp_path), recursive=True)
    root = next(tmp_path.rglob("*_root_collection.json"))
    items = list(pystac.Collection.from_file(str(root)).get_items(recursive=True))
    assert len(items) == 2
    for item in items:
        # The schemas of extensions would have to come from the net; those of STAC itself are here.
        item.stac_extensions = []
        item.validate()
        with rasterio.open(item.assets["visual"].get_absolute_href()) as image:
            assert image.read(1).max() > 0
        assert cog_validate(item.assets["visual"].get_absolute_href(), quiet=True)[0]


@pytest.mark.parametrize("platform", ["s3", "gcs", "azure"])
def test_a_missing_bucket_is_found_out_by_a_dry_run_and_by_an_order(clouds, ard, api, platform):
    config = clouds.config(platform, "no-such-bucket")
    refused = order(ard, api, config, dry_run=True)
    assert refused.status_code == 400
    assert "cannot be written to" in refused.json()["message"]
    assert "\n" not in refused.json()["message"]
    done = ended(ard, api, order(ard, api, config))
    assert done["status"] == "FAILED"
    assert done["status_message"].startswith("Delivery failed")


def test_a_signature_that_azure_refuses_is_refused(clouds, ard, api):
    config = clouds.config("azure")
    config["azure_blob_storage"]["sas_url"] = clouds.sas().replace("sig=", "sig=0")
    assert order(ard, api, config, dry_run=True).status_code == 400


def test_stored_credentials_open_the_container(clouds, ard, api):
    ard.store_credentials("azure-prod", clouds.sas())
    config = {"azure_blob_storage": {"container": "tiles", "prefix": "stored", "credentials_id": "azure-prod"}}
    done = ended(ard, api, order(ard, api, config))
    assert done["status"] == "SUCCEEDED", done
    assert done["order"]["output_config"] == config
    assert clouds.files("azure").find("tiles/stored")


def test_a_sas_that_expires_while_the_order_runs_fails_it(clouds):
    with (
        Sandbox(order_duration="2d", storage="cloud", azure_endpoint=clouds.azure, pixels=64) as ard,
        login(ard) as api,
    ):
        assert order(ard, api, clouds.config("azure")).status_code == 200
        ard.wait_for_deliveries()
        ard.clock.advance("3d")
        assert ard.orders[0].status == "FAILED"
        assert "SAS URL expired" in ard.orders[0].status_message


def test_a_platform_without_a_server_is_no_place_to_deliver_to():
    with Sandbox(storage="cloud", order_duration=0) as ard, login(ard) as api:
        config = {"google_cloud_storage": {"bucket": "b", "prefix": "", "service_credentials": KEY_FILE}}
        refused = order(ard, api, config, dry_run=True)
        assert "without a Google Cloud Storage server" in refused.json()["message"]
