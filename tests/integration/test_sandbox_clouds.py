"""Delivery to all three clouds, each with an emulator: moto, gcp-storage-emulator, Azurite."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pystac
import pytest
import rasterio
import requests
from rio_cogeo.cogeo import cog_validate

from airflow_provider_ard.sandbox import Sandbox
from tests.integration.clouds import KEY_FILE, Clouds, three_clouds

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES_PER_TILE = 18


@pytest.fixture(scope="module")
def clouds() -> Iterator[Clouds]:
    """Run the storage servers of all three clouds."""
    with three_clouds() as clouds:
        yield clouds


@pytest.fixture
def ard(clouds: Clouds) -> Iterator[Sandbox]:
    """Run a sandbox that delivers to all three clouds."""
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
    """Yield a logged-in session of the sandbox."""
    with login(ard) as session:
        yield session


@contextmanager
def login(ard: Sandbox) -> Iterator[requests.Session]:
    """Yield a logged-in session."""
    with requests.Session() as session:
        session.trust_env = False
        fields = {"grant_type": "password", "username": ard.login, "password": ard.password}
        tokens = session.post(f"{ard.url}/api/v1/auth/authenticate", data=fields, timeout=9).json()
        session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        yield session


def order(ard: Sandbox, api: requests.Session, config: dict[str, Any], *, dry_run: bool = False) -> requests.Response:
    """Order two tiles of the first acquisition."""
    cells = sorted(ard.catalog.tiles(ard.acquisitions[0]))[:2]
    body = {
        "acquisitions": [{"id": ard.acquisitions[0], "cells": cells}],
        "output_config": config,
        "dry_run": dry_run,
    }
    return api.post(f"{ard.url}/api/v1/order/", json=body, timeout=60)


def final_status(ard: Sandbox, api: requests.Session, response: requests.Response) -> dict[str, Any]:
    """Return the status of an order after its delivery."""
    ard.wait_for_deliveries()
    return api.get(f"{ard.url}/api/v1/order/status/{response.json()['id']}", timeout=9).json()


@pytest.mark.parametrize("platform", ["s3", "gcs", "azure"])
def test_order_is_delivered_to_its_platform(clouds, ard, api, platform, tmp_path):
    assert order(ard, api, clouds.config(platform), dry_run=True).status_code == 200
    status = final_status(ard, api, order(ard, api, clouds.config(platform)))
    assert status["status"] == "SUCCEEDED", status
    files = clouds.files(platform)
    paths = files.find("tiles/a/b")
    assert len(paths) == 2 * FILES_PER_TILE + 3
    assert not [path for path in paths if ".ard-dry-run" in path]
    files.get("tiles/a/b/", str(tmp_path), recursive=True)
    root = next(tmp_path.rglob("*_root_collection.json"))
    items = list(pystac.Collection.from_file(str(root)).get_items(recursive=True))
    assert len(items) == 2
    for item in items:
        # The schemas of extensions would have to be downloaded; those of STAC itself are bundled.
        item.stac_extensions = []
        item.validate()
        with rasterio.open(item.assets["visual"].get_absolute_href()) as image:
            assert image.read(1).max() > 0
        assert cog_validate(item.assets["visual"].get_absolute_href(), quiet=True)[0]


@pytest.mark.parametrize("platform", ["s3", "gcs", "azure"])
def test_missing_bucket_fails_dry_run_and_order(clouds, ard, api, platform):
    config = clouds.config(platform, "no-such-bucket")
    response = order(ard, api, config, dry_run=True)
    assert response.status_code == 400
    assert "cannot be written to" in response.json()["message"]
    assert "\n" not in response.json()["message"]
    status = final_status(ard, api, order(ard, api, config))
    assert status["status"] == "FAILED"
    assert status["status_message"].startswith("Delivery failed")


def test_invalid_sas_signature_fails_dry_run(clouds, ard, api):
    config = clouds.config("azure")
    config["azure_blob_storage"]["sas_url"] = clouds.sas().replace("sig=", "sig=0")
    assert order(ard, api, config, dry_run=True).status_code == 400


def test_delivery_with_stored_credentials(clouds, ard, api):
    ard.store_credentials("azure-prod", clouds.sas())
    config = {"azure_blob_storage": {"container": "tiles", "prefix": "stored", "credentials_id": "azure-prod"}}
    status = final_status(ard, api, order(ard, api, config))
    assert status["status"] == "SUCCEEDED", status
    assert status["order"]["output_config"] == config
    assert clouds.files("azure").find("tiles/stored")


def test_order_fails_if_the_sas_url_expires(clouds):
    with (
        Sandbox(order_duration="2d", storage="cloud", azure_endpoint=clouds.azure, pixels=64) as ard,
        login(ard) as api,
    ):
        assert order(ard, api, clouds.config("azure")).status_code == 200
        ard.wait_for_deliveries()
        ard.clock.advance("3d")
        assert ard.orders[0].status == "FAILED"
        assert "SAS URL expired" in ard.orders[0].status_message


def test_platform_without_server_fails_dry_run():
    with Sandbox(storage="cloud", order_duration=0) as ard, login(ard) as api:
        config = {"google_cloud_storage": {"bucket": "b", "prefix": "", "service_credentials": KEY_FILE}}
        response = order(ard, api, config, dry_run=True)
        assert "Google Cloud Storage" in response.json()["message"]
